"""Cells as tasks of a ray cluster (https://ray.io), for comparisons over several machines.

Every machine needs Sealcap and the folder of the comparison under the same path. ray is the optional extra
`sweep` and is imported here only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifting.errors import MissingExtra, SealcapError

THREADS = 4
"""CPU threads of a cell; with GPUs in the cluster, each cell also gets one of them to itself."""


class RayWorkers:
    """See `training.compare.run.Workers`."""

    threads = THREADS

    def __init__(self, address: str) -> None:
        """Connects to the cluster. Raises MissingExtra without ray, SealcapError when nobody answers."""
        try:
            import ray
        except ImportError as error:
            raise MissingExtra("ray", "sweep") from error
        self._ray: Any = ray
        try:
            ray.init(address=address, ignore_reinit_error=True)
        except ConnectionError as error:
            raise SealcapError(
                f"No ray cluster answers at {address}. Start one with: ray start --head."
            ) from error
        resources = ray.cluster_resources()
        self._gpus = int(resources.get("GPU", 0))
        self._free = self._gpus or max(1, int(resources.get("CPU", THREADS)) // THREADS)
        self._running: dict[Any, Path] = {}
        self._task = ray.remote(num_cpus=THREADS, num_gpus=1 if self._gpus else 0, max_retries=0)(_train)

    def free(self) -> int:
        """Tasks that the cluster could take at once."""
        return self._free - len(self._running)

    def start(self, folder: Path) -> None:
        """Hand the cell to the cluster."""
        self._running[self._task.remote(str(folder.resolve()))] = folder

    def finished(self) -> list[tuple[Path, str | None]]:
        """Tasks that ended; a machine that was lost is an error like any other."""
        if not self._running:
            return []
        ended, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [(self._running.pop(task), self._outcome(task)) for task in ended]

    def stop(self) -> None:
        """Cancel what still runs and leave the cluster."""
        for task in self._running:
            self._ray.cancel(task, force=True)
        self._running.clear()
        self._ray.shutdown()

    def _outcome(self, task: Any) -> str | None:
        try:
            answer: str | None = self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            return str(error).strip().splitlines()[-1]
        return answer


def _train(folder: str) -> str | None:
    """Runs on the cluster; returns what went wrong."""
    from training.compare.cell import run_cell

    try:
        run_cell(Path(folder))
    except SealcapError as error:
        return str(error)
    return None
