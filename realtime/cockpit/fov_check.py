"""Whether the field of view can be right: a foot on the floor stays in place while the body passes over it.

So the body moves by as much as the foot falls behind it. How far a foot falls behind is the network's word,
in the measure of the body. How far the body moves along the camera's axis follows from its size in the
picture and the field of view: one assumed too narrow makes distances from the camera too long, by the ratio
of the focal lengths. That ratio is told here from many steps towards the camera and away from it.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from lifting.camera_estimate import CameraEstimate
from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.data import Float32, Motion, State
from realtime.solve.root import solve_root

KEEP, FEWEST = 400, 25
"""Pairs of looks that are remembered; of them, so many must have moved."""
STEP_NS = 250_000_000
"""Between the two looks at a foot that rests; in a shorter time noise is larger than the way."""
MOVED_M = 0.1
"""Bodies that move less along the axis tell nothing."""
AGREES = 0.5
"""Correlation of the two ways below which nothing is said."""
TOO_WIDE, TOO_NARROW = 0.65, 1.35
"""Ratio of focal lengths, assumed to true, beyond which the field of view is doubted. Measured are 1.1 where
it is 1 and 1.6 where it is 2.1: contacts that are held a moment too long make feet move."""

_SOLES = np.array(SEALCAP26.indices(*CONTACTS))
_Look = tuple[int, int, Float32, float, Float32]
"""Time, person, contacts (4,), distance of the body along the axis, that of the soles behind it (4,)."""


class FovCheck:
    """Collects how far bodies and their feet move along the camera's axis."""

    def __init__(self) -> None:
        self._ways: deque[tuple[float, float]] = deque(maxlen=KEEP)
        self._before: _Look | None = None

    def forget(self) -> None:
        """Another camera."""
        self._ways.clear()
        self._before = None

    def add(self, motion: Motion, camera: CameraEstimate) -> None:
        """Take in the first person of a frame, now and then."""
        now_ns = motion.frame.capture_time_ns
        if self._before is not None and 0 <= now_ns - self._before[0] < STEP_NS:
            return
        if not motion.keypoints or not motion.people or motion.people[0].state is not State.TRACKING:
            self._before = None
            return
        keypoints, pose = motion.keypoints[0], motion.people[0]
        rays = camera.intrinsics.rays(keypoints.points_px)
        root = solve_root(rays, keypoints.confidence, pose.raw_joints_cam)
        before, self._before = self._before, None
        if root is None:
            return
        feet_m = pose.raw_joints_cam[_SOLES, 2]
        self._before = now_ns, pose.person_id, pose.contacts, float(root[2]), feet_m
        if before is not None and before[1] == pose.person_id and now_ns - before[0] < 2 * STEP_NS:
            self._compare(before, self._before)

    def _compare(self, before: _Look, now: _Look) -> None:
        rests = (before[2] > 0.5) & (now[2] > 0.5)
        if rests.any():
            behind_m = float((before[4] - now[4])[rests].mean())
            self._ways.append((now[3] - before[3], behind_m))

    @property
    def ratio(self) -> float | None:
        """Assumed over true focal length; None while it is near 1 or cannot be told."""
        if len(self._ways) < FEWEST:
            return None
        body, foot = np.array(self._ways).T
        if np.count_nonzero(np.abs(body) > MOVED_M) < FEWEST:
            return None
        # Both ways are noisy; least squares on either would make the ratio too small or too large.
        ratio = float(np.sqrt((body * body).sum() / (foot * foot).sum()))
        sure = float(np.corrcoef(body, foot)[0, 1]) > AGREES
        return ratio if sure and not TOO_WIDE < ratio < TOO_NARROW else None
