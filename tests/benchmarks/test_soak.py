"""The soak's own measures, and a short soak."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from benchmarks.soak import accelerated, soak
from benchmarks.soak_meter import Meter, Sample, after_warm_up, grown, slope


def samples(*counts: dict[str, int]) -> list[Sample]:
    """One a second."""
    return [Sample(float(i), i, 100.0, 5, 9, objects) for i, objects in enumerate(counts)]


def test_the_slope_is_that_of_the_line_whatever_single_peaks() -> None:
    """Ten an hour, with noise and three peaks of a gigabyte."""
    hours = list(np.linspace(0, 3, 60))
    values = 400 + 10 * np.array(hours) + np.random.default_rng(0).normal(0, 0.5, 60)
    values[[5, 20, 50]] += 1000
    assert slope(hours, list(values)) == pytest.approx(10, abs=0.5)


def test_types_that_grow_are_named_and_others_are_not() -> None:
    """What comes and goes is no growth."""
    counts = [{"leak": 1000 + 10 * i, "wave": 1000 + 200 * (i % 3), "still": 5} for i in range(60)]
    assert list(grown(samples(*counts))) == ["leak"]
    assert len(after_warm_up(samples(*counts))) == 45


def test_a_leak_of_threads_memory_and_objects_is_seen() -> None:
    """The meter looks at this very process."""
    with Meter(lambda: 0, 60.0) as meter:
        before = meter.look()
        hoard = [[[]] for _ in range(20_000)]
        block = np.ones(30_000_000 // 8)
        done = threading.Event()
        thread = threading.Thread(target=done.wait)
        thread.start()
        after = meter.look()
        done.set()
        thread.join()
    assert after.objects["list"] - before.objects["list"] >= 2 * len(hoard)
    assert after.resident_mb - before.resident_mb > 0.9 * block.nbytes / 1e6
    assert after.threads == before.threads + 1


@pytest.mark.real
@pytest.mark.timeout(600)
def test_a_short_soak_accounts_for_every_frame_and_holds_its_objects(tmp_path: Path) -> None:
    """3000 frames with every output on: nothing missing, nothing left open, no type that grows.

    Memory is left to the long ones: over so short a time its slope is that of caches that fill.
    """
    found = soak(accelerated(3000, tmp_path), tmp_path, 1.5)
    kept = {check.what: check for check in found.checks()}
    kept.pop("resident memory")
    kept.pop("Python objects")
    assert all(check.met for check in kept.values()), kept
    assert found.summary.accounted
    assert found.recorded == found.summary.published == 3000
    assert not grown(after_warm_up(found.samples, 0.4), 1000)
    assert found.received["zmq frames"] > 0.9 * 3000
    assert found.received["page messages"] > 50
