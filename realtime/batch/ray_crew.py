"""Videos as tasks of a ray cluster. Every machine sees both folders under the same path and has Sealcap."""

from __future__ import annotations

import msgspec

from lifting.ray_tasks import Lost, RayTasks
from realtime.batch.crew import Died, Ended
from realtime.batch.records import Job, decode_record
from realtime.batch.work import process_text


class RayCrew:
    """See `realtime.batch.crew.Crew`."""

    def __init__(self, address: str, *, threads: int = 1, gpu: bool = False) -> None:
        """Each video takes `threads` processors, and with `gpu` one of the cluster's GPUs, if it has any.

        Raises MissingExtra without ray, SealcapError when nobody answers.
        """
        self._tasks: RayTasks[Job] = RayTasks(address)
        self._threads, self._gpu = threads, gpu and self._tasks.resource("GPU") > 0
        self._tasks.prepare(process_text, cpus=threads, gpus=1 if self._gpu else 0)

    def free(self) -> int:
        """Videos that the machines of this moment could take; they may come and go."""
        there = self._tasks.resource("GPU") if self._gpu else self._tasks.resource("CPU") // self._threads
        return max(0, there - self._tasks.running)

    def start(self, job: Job) -> None:
        """Hand it to the cluster."""
        self._tasks.start(job, msgspec.json.encode(job).decode())

    def finished(self) -> list[Ended]:
        """A process or machine that was lost is a `Died`."""
        return [
            (job, Died(answer.reason) if isinstance(answer, Lost) else decode_record(answer))
            for job, answer in self._tasks.finished()
        ]

    def kill(self, job: Job) -> None:
        """End the task's process."""
        self._tasks.cancel(job)

    def stop(self) -> None:
        """Cancel what runs and leave the cluster."""
        self._tasks.stop()
