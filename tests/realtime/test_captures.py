"""Sources that follow each other in a run: one clock, and books that go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from realtime.captures import Captures
from realtime.data import Frame

STEP_S = 0.02
UPTIME_NS = 3 * 86_400 * 10**9


class Ticking:
    """A source that stamps a frame every `STEP_S` by a clock of its own."""

    live, fps, missed = True, 1 / STEP_S, 0

    def __init__(self, name: str, clock_ns: int | None) -> None:
        """`clock_ns`: what its clock shows now; None for the machine's."""
        self.name = name
        self._offset_ns = 0 if clock_ns is None else clock_ns - time.monotonic_ns()
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        index = 0
        while not self._closed.wait(STEP_S):
            now = time.monotonic_ns()
            captured_ns = now + self._offset_ns
            yield Frame(np.zeros((2, 2, 3), np.uint8), index, captured_ns, now, time.time_ns() - captured_ns)
            index += 1

    def close(self) -> None:
        self._closed.set()

    def __enter__(self) -> Ticking:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def taken(*clocks_ns: int | None) -> list[Frame]:
    """Ten frames from a source of each clock, one after the other."""
    first, *others = [Ticking(str(number), clock_ns) for number, clock_ns in enumerate(clocks_ns)]
    captures = Captures(first, lossless=False)
    captures.start()
    frames: list[Frame] = []
    for source in (None, *others):
        if source is not None:
            captures.switch(source)
        some = [captures.next(1.0) for _ in range(10)]
        frames += [captured.frame for captured in some if captured is not None]
    captures.close()
    assert len(frames) == 10 * len(clocks_ns)
    return frames


@pytest.mark.parametrize(
    "clocks_ns",
    [(UPTIME_NS, 0), (0, UPTIME_NS), (5_000_000_000, 0), (5_000_000_000, 0, UPTIME_NS)],
    ids=["camera-file", "file-camera", "file-again", "three"],
)
def test_time_goes_on_as_it_passes_whatever_clock_a_source_has(clocks_ns: tuple[int, ...]) -> None:
    """Between any two frames as much as between their arrivals; the wall clock's stamp stays true."""
    frames = taken(*clocks_ns)
    captured = np.array([frame.capture_time_ns for frame in frames])
    received = np.array([frame.received_ns for frame in frames])
    np.testing.assert_allclose(np.diff(captured), np.diff(received), rtol=0, atol=1)
    assert captured[0] - clocks_ns[0] < 1_000_000_000
    wall = [frame.capture_time_ns + frame.wall_offset_ns for frame in frames]
    offset = time.time_ns() - time.monotonic_ns()
    np.testing.assert_allclose(np.array(wall) - offset, received, rtol=0, atol=200_000_000)


def test_cameras_keep_the_clock_of_the_machine() -> None:
    """Two sources with the same clock: no stamp is changed by a nanosecond."""
    frames = taken(None, None)
    assert [frame.capture_time_ns for frame in frames] == [frame.received_ns for frame in frames]
