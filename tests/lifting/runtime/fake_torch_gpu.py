"""torch's CUDA streams and graphs, on the processor: captured work runs where and when a GPU would do it.

Operators are noted while a graph is captured. A replay puts them into the stream of the moment, as torch does
(CUDAGraph::replay), and nothing runs before that very stream is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class FakeStream:
    """Work that waits."""

    def __init__(self) -> None:
        self.pending: list[Callable[[], None]] = []

    def wait_stream(self, other: FakeStream) -> None:
        """All work of the other comes first."""
        other.synchronize()

    def synchronize(self) -> None:
        """Do what is pending here, and only here."""
        todo, self.pending = self.pending, []
        for work in todo:
            work()


class _Noting(TorchDispatchMode):
    """Keeps every operator with its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run it, and note it."""
        out = func(*args, **(kwargs or {}))
        self.noted.append((func, args, kwargs or {}, out))
        return out


class FakeTorchCuda:
    """`torch.cuda`, as far as networks use it."""

    def __init__(self) -> None:
        self.stack = [FakeStream()]
        self.modes: list[str] = []
        self.replays = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In place of the real one."""
        fake = self

        class Graph:
            noted: list[tuple[Any, Any, Any, Any]]

            def replay(self) -> None:
                fake.replays += 1
                fake.stack[-1].pending.append(lambda: _again(self.noted))

        monkeypatch.setattr(torch.cuda, "Stream", FakeStream)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: self.stack[-1])
        monkeypatch.setattr(torch.cuda, "stream", self._stream)
        monkeypatch.setattr(torch.cuda, "graph", self._graph)

    @contextmanager
    def _stream(self, stream: FakeStream) -> Iterator[None]:
        self.stack.append(stream)
        yield
        self.stack.pop()

    @contextmanager
    def _graph(self, graph: Any, *, stream: FakeStream, capture_error_mode: str = "global") -> Iterator[None]:
        self.modes.append(capture_error_mode)
        with self._stream(stream), _Noting() as noting:
            yield
        graph.noted = noting.noted


def _again(noted: list[tuple[Any, Any, Any, Any]]) -> None:
    """The same operators, into the same tensors."""
    with torch.no_grad():
        for func, args, kwargs, out in noted:
            new = func(*args, **kwargs)
            pairs = zip(out, new, strict=True) if isinstance(out, (tuple, list)) else [(out, new)]
            for old, fresh in pairs:
                if old.data_ptr() != fresh.data_ptr():
                    old.copy_(fresh)
