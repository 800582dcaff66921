"""One person's solver: the network's joints in, a body that can be shown and sent out.

lifted ─▶ learn bones ─▶ root from the 2D rays ─▶ hidden limbs ─▶ smooth ─▶ constant bones ─▶ camera learns
─▶ world ─▶ contacts, feet ─▶ rotations ─▶ pose

Up to the world everything happens in camera axes relative to mid-hip; what changes joints after that changes
the world pose, and `joints_cam` and `root_cam` follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifting.camera_estimate import CameraEstimate
from lifting.skeleton import BODY21, CONTACTS, SEALCAP26
from realtime.data import BodyPose, Keypoints, State
from realtime.solve.bones import BoneLengths
from realtime.solve.calm import Legs, toward_standing
from realtime.solve.coasting import Coasting, Sight
from realtime.solve.confidence import SEEN, Observed, joint_confidence
from realtime.solve.contacts import ContactEstimate
from realtime.solve.feet import FootLock, FootMode
from realtime.solve.figure import Figure, height_m, is_figure, or_nan, place, shown
from realtime.solve.ground import Ground
from realtime.solve.handover import Handover
from realtime.solve.limbs import HiddenLimbs
from realtime.solve.root import FROM_BODY21, MIN_JOINTS, RootTracker
from realtime.solve.rotations import RotationSolver
from realtime.solve.steady import JOINT_BETA, JOINT_CUTOFF_HZ, joint_filter, strength

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

MAX_STEP_S = 0.5
"""After a longer pause nothing is smoothed across it."""
BLINK_S = 0.1
"""After a shorter loss smoothing goes on as if nothing had been."""
FIRST_STEP_S = 1 / 30
"""What the first frame counts for in the bone lengths."""
_SOLES = np.array(BODY21.indices(*CONTACTS))
_TRUNK = SEALCAP26.indices("left_shoulder", "right_shoulder", "left_hip", "right_hip")
"""When one of these comes back into sight the whole figure may turn at once."""


@dataclass(frozen=True)
class SolverOptions:
    """What the user can choose about the solver."""

    smooth: float = 0.5
    """0 = none, 1 = very smooth; 0.5 adds about 4 ms of lag to walking wrists."""
    height_m: float | None = None
    """Stature to scale the body to; None takes it from the figure."""
    bones: bool = True
    """Constant, symmetric bone lengths."""
    mirror: bool = False
    """`People` hands out mirror images; solvers themselves know nothing of it."""
    foot_lock: FootMode = "auto"
    """How feet are kept on the floor, see `FootLock`."""
    predict_s: float = 0.5
    """How long a person out of sight is PREDICTED,"""
    hold_s: float = 2.0
    """until when, counted from the last sight, it is HELD,"""
    lost_s: float = 1.0
    """and how long it is then reported as LOST."""
    rest_when_lost: bool = False
    """From halfway between PREDICTED and LOST on, ease to standing with hanging arms, in place of holding."""
    legs: Legs = "auto"
    """How legs out of the picture for long are shown."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.smooth <= 1.0:
            raise ValueError(f"smooth must lie between 0 and 1, got {self.smooth}")
        if self.height_m is not None and not 0.5 <= self.height_m <= 2.6:
            raise ValueError(f"height must lie between 0.5 and 2.6 metres, got {self.height_m}")


