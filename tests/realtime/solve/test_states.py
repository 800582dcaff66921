"""Parts of a person in view: what is said of them, and that bodies stay whole, steady and honest."""

import numpy as np
import pytest

from lifting.camera_estimate import CameraEstimate
from lifting.skeleton import BODY21, SEALCAP26
from realtime.data import BodyPose, State
from realtime.solve.body import BodySolver, SolverOptions

HIPS_DOWN = tuple(n for n in BODY21.joints if n.endswith(("hip", "knee", "ankle", "heel", "toe")))
LEGS = tuple(n for n in HIPS_DOWN if not n.endswith("hip"))
UPPER = tuple(n for n in BODY21.joints if n not in HIPS_DOWN)
HEAD_SHOULDERS = tuple(n for n in UPPER if not n.endswith(("elbow", "wrist")))
LEFT = tuple(n for n in BODY21.joints if n.startswith("left_"))
FPS = 30


class Stage:
    """A walker, a solver, and a network that says a fixed pose of joints nobody sees."""

    def __init__(self, view, **options) -> None:
        self.view, self.solver = view, BodySolver(SolverOptions(**options))
        self.camera = CameraEstimate(view.intrinsics, pitch_deg=0.0)
        first = view.camera(view.world(0.0))
        self.usual, self.frame = first - first[0], 0

    def play(self, seconds: float, hidden: tuple[str, ...] = (), level: float = 0.0, still: bool = False):
        out: list[BodyPose | None] = []
        for _ in range(round(seconds * FPS)):
            out.append(self.step(hidden, level, still))
        return out

    def step(self, hidden: tuple[str, ...] = (), level: float = 0.0, still: bool = False):
        t, self.frame = self.frame / FPS, self.frame + 1
        cam = self.view.camera(self.view.world(t, still))
        joints = cam - cam[0]
        if hidden:
            rows = SEALCAP26.indices(*hidden)
            joints[rows] = self.usual[rows]
        keypoints = self.view.keypoints(cam)
        keypoints.confidence[BODY21.indices(*hidden)] = level
        return self.solver.update(joints.astype(np.float32), keypoints, self.camera, int(t * 1e9))

    def miss(self):
        t, self.frame = self.frame / FPS, self.frame + 1
        return self.solver.coast(int(t * 1e9))


def _observed(pose: BodyPose, names: tuple[str, ...]) -> np.ndarray:
    return pose.observed[SEALCAP26.indices(*names)]


def _finite(pose: BodyPose) -> None:
    for name in ("joints_world", "joints_cam", "root_world", "bone_rotations", "confidence", "contacts"):
        assert np.isfinite(getattr(pose, name)).all(), name


@pytest.mark.parametrize("seen", [HEAD_SHOULDERS, UPPER, LEGS, HIPS_DOWN])
@pytest.mark.parametrize("level", [0.0, 0.05])
def test_half_a_person_is_tracked_and_the_rest_not_claimed(scene, seen, level: float) -> None:
    """From the first frame and after a whole person: TRACKING, and only what is seen is observed."""
    hidden = tuple(n for n in BODY21.joints if n not in seen)
    for before_s in (0.0, 1.0):
        stage = Stage(scene())
        stage.play(before_s)
        for pose in stage.play(1.0, hidden, level)[5:]:
            assert pose.state is State.TRACKING
            assert not _observed(pose, hidden).any()
            assert _observed(pose, seen).all()
            _finite(pose)


def test_nobody_is_tracked_when_nothing_is_seen(scene) -> None:
    """A detector that goes on guessing at low confidence does not keep a person alive."""
    stage = Stage(scene())
    stage.play(1.0)
    poses = stage.play(3.5, BODY21.joints, 0.08)
    states = [None if p is None else p.state for p in poses]
    assert states[0] is State.PREDICTED
    assert State.HELD in states
    assert State.LOST in states
    assert State.TRACKING not in states
    assert states[-1] is None
    back = stage.play(0.2)[-1]
    assert back is not None
    assert back.state is State.TRACKING


