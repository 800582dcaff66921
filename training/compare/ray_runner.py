"""Cells as tasks of a ray cluster (https://ray.io), for comparisons over several machines.

Every machine needs Sealcap and the folder of the comparison under the same path.
"""

from __future__ import annotations

from pathlib import Path

from lifting.errors import SealcapError
from lifting.ray_tasks import Lost, RayTasks

THREADS = 4
"""CPU threads of a cell; with GPUs in the cluster, each cell also gets one of them to itself."""


class RayWorkers:
    """See `training.compare.run.Workers`."""

    threads = THREADS

    def __init__(self, address: str) -> None:
        """Connects to the cluster. Raises MissingExtra without ray, SealcapError when nobody answers."""
        self._tasks: RayTasks[Path] = RayTasks(address)
        gpus = self._tasks.resource("GPU")
        self._slots = gpus or max(1, self._tasks.resource("CPU") // THREADS)
        self._tasks.prepare(_train, cpus=THREADS, gpus=1 if gpus else 0)

    def free(self) -> int:
        """Tasks that the cluster could take at once."""
        return self._slots - self._tasks.running

    def start(self, folder: Path) -> None:
        """Hand the cell to the cluster."""
        self._tasks.start(folder, str(folder.resolve()))

    def finished(self) -> list[tuple[Path, str | None]]:
        """Tasks that ended; a machine that was lost is an error like any other."""
        ended = self._tasks.finished()
        return [(folder, answer.reason if isinstance(answer, Lost) else answer) for folder, answer in ended]

    def stop(self) -> None:
        """Cancel what still runs and leave the cluster."""
        self._tasks.stop()


def _train(folder: str) -> str | None:
    """Runs on the cluster; returns what went wrong."""
    from training.compare.cell import run_cell

    try:
        run_cell(Path(folder))
    except SealcapError as error:
        return str(error)
    return None