class BodySolver:
    """Solver of one person. `update` with every seen frame, `coast` with every frame without the person."""

    def __init__(self, options: SolverOptions | None = None) -> None:
        self.options = options = options or SolverOptions()
        self._smooth, self._root = joint_filter(options.smooth), RootTracker(options.smooth)
        self._rotations = RotationSolver()
        self._contacts = ContactEstimate(sticky=options.foot_lock == "always")
        self._feet = FootLock(options.foot_lock)
        self._bones = BoneLengths(options.height_m)
        self._observed, self._limbs, self._handover = Observed(), HiddenLimbs(options.legs), Handover()
        self._coasting = Coasting(options.predict_s, options.hold_s, options.lost_s)
        self._person_id: int | None = None
        self._last: BodyPose | None = None
        self._camera: CameraEstimate | None = None
        self._time_ns = 0
        self._trunk_away_s = 0.0

    def reset(self) -> None:
        """Forget the motion, as after a cut; the person's bone lengths stay."""
        self._restart()
        self._root.reset()
        self._handover.reset()

    def tune(self, options: SolverOptions) -> None:
        """Go on with other smoothing, foot lock or stature; the rest of the options stays as it began."""
        before, self.options = self.options, options
        if options.smooth != before.smooth:
            self._smooth.tune(*strength(options.smooth, JOINT_CUTOFF_HZ, JOINT_BETA))
            self._root.tune(options.smooth)
        if options.foot_lock != before.foot_lock:
            self._feet.change(options.foot_lock)
            self._contacts.stick(options.foot_lock == "always")
        self._bones.height_m = options.height_m

    def update(
        self,
        lifted_joints_cam: Floats,
        keypoints: Keypoints,
        camera: CameraEstimate,
        capture_time_ns: int,
        raw_joints_cam: Floats | None = None,
        rays: Floats | None = None,
    ) -> BodyPose | None:
        """Solve one frame and let `camera` learn from it.

        lifted_joints_cam (26,3) metres, camera axes, relative to mid-hip. Input that is not a figure (NaN,
        all joints in one place) or a figure of which fewer than four points are seen is treated as not seen,
        see `coast`; None only then. `raw_joints_cam`: what the pose keeps as the network's word, when that
        was changed on the way.
        `rays` (21,2): of the keypoints, where the caller has them already.
        """
        self._follow(keypoints)
        lifted = np.asarray(lifted_joints_cam, np.float64)
        raw = lifted if raw_joints_cam is None else raw_joints_cam
        if not is_figure(lifted, keypoints):
            return self.coast(capture_time_ns)
        confidence = joint_confidence(keypoints.confidence)
        observed = self._observed.update(confidence, capture_time_ns)
        if np.count_nonzero(observed[FROM_BODY21]) < MIN_JOINTS:
            return self.coast(capture_time_ns)
        dt_s = self._step(capture_time_ns)
        rays = camera.intrinsics.rays(keypoints.points_px) if rays is None else rays
        fixed = self._fix_bones(lifted, confidence, dt_s)
        root = self._root.update(rays, keypoints.confidence, fixed, dt_s)
        self._welcome(observed, dt_s)
        whole = self._limbs.update(
            fixed, confidence, camera.R_world_from_cam[1], height_m(root, camera), dt_s
        )
        joints = self._constant(self._smooth(whole, dt_s))
        who = keypoints.person_id
        camera.update(rays, keypoints.confidence, joints, or_nan(root), capture_time_ns, who)
        self._camera = camera
        joints, root = self._handover.arrive(joints, root, dt_s)
        joints = self._constant(joints)
        world = place(joints, root, camera)
        ground = Ground.of(camera)
        feet_rays = np.where(keypoints.confidence[_SOLES, None] >= SEEN, rays[_SOLES], np.nan)
        trust = 0.0 if self._limbs.legs_return else 1.0  # feet on their way rest nowhere
        contacts = self._contacts.update(world, trust * confidence, dt_s, ground, feet_rays)
        if root is not None:
            soles_m = self._learn_soles(joints, dt_s)
            world = self._feet.update(
                world, contacts, confidence, dt_s, ground, self._bones.stature_m, soles_m
            )
        figure = Figure(joints, root, world, confidence, contacts, raw)
        self._last = self._pose(State.TRACKING, figure, observed, camera, capture_time_ns)
        return self._last

    def coast(self, capture_time_ns: int) -> BodyPose | None:
        """The pose of a frame in which the person was not found; None when there is none to report.

        PREDICTED (braking from the last velocity), then HELD, then LOST with confidence 0, then None.
        """
        last, camera = self._last, self._camera
        if last is None or camera is None:
            return None
        guess = self._coasting.guess(self._sight(last), capture_time_ns)
        if guess is None:
            self.reset()
            return None
        joints, root = self._constant(guess.joints_cam), guess.root_cam
        if self.options.rest_when_lost:
            joints = toward_standing(joints, camera.R_world_from_cam[1], guess.rest)
        self._handover.leave(joints, root)
        world = place(joints, root, camera)
        confidence, contacts = last.confidence * guess.trust, last.contacts * guess.trust
        figure = Figure(joints, root, world, confidence, contacts, last.raw_joints_cam)
        return self._pose(guess.state, figure, np.zeros(len(SEALCAP26), bool), camera, capture_time_ns)

    def give_up(self, capture_time_ns: int) -> None:
        """Somebody else is followed in this person's place: LOST from this frame on."""
        self._time_ns = min(self._time_ns, capture_time_ns - round(self.options.hold_s * 1e9) - 1)

    def _sight(self, last: BodyPose) -> Sight:
        """What coasting starts from: the last pose and the velocities of its filters."""
        joints, root = shown(last)
        velocity = np.zeros_like(joints) if self._smooth.velocity is None else self._smooth.velocity
        return Sight(self._time_ns, joints, velocity, root, self._root.velocity)

    def _follow(self, keypoints: Keypoints) -> None:
        """Start anew when the figure is somebody else or not a continuation."""
        if self._person_id is not None and keypoints.person_id != self._person_id:
            self._bones, self._rotations = BoneLengths(self.options.height_m), RotationSolver()
            self.reset()
        elif keypoints.restarted:
            self._restart()
        self._person_id = keypoints.person_id

    def _restart(self) -> None:
        """Forget the motion but not what was shown while nobody was seen: a person found again is told as
        a restart, too, and then no pop is wanted."""
        self._pause()
        self._limbs.forget()
        self._observed.reset()
        self._handover.cut()
        self._last = None

    def _step(self, time_ns: int) -> float:
        """Seconds since the last seen frame; 0 at a start, a clock step or after a pause."""
        dt_s = (time_ns - self._time_ns) * 1e-9 if self._last is not None else 0.0
        self._time_ns = time_ns
        if 0.0 < dt_s <= MAX_STEP_S:
            return dt_s
        self._pause()
        return 0.0

    def _welcome(self, observed: NDArray[np.bool_], dt_s: float) -> None:
        """Blend in whoever was out of sight, or whose trunk was in part: the figure may turn at once then.

        It starts unsmoothed, or the blend would begin from a pose that is still catching up.
        """
        away_s, returned = self._trunk_away_s, False
        if self._last is not None and away_s > BLINK_S:
            returned = bool((observed & ~self._last.observed)[_TRUNK].any())
        self._trunk_away_s = 0.0 if observed[_TRUNK].all() else away_s + dt_s
        if returned and self._last is not None:
            self._handover.leave(*shown(self._last))
        if 0.0 < dt_s <= BLINK_S and not returned:
            self._handover.forgo()
        if self._handover.waiting:
            self._smooth.reset()
            self._limbs.reset()  # the blend brings limbs back as well,
            self._feet.reset()  # and starts from feet already placed

    def _pause(self) -> None:
        """Nothing is smoothed from here to the next frame."""
        for part in (self._smooth, self._rotations, self._contacts, self._feet, self._limbs):
            part.reset()
        self._root.loosen()

    def _fix_bones(self, lifted: Float64, confidence: Float64, dt_s: float) -> Float64:
        """Learn the link lengths from the lifted pose (26,3) and give it these, or only the given stature."""
        self._bones.learn(lifted, confidence, dt_s or FIRST_STEP_S)
        if self.options.bones:
            return self._bones.fit(lifted)
        return lifted * self._bones.scale

    def _constant(self, joints: Float64) -> Float64:
        """Smoothing shortens bones that turn; put their lengths back."""
        return self._bones.apply(joints) if self.options.bones else joints

    def _learn_soles(self, joints: Float64, dt_s: float) -> list[float] | None:
        """Heel-toe distances of the person; a figure (26,3) before its feet are placed tells them."""
        if not self.options.bones:
            return None
        shape, lengths_m = self._rotations.shape, self._bones.lengths_m
        shape.learn(joints, lengths_m, dt_s)
        return shape.soles_m(lengths_m)

    def _pose(
        self,
        state: State,
        figure: Figure,
        observed: NDArray[np.bool_],
        camera: CameraEstimate,
        capture_time_ns: int,
    ) -> BodyPose:
        """Everything that follows from a figure, once its joints are where rotations can put them."""
        lengths_m = self._bones.lengths_m if self.options.bones else None
        learn = state is State.TRACKING and not self.options.bones
        solved = self._rotations.solve(figure.world, lengths_m, capture_time_ns, learn, self._feet.held)
        if self.options.bones:
            figure = figure._replace(world=self._feet.lifted(solved.joints_world))
        joints, root = figure.in_camera(camera)
        rotations = solved.local.astype(np.float32)
        return BodyPose(
            person_id=self._person_id if self._person_id is not None else 0,
            state=state,
            joints_world=figure.world.astype(np.float32),
            joints_cam=joints.astype(np.float32),
            raw_joints_cam=figure.raw.astype(np.float32),
            root_cam=root.astype(np.float32),
            root_world=figure.world[0].astype(np.float32),
            root_rotation=rotations[0],
            bone_rotations=rotations,
            confidence=figure.confidence.astype(np.float32),
            observed=observed,
            contacts=figure.contacts.astype(np.float32),
            height_m=self._bones.stature_m,
        )
