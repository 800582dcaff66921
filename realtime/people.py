"""The people in view: for each a history of 2D joints and a body solver."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lifting.camera_estimate import CameraEstimate
from lifting.correction import SteadyCorrection
from lifting.lifter import Lifter
from lifting.window import TimeWindow
from realtime.data import BodyPose, Float32, Keypoints
from realtime.solve.body import BodySolver, SolverOptions
from realtime.solve.mirror import mirror


@dataclass
class _Person:
    window: TimeWindow
    solver: BodySolver
    correction: SteadyCorrection
    time_ns: int
    """Of the last observation."""
    step_s: float = 0.0
    """Between the last two observations; 0 for a newcomer."""
    rays: Float32 = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    """(21,2) of the last observation: window, correction and solver all need them."""


class People:
    """Lifts, corrects and solves everybody who is, or was just, in view; one call of the network for all."""

    def __init__(
        self, lifter: Lifter, options: SolverOptions, correct: float = 1.0, most: int | None = None
    ) -> None:
        """`correct`: how strongly lifted poses are moved towards the picture, 0 = not at all. `most`: so many
        are followed at a time; when all of them are seen, nobody else is waited for. None: nobody knows.
        """
        self._lifter, self._options, self._correct, self._most = lifter, options, correct, most
        self._known: dict[int, _Person] = {}

    @property
    def options(self) -> SolverOptions:
        """Of everybody's solver."""
        return self._options

    def tune(self, options: SolverOptions) -> None:
        """Other options for those in view and those to come."""
        self._options = options
        for person in self._known.values():
            person.solver.tune(options)

    def forget(self) -> None:
        """Everybody in view is new: their measures, windows and motion are learned again."""
        self._known.clear()

    def lift(self, keypoints: list[Keypoints], camera: CameraEstimate, time_ns: int) -> Float32:
        """The network's joints (P,26,3), camera axes, metres, relative to mid-hip, in the order given."""
        if not keypoints:
            return np.zeros((0, 26, 3), np.float32)
        count = len(keypoints)
        windows = np.stack([self._observe(k, camera, time_ns) for k in keypoints])  # (P,T,21,3)
        gravity = np.tile(camera.gravity_input, (count, 1)).astype(np.float32)  # (P,4)
        if not camera.probe_due(time_ns):
            return _finite_or_nan(self._lifter.lift(windows, gravity))
        # The same network call with twice the people costs a tenth more, two calls would cost double.
        asked = np.concatenate([windows, windows])
        joints = _finite_or_nan(self._lifter.lift(asked, np.concatenate([gravity, np.zeros_like(gravity)])))
        camera.learn_tilt(joints[count:], windows[:, -1, :, 2], time_ns)
        return joints[:count]

    def correct(self, raw_joints_cam: Float32, keypoints: list[Keypoints]) -> Float32:
        """The same joints (P,26,3), moved towards where the picture shows them."""
        if self._correct == 0 or not keypoints:
            return raw_joints_cam
        corrected = []
        for joints, k in zip(raw_joints_cam, keypoints, strict=True):
            person = self._known[k.person_id]
            corrected.append(person.correction.update(joints, person.rays, k.confidence, person.step_s))
        return np.stack(corrected).astype(np.float32)

    def solve(
        self,
        joints_cam: Float32,
        raw_joints_cam: Float32,
        keypoints: list[Keypoints],
        camera: CameraEstimate,
        time_ns: int,
    ) -> tuple[BodyPose, ...]:
        """Bodies of those seen (first) and of those who coast through a gap; forgets who is gone.

        `joints_cam` is what bodies are made of, `raw_joints_cam` what they keep as the network's word.
        """
        solved = [
            (person := self._known[k.person_id]).solver.update(joints, k, camera, time_ns, raw, person.rays)
            for joints, raw, k in zip(joints_cam, raw_joints_cam, keypoints, strict=True)
        ]
        seen = {k.person_id for k in keypoints}
        full = self._most is not None and len(seen) >= self._most
        for person_id in [i for i in self._known if i not in seen]:
            if full:
                self._known[person_id].solver.give_up(time_ns)
            pose = self._known[person_id].solver.coast(time_ns)
            if pose is None:
                del self._known[person_id]
            solved.append(pose)
        poses = [pose for pose in solved if pose is not None]
        return tuple(map(mirror, poses) if self._options.mirror else poses)

    def _observe(self, keypoints: Keypoints, camera: CameraEstimate, time_ns: int) -> Float32:
        person = self._known.get(keypoints.person_id)
        if person is None:
            window = TimeWindow(self._lifter.window_length, self._lifter.fps, len(keypoints.confidence))
            person = _Person(window, BodySolver(self._options), SteadyCorrection(self._correct), time_ns)
            self._known[keypoints.person_id] = person
        elif keypoints.restarted:
            person.window.clear()
            person.correction.reset()
        person.time_ns, person.step_s = time_ns, (time_ns - person.time_ns) * 1e-9
        person.rays = camera.intrinsics.rays(keypoints.points_px)
        person.window.add(time_ns, person.rays, keypoints.confidence)
        return person.window.sample()


def _finite_or_nan(joints: Float32) -> Float32:
    """Whoever has a joint that is no number has none: all after this takes NaN for 'not seen'."""
    broken = ~np.isfinite(joints).all(axis=(1, 2))
    if broken.any():
        joints = joints.copy()
        joints[broken] = np.nan
    return joints
