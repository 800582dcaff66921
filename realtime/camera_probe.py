"""What a camera really delivers, found out by opening it: run as a process of its own, which may be killed.

`python -m realtime.camera_probe INDEX SECONDS` writes one line of JSON: a `Probe`. Drivers can wait for ever
inside a read, and nothing in this process could end that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import cv2
import numpy as np

from realtime.sources.devices import backend
from realtime.sources.opencv import VideoCapture, grab, open_capture

WATCH_S = 2.0
WARM_UP_S = 0.7
"""Automatic exposure needs that long; the first pictures also come in a burst."""
START_S = 3.0
GIVE_UP_S = 8.0
MAX_DRIVER_AGE_MS = 1000.0
BRIGHTNESS_EVERY = 8
"""Pictures between two whose brightness is looked at: decoding costs time."""


@dataclass(frozen=True)
class Probe:
    """One camera, as it behaved for some seconds."""

    error: str = ""
    """Why it could not be looked at; the rest means nothing then."""
    width: int = 0
    height: int = 0
    announced_fps: float = 0.0
    """What the driver promises; 0 where it says nothing."""
    fps: float = 0.0
    """What came."""
    longest_gap_ms: float = 0.0
    latency_ms: float | None = None
    """From the kernel's time stamp to us; None where there is no such stamp."""
    brightness: float = 0.0
    """Mean of the picture, 0 to 255."""
    exposure: float | None = None
    """The driver's own number, whose unit differs; None where it tells none."""


@dataclass
class _Watched:
    times: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)


def probe(index: int, seconds: float = WATCH_S, give_up_s: float = GIVE_UP_S) -> Probe:
    """Look at a camera from a process that is killed when it does not answer within `give_up_s`."""
    return ask([sys.executable, "-m", "realtime.camera_probe", str(index), str(seconds)], give_up_s)


def ask(command: Sequence[str], give_up_s: float) -> Probe:
    """The answer of a probing process, or why there is none. Never raises, never takes longer."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=give_up_s, check=False, stdin=subprocess.DEVNULL
        )
        return Probe(**json.loads(done.stdout.strip().splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return Probe(f"it did not answer within {give_up_s:.0f} seconds")
    except (OSError, ValueError, IndexError, TypeError):
        return Probe("looking at it failed: its driver may have crashed")


def watch(capture: VideoCapture, seconds: float) -> Probe:
    """Grab for so long, after a warm-up, and count."""
    begin = time.monotonic()
    while not grab(capture):
        if time.monotonic() - begin > START_S:
            return Probe("it opens, but gives no picture; another program may be using it")
        time.sleep(0.01)
    _collect(capture, WARM_UP_S)
    seen = _collect(capture, seconds)
    if len(seen.times) < 2:
        return Probe("it stopped giving pictures")
    gaps = np.diff(seen.times)
    announced, exposure = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_EXPOSURE)
    return Probe(
        width=round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        height=round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        announced_fps=announced if 1 <= announced <= 1000 else 0.0,
        fps=float(1 / np.mean(gaps)),
        longest_gap_ms=float(1e3 * gaps.max()),
        latency_ms=float(np.median(seen.ages_ms)) if seen.ages_ms else None,
        brightness=float(np.mean(seen.brightness)) if seen.brightness else 0.0,
        exposure=exposure if exposure not in (0.0, -1.0) else None,
    )


def _collect(capture: VideoCapture, seconds: float) -> _Watched:
    seen, end = _Watched(), time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        if not grab(capture):
            time.sleep(0.005)
            continue
        now = time.monotonic()
        seen.times.append(now)
        if backend() == cv2.CAP_V4L2:
            age_ms = 1e3 * now - capture.get(cv2.CAP_PROP_POS_MSEC)
            seen.ages_ms += [age_ms] if 0 <= age_ms < MAX_DRIVER_AGE_MS else []
        if len(seen.times) % BRIGHTNESS_EVERY == 0:
            decoded, image = capture.retrieve()
            seen.brightness += [float(image[::8, ::8].mean())] if decoded else []
    return seen


def main(arguments: Sequence[str]) -> int:
    """INDEX SECONDS."""
    index, seconds = int(arguments[0]), float(arguments[1])
    capture = open_capture(index, backend())
    if capture is None:
        found = Probe("it cannot be opened; another program may be using it")
    else:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        found = watch(capture, seconds)
        capture.release()
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
