"""Tasks on a ray cluster (https://ray.io): trainings of a comparison, and videos of a collection.

ray is the optional extra `sweep` and is imported here only. A task whose machine or process dies is an
answer like any other; whoever handed it in decides what becomes of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lifting.errors import MissingExtra, SealcapError

Key = TypeVar("Key")

KNOCK_S = 5.0


@dataclass(frozen=True)
class Lost:
    """A task that ended without an answer."""

    reason: str
    """Last line of what ray says."""


class RayTasks(Generic[Key]):
    """Runs one function many times on a cluster; every call is known by a key of the caller's."""

    def __init__(self, address: str) -> None:
        """Connects to the cluster. Raises MissingExtra without ray, SealcapError when nobody answers."""
        try:
            import ray
        except ImportError as error:
            raise MissingExtra("ray", "sweep") from error
        self._ray: Any = ray
        self._running: dict[Any, Key] = {}
        self._task: Any = None
        try:
            _knock(address)
            ray.init(address=address, ignore_reinit_error=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise SealcapError(
                f"No ray cluster answers at {address}. Start one with: ray start --head."
            ) from error

    @property
    def running(self) -> int:
        """Calls that have not ended, as far as `finished` has told."""
        return len(self._running)

    def resource(self, name: str) -> int:
        """How much of `CPU` or `GPU` all machines together have now."""
        return int(self._ray.cluster_resources().get(name, 0))

    def prepare(self, function: Callable[[str], Any], cpus: int, gpus: float) -> None:
        """What `start` calls, and how much of a machine each call takes. Nothing is tried again by ray."""
        self._task = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(function)

    def start(self, key: Key, argument: str) -> None:
        """Hand one call to the cluster."""
        self._running[self._task.remote(argument)] = key

    def finished(self) -> list[tuple[Key, Any]]:
        """Calls that ended since the last time, each with its answer or `Lost`."""
        if not self._running:
            return []
        ended, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [(self._running.pop(task), self._answer(task)) for task in ended]

    def cancel(self, key: Key) -> None:
        """Kill the call; it ends as `Lost`."""
        for task, known in self._running.items():
            if known == key:
                self._ray.cancel(task, force=True)

    def stop(self) -> None:
        """Cancel what still runs and leave the cluster."""
        for task in self._running:
            self._ray.cancel(task, force=True)
        self._running.clear()
        self._ray.shutdown()

    def _answer(self, task: Any) -> Any:
        try:
            return self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()
            return Lost(lines[-1].strip() if lines else type(error).__name__)


def _knock(address: str) -> None:
    """ray itself would wait for minutes where nobody is. Raises OSError."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
