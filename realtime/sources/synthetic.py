"""A procedural figure as a source, with the exact answer in every frame.

Everything behind the detector, and with a forgiving detector the whole pipeline, can be tried without a
camera, a person or a data set. The same time gives the same picture and truth at any frame rate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from threading import Event

import numpy as np

from lifting.camera import DEFAULT_FOV_DEG, Intrinsics, gravity_from_pitch, world_from_cam
from lifting.errors import SourceError
from lifting.skeleton import BODY21, SEALCAP26
from realtime.data import Frame, Truth
from realtime.sources.figure import Figure, figure_at
from realtime.sources.motion import ROUTINE_S, Floats
from realtime.sources.render import Renderer

_BODY21_IN_SEALCAP26 = SEALCAP26.indices(*BODY21.joints)


class SyntheticSource:
    """A figure that stands, walks, turns, sits and waves in a room; `capture_time_ns` is media time from 0.

    The camera stands `distance_m` before the figure's starting point, `camera_height_m` above the floor,
    and looks `camera_pitch_deg` down.
    """

    live = False
    name = "synthetic"
    missed = 0

    def __init__(
        self,
        fps: float = 30.0,
        size: tuple[int, int] = (640, 480),
        *,
        paced: bool = False,
        duration_s: float | None = None,
        loop: bool = False,
        fov_deg: float = DEFAULT_FOV_DEG,
        camera_pitch_deg: float = 5.0,
        camera_height_m: float = 1.2,
        stature_m: float = 1.70,
        distance_m: float = 3.4,
    ) -> None:
        """`size` is (width, height) in pixels. Ends after `duration_s`, by default one routine of 26 s;
        with `loop` it goes on for ever. Raises SourceError for a rate or size that cannot be.
        """
        width, height = size
        if not (0.1 <= fps <= 1000 and 1 <= width <= 8192 and 1 <= height <= 8192):
            raise SourceError(f"The synthetic source cannot do {width}×{height} at {fps} frames per second.")
        self.fps, self.paced, self.stature_m = float(fps), paced, stature_m
        self._frames = None if loop else math.ceil((duration_s or ROUTINE_S) * fps - 1e-6)
        self.intrinsics = Intrinsics.from_fov(width, height, fov_deg)
        self.gravity_cam: Floats = gravity_from_pitch(camera_pitch_deg)
        self.R_world_from_cam: Floats = world_from_cam(self.gravity_cam)
        self.camera_world: Floats = np.array([0.0, camera_height_m, distance_m])
        self._renderer = Renderer(self.intrinsics, self.R_world_from_cam, self.camera_world)
        self._closed = Event()

    def frames(self) -> Iterator[Frame]:
        """Frames in order; paced ones come when their time has come, as from a camera."""
        start_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        index = 0
        while not self._closed.is_set() and (self._frames is None or index < self._frames):
            media_ns = round(index * 1e9 / self.fps)
            figure = figure_at(media_ns / 1e9, self.stature_m)
            image = self._renderer.draw(figure)
            if self.paced and self._closed.wait((start_ns + media_ns - time.monotonic_ns()) / 1e9):
                return
            yield Frame(image, index, media_ns, time.monotonic_ns(), wall_ns, self.truth(figure))
            index += 1

    def truth(self, figure: Figure) -> Truth:
        """What a perfect system would say about a figure."""
        world = figure.joints_world
        cam = (world - self.camera_world) @ self.R_world_from_cam
        root = cam[SEALCAP26.index("pelvis")]
        return Truth(
            points_px=self.intrinsics.project(cam[_BODY21_IN_SEALCAP26]).astype(np.float32),
            joints_cam=(cam - root).astype(np.float32),
            root_cam=root.astype(np.float32),
            joints_world=world.astype(np.float32),
        )

    def close(self) -> None:
        """End `frames`; idempotent, from any thread."""
        self._closed.set()

    def __enter__(self) -> SyntheticSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
