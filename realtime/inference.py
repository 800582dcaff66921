"""A frame in, its people out: detect → track → lift → correct → solve, under one estimate of the camera."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lifting.camera_estimate import CameraEstimate
from realtime.capture import Captured
from realtime.data import BodyPose, Frame, Keypoints
from realtime.line_segments import line_segments
from realtime.people import People
from realtime.recorded_tracker import PersonTracker
from realtime.solve.body import SolverOptions
from realtime.timing import Timings

OpenCamera = Callable[[int, int], CameraEstimate]
"""Makes the camera estimate for a picture of this width and height."""


class Inference:
    """All that is learned while looking: who is there, how long their bones are, how the camera hangs."""

    def __init__(
        self, tracker: PersonTracker, people: People, open_camera: OpenCamera, timings: Timings
    ) -> None:
        self.camera: CameraEstimate | None = None
        self.tracker, self._people, self._open_camera, self._timings = tracker, people, open_camera, timings
        self._tuned = False
        self._turn = 0

    @property
    def options(self) -> SolverOptions:
        """The solver's, as they are now."""
        return self._people.options

    def infer(self, captured: Captured) -> tuple[list[Keypoints], tuple[BodyPose, ...]]:
        """The people of a frame: their joints in the picture, and their bodies in the room."""
        frame, times = captured.frame, self._timings
        times.record("capture", captured.handed_ns - frame.received_ns)
        times.record("wait", time.monotonic_ns() - captured.handed_ns)
        camera = self._camera_for(frame)
        self._begin_anew_where_the_file_does(frame)
        with times.stage("detect"):
            keypoints = self.tracker.update(frame)
        with times.stage("lift"):
            _learn_lines(camera, frame, keypoints)
            raw_joints_cam = self._people.lift(keypoints, camera, frame.capture_time_ns)
        with times.stage("correct"):
            joints_cam = self._people.correct(raw_joints_cam, keypoints)
        with times.stage("solve"):
            poses = self._people.solve(joints_cam, raw_joints_cam, keypoints, camera, frame.capture_time_ns)
        return keypoints, poses

    def tune(self, options: dict[str, Any]) -> None:
        """Other options of the solver: fields of `SolverOptions` by name."""
        self._people.tune(replace(self.options, **options))
        self._tuned = True
        if self.camera is not None:
            self.camera.person_height_m = self.options.height_m

    def relearn(self) -> None:
        """Forget the camera and the bodies' measures; people keep their numbers."""
        self._people.forget()
        self.camera = None

    def look_elsewhere(self, open_camera: OpenCamera | None) -> None:
        """Forget everybody: frames come from another source. None: through a lens like the one before."""
        self._open_camera = open_camera or self._open_camera
        self.relearn()
        self.tracker.restart()

    def _begin_anew_where_the_file_does(self, frame: Frame) -> None:
        if frame.turn != self._turn:
            self._people.forget()  # or those of the last turn would linger beside those of this one
            self.tracker.restart()
            self._turn = frame.turn

    def _camera_for(self, frame: Frame) -> CameraEstimate:
        width, height = frame.size
        known = self.camera
        if known is None or (known.intrinsics.width, known.intrinsics.height) != (width, height):
            self.camera = known = self._open_camera(width, height)
            if self._tuned:
                known.person_height_m = self.options.height_m
        return known


def _learn_lines(camera: CameraEstimate, frame: Frame, keypoints: list[Keypoints]) -> None:
    """Now and then the tilt from the picture, 20 ms; where there is one."""
    if frame.recorded is None and camera.lines_due(frame.capture_time_ns):
        lines_px = line_segments(frame.image, [k.box for k in keypoints])
        camera.learn_lines(lines_px, frame.capture_time_ns)
