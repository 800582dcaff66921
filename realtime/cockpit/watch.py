"""Watches a run for the page: rates, silence, light, who is there, disk, outputs."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from realtime.cockpit.banners import DROP_SHARE, Signs
from realtime.cockpit.camera import CameraSwitch
from realtime.cockpit.fov_check import FovCheck
from realtime.cockpit.outputs import Outputs
from realtime.cockpit.recording import Recording
from realtime.cockpit.robot import RobotSwitch
from realtime.data import Motion, State
from realtime.pipeline import Pipeline
from realtime.retarget.robot_pose import RobotState
from realtime.sinks.pictures import has_picture

RATE_NS = 2_000_000_000
"""Over which the camera's rate is measured,"""
RATE_LEAST_NS = 1_500_000_000
"""and at least so long."""
DISK_PERIOD_S = 5.0
DROPS_S = 5.0
"""Over which losses of an output are counted."""
BRIGHTNESS_STEP = 16
"""Every so many pixels are looked at."""
_PRESENT = (State.TRACKING, State.PREDICTED)


class Pace:
    """Pictures per second by their numbers and times of capture, without what was lost on the way here."""

    def __init__(self) -> None:
        self._taken: deque[tuple[int, int]] = deque()

    def add(self, index: int, time_ns: int) -> None:
        """One picture; one from before the last begins anew."""
        if self._taken and (index <= self._taken[-1][0] or time_ns <= self._taken[-1][1]):
            self._taken.clear()
        self._taken.append((index, time_ns))
        while time_ns - self._taken[0][1] > RATE_NS:
            self._taken.popleft()

    @property
    def fps(self) -> float | None:
        """None until it can be told."""
        if len(self._taken) < 3:
            return None
        (first, begin_ns), (last, end_ns) = self._taken[0], self._taken[-1]
        return None if end_ns - begin_ns < RATE_LEAST_NS else (last - first) * 1e9 / (end_ns - begin_ns)


class Losses:
    """Which outputs lost many of the last frames."""

    def __init__(self) -> None:
        self._past: dict[str, deque[tuple[float, int, int]]] = {}

    def add(self, name: str, sent: int, dropped: int, now_s: float) -> float:
        """Share of the last `DROPS_S` that was dropped."""
        past = self._past.setdefault(name, deque())
        past.append((now_s, sent, dropped))
        while now_s - past[0][0] > DROPS_S:
            past.popleft()
        _, sent_then, dropped_then = past[0]
        lost, offered = dropped - dropped_then, sent - sent_then + dropped - dropped_then
        return lost / offered if offered > 20 else 0.0


@dataclass
class Watch:
    """What the page knows of the run. `add` for every frame it gets, `signs` four times a second."""

    pipeline: Pipeline
    camera: CameraSwitch | None = None
    outputs: Outputs | None = None
    recording: Recording | None = None
    robot: RobotSwitch | None = None
    disk_free: Callable[[Path], int] = field(default=lambda folder: shutil.disk_usage(folder).free)

    def __post_init__(self) -> None:
        self._pace, self._losses, self._fov = Pace(), Losses(), FovCheck()
        self._begin_s: float | None = None
        self._frame_s: float | None = None
        self._seen_s: float | None = None
        self._last: Motion | None = None
        self._disk: tuple[float, int | None] = (-DISK_PERIOD_S, None)
        self._source: object = None

    def add(self, motion: Motion, now_s: float) -> None:
        """One frame."""
        source = self.pipeline.capture.source
        if source is not self._source:
            self._source = source
            self._pace, self._seen_s = Pace(), now_s
            self._fov.forget()
        self._pace.add(motion.frame.index, motion.frame.capture_time_ns)
        self._last, self._frame_s = motion, now_s
        if any(pose.state in _PRESENT for pose in motion.people):
            self._seen_s = now_s
        camera = self.pipeline.camera
        if camera is not None and motion.known_from.get("fov") != "given":
            self._fov.add(motion, camera)

    def signs(self, now_s: float) -> Signs:
        """All of it at this moment."""
        if self._begin_s is None:
            self._begin_s = now_s
        source, camera, recording = self.pipeline.capture.source, self.camera, self.recording
        return Signs(
            source=source.name,
            live=source.live,
            over=self.pipeline.control.closed,
            opening=camera is not None and camera.busy,
            switch_error="" if camera is None else camera.error,
            silent_s=now_s - (self._begin_s if self._frame_s is None else self._frame_s),
            camera_fps=self._pace.fps,
            nominal_fps=source.fps,
            brightness=self._brightness(),
            alone_s=0.0 if self._seen_s is None else now_s - self._seen_s,
            focal_ratio=self._fov.ratio,
            disk_free=self._free(now_s),
            failing=self._failing(),
            slow=self._slow(now_s),
            recording_failure="" if recording is None else recording.failure,
            estop=self._estop(),
        )

    def _brightness(self) -> float | None:
        image = None if self._last is None else self._last.frame.image
        if image is None or not has_picture(image):
            return None
        return float(np.mean(image[::BRIGHTNESS_STEP, ::BRIGHTNESS_STEP]))

    def _free(self, now_s: float) -> int | None:
        """Of the disk for takes, looked up now and then; None where nothing can be recorded."""
        if self.recording is not None and now_s - self._disk[0] >= DISK_PERIOD_S:
            folder = self.recording.folder.absolute()
            there = next((f for f in (folder, *folder.parents) if f.exists()), folder)
            try:
                self._disk = now_s, self.disk_free(there)
            except OSError:
                self._disk = now_s, None
        return self._disk[1]

    def _failing(self) -> tuple[tuple[str, str], ...]:
        outputs = () if self.outputs is None else self.outputs.all
        return tuple((o.name, o.problem) for o in outputs if o.state == "failed")

    def _slow(self, now_s: float) -> tuple[tuple[str, float], ...]:
        outputs = () if self.outputs is None else self.outputs.all
        shares = [(o.name, self._losses.add(o.name, o.sent, o.dropped, now_s)) for o in outputs]
        return tuple((name, share) for name, share in shares if share > DROP_SHARE)

    def _estop(self) -> bool:
        last = None if self.robot is None else self.robot.last
        return last is not None and last.state is RobotState.ESTOP
