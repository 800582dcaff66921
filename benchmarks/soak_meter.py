"""What a process holds while it runs: memory, threads, descriptors and Python objects, sampled and judged."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil


@dataclass(frozen=True)
class Sample:
    """One look at the process."""

    seconds: float
    frames: int
    resident_mb: float
    threads: int
    files: int
    """Open descriptors."""
    objects: dict[str, int]
    """Objects that Python's collector knows, by type, without these samples."""


class Meter:
    """Samples its own process from a thread of its own, between `with` and its end."""

    def __init__(self, frames: Callable[[], int], period_s: float) -> None:
        """`frames` tells how many are done. A look costs about 40 ms of the interpreter's time."""
        self.samples: list[Sample] = []
        self._frames, self._period_s = frames, period_s
        self._begin, self._done = time.monotonic(), threading.Event()
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def look(self) -> Sample:
        """One sample now, after what nobody needs any more is gone."""
        gc.collect()
        _return_free_memory()
        return Sample(
            time.monotonic() - self._begin,
            self._frames(),
            self._process.memory_info().rss / 1e6,
            self._process.num_threads(),
            self._process.num_fds(),
            self._count_objects(),
        )

    def _count_objects(self) -> dict[str, int]:
        counts = Counter(type(thing).__qualname__ for thing in gc.get_objects())
        counts["Sample"] -= len(self.samples)
        counts["dict"] -= sum(map(gc.is_tracked, (sample.objects for sample in self.samples)))
        return dict(counts)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._period_s):
            self.samples.append(self.look())


def _return_free_memory() -> None:
    """Have glibc give back what is free, so that the resident size is what is held."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def after_warm_up(samples: list[Sample], share: float = 0.25) -> list[Sample]:
    """All but the first part of a run, in which rings fill and libraries load."""
    return samples[int(len(samples) * share) :]


def slope(hours: list[float], values: list[float]) -> float:
    """Growth per hour: the median of all pairwise slopes (Theil and Sen), which single peaks do not move."""
    t, v = np.array(hours), np.array(values)
    first, second = np.triu_indices(len(t), 1)
    steps = t[second] - t[first]
    return float(np.median((v[second] - v[first])[steps > 0] / steps[steps > 0]))


def objects(samples: list[Sample]) -> list[float]:
    """Number of all objects in each sample."""
    return [float(sum(sample.objects.values())) for sample in samples]


def grown(samples: list[Sample], least: int = 100) -> dict[str, int]:
    """Types of which each third of the samples holds more than the one before, and how many more at last."""
    thirds = [part for part in np.array_split(np.arange(len(samples)), 3) if len(part)]
    kinds = {kind for sample in samples for kind in sample.objects}
    found = {}
    for kind in kinds:
        means = [float(np.mean([samples[i].objects.get(kind, 0) for i in part])) for part in thirds]
        rises = np.diff(means)
        if len(rises) == 2 and rises.min() > least / 4 and rises.sum() > least:
            found[kind] = round(rises.sum())
    return dict(sorted(found.items(), key=lambda item: -item[1]))
