"""From a decoded 720p frame to the encoded packet: frames per second, and what grows in a long run."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from gpu_engines import Subject, allocations, engines, used_gpu_bytes

from lifting.camera import Intrinsics
from lifting.camera_estimate import CameraEstimate
from lifting.lifter import Lifter
from realtime.data import Float32, Frame, Image, Motion, Truth
from realtime.detectors import Detector, Estimate, Region
from realtime.detectors.rtmpose_device import RtmPoseOnDevice
from realtime.people import People
from realtime.sinks.wire import encode_pose
from realtime.solve.body import SolverOptions
from realtime.sources.synthetic import SyntheticSource
from realtime.tracking import Tracker

FRAMES, FPS = 60, 60.0
WARM_UP_FRAMES = 60
SETTLE_SHARE = 0.2
"""Of a long run, before growth counts."""


@dataclass
class Ran:
    """One run of the whole pipeline."""

    engine: str
    fps: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    stages_ms: str = ""
    why: str = ""


@dataclass
class Growth:
    """Of a long run, from when it had settled to its end."""

    seconds: float
    frames: int
    host_mib: float
    gpu_mib: float
    gpu_allocations_per_frame: float | None
    """By torch's allocator; None without it."""


@cache
def _clip(picture: tuple[int, int]) -> tuple[list[Frame], Intrinsics]:
    """Frames in memory, drawn once, and the camera they were drawn with."""
    source = SyntheticSource(FPS, picture, duration_s=FRAMES / FPS)
    return list(source.frames()), source.intrinsics


class _Answers:
    """A detector that does all the work of its network and then answers the truth.

    The network's weights are random: its time is real, what it sees is not.
    """

    finds_all = True

    def __init__(self, inner: Detector) -> None:
        self.name, self._inner = inner.name, inner
        self.truth: Truth | None = None

    def search(self, _image: Image) -> list[Region]:
        """Where the figure is."""
        return [self._region()]

    def estimate(self, image: Image, region: Region) -> Estimate:
        """The figure's joints."""
        return self.estimate_all(image, [region])[0]

    def estimate_all(self, image: Image, regions: Sequence[Region]) -> list[Estimate]:
        """The same for each region."""
        self._inner.estimate_all(image, regions)  # type: ignore[attr-defined]
        return [self._estimate() for _ in regions]

    def _estimate(self) -> Estimate:
        points = self._points()
        return Estimate(points, np.full(len(points), 0.9, np.float32), 0.9, self._region())

    def _region(self) -> Region:
        low, high = self._points().min(0), self._points().max(0)
        cx, cy = (low + high) / 2
        return Region(float(cx), float(cy), 1.25 * float((high - low).max()))

    def _points(self) -> Float32:
        assert self.truth is not None
        return self.truth.points_px


class EndToEnd:
    """The stages of `realtime.pipeline` in its order, on one thread, without capture and outputs.

    The search for straight lines, 20 ms every few seconds, is left out.
    """

    def __init__(self, engine: str, lifter: Subject, detector: Subject, picture: tuple[int, int]) -> None:
        """Raises a SealcapError where the engine does not run here."""
        make = engines()[engine]
        self._detector = _Answers(RtmPoseOnDevice(make(detector), lambda _: []))
        self._tracker = Tracker(self._detector)
        self._people = People(Lifter(make(lifter)), SolverOptions(), 1.0)
        self._frames, intrinsics = _clip(picture)
        self._camera = CameraEstimate(intrinsics)
        self._count = 0
        self.stage_s = {"detect": 0.0, "lift": 0.0, "correct": 0.0, "solve": 0.0, "encode": 0.0}

    def step(self) -> bytes:
        """One frame to one packet."""
        frame = self._next()
        self._detector.truth = frame.truth
        t0 = time.perf_counter()
        keypoints = self._tracker.update(frame)
        t1 = time.perf_counter()
        raw = self._people.lift(keypoints, self._camera, frame.capture_time_ns)
        t2 = time.perf_counter()
        joints = self._people.correct(raw, keypoints)
        t3 = time.perf_counter()
        poses = self._people.solve(joints, raw, keypoints, self._camera, frame.capture_time_ns)
        t4 = time.perf_counter()
        now = time.monotonic_ns()
        packet = encode_pose(Motion(self._count, frame, tuple(keypoints), poses, now, 0.0))
        t5 = time.perf_counter()
        for name, a, b in zip(self.stage_s, (t0, t1, t2, t3, t4), (t1, t2, t3, t4, t5), strict=True):
            self.stage_s[name] += b - a
        return packet

    def _next(self) -> Frame:
        """The clip to and fro, with time going on."""
        index = self._count % (2 * FRAMES - 2)
        known = self._frames[index if index < FRAMES else 2 * FRAMES - 2 - index]
        time_ns = round(self._count * 1e9 / FPS)
        self._count += 1
        return Frame(known.image, self._count, time_ns, time.monotonic_ns(), 0, known.truth)


def run(
    engine: str, lifter: Subject, detector: Subject, picture: tuple[int, int], frames: int
) -> tuple[Ran, EndToEnd]:
    """So many frames as fast as they go. Raises a SealcapError where the engine does not run here."""
    pipeline = EndToEnd(engine, lifter, detector, picture)
    for _ in range(min(WARM_UP_FRAMES, frames)):
        pipeline.step()
    pipeline.stage_s = dict.fromkeys(pipeline.stage_s, 0.0)
    times = []
    for _ in range(frames):
        begin = time.perf_counter()
        pipeline.step()
        times.append((time.perf_counter() - begin) * 1e3)
    stages = ", ".join(f"{name} {1e3 * s / frames:.2f}" for name, s in pipeline.stage_s.items())
    p50, p99 = (float(v) for v in np.percentile(times, (50, 99)))
    return Ran(engine, 1e3 * frames / sum(times), p50, p99, stages), pipeline


def long_run(pipeline: EndToEnd, seconds: float) -> Growth:
    """Frames for so long; memory once it has settled, and at the end."""
    begin = time.monotonic()
    frames = start_frames = 0
    start: tuple[float, float, int | None] | None = None
    while (passed := time.monotonic() - begin) < seconds:
        if start is None and passed > SETTLE_SHARE * seconds:
            gc.collect()
            start, start_frames = _memory(), frames
        pipeline.step()
        frames += 1
    gc.collect()
    end = _memory()
    first = start or end
    count = max(frames - start_frames, 1)
    taken = None if end[2] is None or first[2] is None else (end[2] - first[2]) / count
    return Growth(seconds, frames, end[0] - first[0], end[1] - first[1], taken)


def _memory() -> tuple[float, float, int | None]:
    """Host MiB, GPU MiB, allocations that torch has made so far."""
    return _resident_mib(), used_gpu_bytes() / 2**20, allocations()


def _resident_mib() -> float:
    """Of this process now; 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0.0
    import resource

    return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
