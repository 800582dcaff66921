"""Who does the work: processes of this machine, one video each at a time, all cores busy."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

import msgspec

from realtime.batch.records import Job, Record, decode_record

STOP_S = 5.0


@dataclass(frozen=True)
class Died:
    """A worker that ended in the middle of a video."""

    reason: str


Ended = tuple[Job, Record | Died]


class Crew(Protocol):
    """Where videos are done: processes of this machine, or a ray cluster."""

    def free(self) -> int:
        """How many videos could begin now."""

    def start(self, job: Job) -> None:
        """Begin one; at most `free()` times in a row."""

    def finished(self) -> list[Ended]:
        """Videos that ended since the last call."""

    def kill(self, job: Job) -> None:
        """Give one up that does not move; it ends as `Died`."""

    def stop(self) -> None:
        """End all that still runs, at once."""


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    log: Path
    job: Job | None = None
    answers: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)
    ear: threading.Thread | None = None

    def listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self.answers.put(line)

    def leave(self) -> None:
        """The process has ended: so do its pipes."""
        if self.ear is not None:
            self.ear.join(STOP_S)
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):  # a job that nobody reads any more
                self.process.stdin.close()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class LocalCrew:
    """Long-lived processes; one that dies is replaced when there is work for it."""

    def __init__(self, workers: int, threads: int, logs: Path) -> None:
        """`threads` of the processor for each; what workers say goes into `logs`."""
        self._size, self._threads, self._logs = workers, threads, logs
        self._workers: list[_Worker] = []
        self._made = 0
        logs.mkdir(parents=True, exist_ok=True)

    def free(self) -> int:
        """Idle workers, and those that could still be started."""
        return self._size - sum(worker.job is not None for worker in self._workers)

    def pids(self) -> list[int]:
        """Of the workers that have a video now."""
        return [worker.process.pid for worker in self._workers if worker.job is not None]

    def start(self, job: Job) -> None:
        """Hand it to an idle worker."""
        idle = [worker for worker in self._workers if worker.job is None and worker.alive]
        worker = idle[0] if idle else self._hire()
        worker.job = job
        with contextlib.suppress(OSError):  # it died this moment: `finished` will tell
            assert worker.process.stdin is not None
            worker.process.stdin.write(msgspec.json.encode(job) + b"\n")
            worker.process.stdin.flush()

    def finished(self) -> list[Ended]:
        """Answers, and the jobs of those that died."""
        ended: list[Ended] = []
        for worker in list(self._workers):
            alive = worker.alive
            try:
                answer = worker.answers.get(timeout=0 if alive else 1.0)
            except queue.Empty:
                if not alive:
                    self._workers.remove(worker)
                    worker.leave()
                    if worker.job is not None:
                        ended.append((worker.job, Died(_last_words(worker))))
                continue
            assert worker.job is not None
            ended.append((worker.job, decode_record(answer)))
            worker.job = None
        return ended

    def kill(self, job: Job) -> None:
        """As it does not answer, without asking."""
        for worker in self._workers:
            if worker.job == job:
                worker.process.kill()

    def stop(self) -> None:
        """Nothing that a worker holds needs its care: unfinished work is thrown away."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            try:
                worker.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.leave()
        self._workers.clear()

    def _hire(self) -> _Worker:
        self._made += 1
        log = self._logs / f"worker-{self._made}.txt"
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "realtime.batch.worker", str(self._threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the master alone
            )
        worker = _Worker(process, log)
        assert process.stdout is not None
        worker.ear = threading.Thread(target=worker.listen, args=(process.stdout,), daemon=True)
        worker.ear.start()
        self._workers.append(worker)
        return worker


def _last_words(worker: _Worker) -> str:
    code = worker.process.returncode
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    lines = worker.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"its process ended with code {code}: {lines[-1] if lines else 'it said nothing'}"