def test_legs_out_of_the_picture_come_to_rest_and_back(scene) -> None:
    """Four seconds without legs: they are calm and on the floor; no pop, and a steady root."""
    stage = Stage(scene())
    before, away, after = stage.play(3.0), stage.play(4.0, LEGS), stage.play(1.5)
    poses = before + away + after
    knees, feet = (SEALCAP26.indices(f"left_{n}", f"right_{n}") for n in ("knee", "ankle"))
    late = np.stack([p.joints_world for p in away[-30:]])
    assert (late[:, feet, 1] < late[:, knees, 1] - 0.3).all()
    assert late[:, feet, 1].max() < 0.25
    assert np.abs(np.diff(late - late[:, :1], axis=0))[:, feet].max() < 0.02
    steps = np.linalg.norm(np.diff(np.stack([p.joints_world for p in poses[60:]]), axis=0), axis=-1)
    usual = np.linalg.norm(np.diff(np.stack([p.joints_world for p in before[60:]]), axis=0), axis=-1)
    assert steps.max() < usual.max() + 0.08
    truth = np.stack([stage.view.camera(stage.view.world(i / FPS))[0] for i in range(len(poses))])
    root = np.stack([p.root_cam for p in poses])
    assert np.linalg.norm(root - truth, axis=1)[60:].max() < 0.15
    assert _observed(poses[-1], LEGS).all()


@pytest.mark.parametrize(("legs", "seated"), [("auto", True), ("seated", True), ("standing", False)])
def test_legs_never_seen(scene, legs, seated: bool) -> None:
    """At a desk one sits from the first frame, feet on the floor, unless told to stand."""
    stage = Stage(scene(), legs=legs)
    poses = stage.play(1.5, LEGS, still=True)
    knee, ankle = (SEALCAP26.index(f"left_{n}") for n in ("knee", "ankle"))
    for pose in (poses[0], poses[-1]):
        assert not _observed(pose, LEGS).any()
        drop = float(pose.joints_world[0, 1] - pose.joints_world[knee, 1])
        assert (drop < 0.15) is seated
        assert abs(pose.joints_world[ankle, 1]) < 0.15


@pytest.mark.parametrize("side", ["left", "right"])
def test_half_the_body_out_of_the_frame(scene, side: str) -> None:
    """Two seconds with one half: tracked, the other not claimed, no step 15 cm beyond those of walking."""
    hidden = tuple(n for n in BODY21.joints if n.startswith(side + "_"))
    stage = Stage(scene())
    poses = stage.play(2.0) + stage.play(2.0, hidden) + stage.play(1.0)
    steps = np.linalg.norm(np.diff(np.stack([p.joints_world for p in poses]), axis=0), axis=-1)
    assert steps[30:].max() < steps[30:59].max() + 0.15
    assert {p.state for p in poses} == {State.TRACKING}
    assert not _observed(poses[90], hidden).any()


def test_a_lost_frame_now_and_then_is_not_visible(scene) -> None:
    """Every tenth frame without the person: PREDICTED there, and no joint 10 cm from where it is without."""
    whole, holes = Stage(scene()), Stage(scene())
    for i in range(120):
        a = whole.step()
        b = holes.miss() if i > 30 and i % 10 == 0 else holes.step()
        if i > 45:
            np.testing.assert_allclose(b.joints_world, a.joints_world, atol=0.1)
            assert b.state is (State.PREDICTED if i % 10 == 0 else State.TRACKING)


def test_found_again_without_a_pop_even_when_told_as_a_restart(scene) -> None:
    """A tracker says `restarted` of somebody found again, too: that blends in, a cut does not."""
    for gap, blends in ((30, True), (0, False)):
        stage = Stage(scene())
        before = stage.play(1.0)[-1]
        shown = [stage.miss() for _ in range(gap)]
        last = shown[-1] if shown else before
        t = stage.frame / FPS
        cam = stage.view.camera(stage.view.world(t + 0.3))
        now = stage.solver.update(
            (cam - cam[0]).astype(np.float32),
            stage.view.keypoints(cam, restarted=True),
            stage.camera,
            int(t * 1e9),
        )
        assert now.state is State.TRACKING
        moved = np.abs(now.joints_cam - last.joints_cam).max()
        assert bool(moved < 0.02) is blends


def test_lost_people_rest_if_asked(scene) -> None:
    """With rest_when_lost arms hang and legs are straight when the state becomes LOST; without they stay."""
    for rest in (True, False):
        stage = Stage(scene(), rest_when_lost=rest)
        last = stage.play(1.0)[-1]
        shown = [stage.miss() for _ in range(80)]
        lost = next(p for p in shown if p.state is State.LOST)
        wrist = SEALCAP26.index("left_wrist")
        moved = float(np.abs(lost.joints_cam - last.joints_cam)[wrist].max())
        assert (moved > 0.15) is rest
        steps = np.abs(np.diff(np.stack([p.joints_world for p in shown]), axis=0)).max()
        assert steps < 0.04
