"""Poses to try a robot with: the synthetic figure's routine, or given joints, as the solver tells them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.data import BodyPose, State
from realtime.solve.quaternions import Float64
from realtime.solve.rotations import RotationSolver
from realtime.sources.figure import figure_at

TOUCHING_M, RESTING_M_S = 0.02, 0.3
"""A heel or toe so low and so slow is in contact."""
STATURE_M = 1.70
"""Of the synthetic figure."""
_FEET = SEALCAP26.indices(*CONTACTS)


class PoseMaker:
    """World joints, frame after frame → the `BodyPose` of somebody seen perfectly."""

    def __init__(self, stature_m: float, fps: float) -> None:
        self._stature_m, self._fps = stature_m, fps
        self._rotations = RotationSolver()
        self._feet: Float64 | None = None
        self._frame = 0

    def __call__(self, joints_world: Float64, contacts: Float64 | None = None) -> BodyPose:
        """Joints (26,3) metres, world axes; contacts (4,), estimated from height and speed if left out."""
        time_ns = round(self._frame * 1e9 / self._fps)
        solved = self._rotations.solve(joints_world, None, time_ns)
        touching = self._contacts(joints_world) if contacts is None else contacts
        self._frame += 1
        return pose_of(joints_world, solved.local, touching, self._stature_m)

    def _contacts(self, joints: Float64) -> Float64:
        feet = joints[_FEET]
        before = feet if self._feet is None else self._feet
        self._feet = feet
        slow = np.linalg.norm(feet - before, axis=1) * self._fps < RESTING_M_S
        return np.asarray(slow & (feet[:, 1] < TOUCHING_M), np.float64)


def pose_of(joints_world: Float64, bone_rotations: Float64, contacts: Float64, stature_m: float) -> BodyPose:
    """A pose of which everything is seen."""
    joints = joints_world.astype(np.float32)
    relative = joints - joints[0]
    return BodyPose(
        person_id=1, state=State.TRACKING, joints_world=joints, joints_cam=relative, raw_joints_cam=relative,
        root_cam=joints[0], root_world=joints[0], root_rotation=bone_rotations[0].astype(np.float32),
        bone_rotations=bone_rotations.astype(np.float32), confidence=np.ones(26, np.float32),
        observed=np.ones(26, bool), contacts=contacts.astype(np.float32), height_m=stature_m,
    )  # fmt: skip


def routine(seconds: float, fps: float = 30.0, start_s: float = 0.0) -> Iterator[BodyPose]:
    """The synthetic figure: stands, walks a circle, turns, sits down, waves; 26 s."""
    maker = PoseMaker(STATURE_M, fps)
    for frame in range(round(seconds * fps)):
        figure = figure_at(start_s + frame / fps, STATURE_M)
        yield maker(figure.joints_world)
