"""Cells on a ray cluster: what it is asked for, what comes back, and the error without it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lifting.errors import MissingExtra, SealcapError
from training.compare import ray_runner
from training.compare.ray_runner import THREADS, RayWorkers


class FakeRay(ModuleType):
    """As much of ray as is used, with tasks that run when they are waited for."""

    def __init__(self, resources: dict[str, float]) -> None:
        super().__init__("ray")
        self.resources, self.options, self.down = resources, dict[str, Any](), False
        self.exceptions = ModuleType("ray.exceptions")
        self.exceptions.RayError = RuntimeError  # type: ignore[attr-defined]

    def init(self, address: str, ignore_reinit_error: bool) -> None:
        assert ignore_reinit_error
        if address == "nowhere":
            raise ConnectionError

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, **options: Any) -> Any:
        self.options = options

        def decorated(function: Any) -> Any:
            task = ModuleType("task")
            task.remote = lambda folder: (function, folder)  # type: ignore[attr-defined]
            return task

        return decorated

    def wait(self, tasks: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        assert (num_returns, timeout) == (len(tasks), 0)
        return tasks, []

    def get(self, task: Any) -> Any:
        function, folder = task
        if folder.endswith("lost"):
            raise RuntimeError("a machine\nis gone")
        return function(folder)

    def cancel(self, task: Any, force: bool) -> None:
        assert force
        assert task

    def shutdown(self) -> None:
        self.down = True


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"ray is not installed.*sealcap\[sweep\]"):
        RayWorkers("auto")


def test_cells_become_tasks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cell per four cores; errors of the cell and of the cluster come back as one line each."""
    ray = FakeRay({"CPU": 3.0 * THREADS})
    monkeypatch.setitem(sys.modules, "ray", ray)
    workers = RayWorkers("auto")
    assert (workers.free(), ray.options["num_cpus"], ray.options["num_gpus"]) == (3, THREADS, 0)
    assert workers.finished() == []
    (tmp_path / "empty").mkdir()
    workers.start(tmp_path / "empty")
    workers.start(tmp_path / "lost")
    assert workers.free() == 1
    ended = dict(workers.finished())
    assert "is no cell of a comparison" in str(ended[tmp_path / "empty"])
    assert ended[tmp_path / "lost"] == "is gone"
    assert workers.free() == 3
    workers.start(tmp_path / "empty")
    workers.stop()
    assert ray.down


def test_a_cluster_with_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell per GPU; no cluster at all is an error that says how to start one."""
    ray = FakeRay({"CPU": 64.0, "GPU": 2.0})
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert RayWorkers("auto").free() == 2
    assert ray.options["num_gpus"] == 1
    with pytest.raises(SealcapError, match="ray start --head"):
        RayWorkers("nowhere")
    assert ray_runner.THREADS == THREADS
