"""The solver as a whole: exact on perfect input, steady on noise, honest when nobody is there."""

import time

import numpy as np
import pytest

from lifting.camera_estimate import CameraEstimate
from lifting.skeleton import SEALCAP26
from realtime.data import BodyPose, State
from realtime.solve.body import BodySolver, SolverOptions
from realtime.solve.rest import PARENTS

SECOND = 1_000_000_000
LIMBS = SEALCAP26.indices(
    *(f"{side}_{part}" for side in ("left", "right") for part in ("elbow", "wrist", "knee", "ankle"))
)
WRISTS = SEALCAP26.indices("left_wrist", "right_wrist")


def _raw(joints_cam: np.ndarray) -> np.ndarray:
    return (joints_cam - joints_cam[0]).astype(np.float32)


def _correlated(rng: np.random.Generator, shape: tuple[int, ...], fps: float, sigma: float) -> np.ndarray:
    """Noise as a windowed lifter makes it: slow (0.25 s), plus a little of white."""
    keep, out = np.exp(-1 / fps / 0.25), rng.standard_normal(shape)
    for _ in range(2):
        for i in range(1, len(out)):
            out[i] = keep * out[i - 1] + (1 - keep) * out[i]
    return sigma * out / out.std() + 0.0015 * rng.standard_normal(shape)


def _play(solver, scene, camera, times, *, noise=None, still=False, **keypoints) -> list[BodyPose]:
    out = []
    for i, t in enumerate(times):
        cam = scene.camera(scene.world(t, still))
        raw = _raw(cam) + (0 if noise is None else noise[i])
        out.append(solver.update(raw, scene.keypoints(cam, **keypoints), camera, int(t * 1e9)))
    return out


def _finite(pose: BodyPose) -> None:
    for name in ("joints_world", "joints_cam", "root_world", "bone_rotations", "confidence", "contacts"):
        assert np.isfinite(getattr(pose, name)).all(), name


def test_perfect_input_gives_the_true_world(scene) -> None:
    """With exact 2D, exact 3D and the pitch known, joints stand where they are, in world axes."""
    view = scene(pitch_deg=12.0)
    camera = CameraEstimate(view.intrinsics, pitch_deg=12.0, camera_height_m=view.height_m)
    solver = BodySolver(SolverOptions(smooth=0.0, bones=False, foot_lock="never"))
    for t, pose in zip(
        np.arange(0, 1, 1 / 30), _play(solver, view, camera, np.arange(0, 1, 1 / 30)), strict=True
    ):
        np.testing.assert_allclose(pose.joints_world, view.world(t), atol=0.003)
        assert pose.state is State.TRACKING
        np.testing.assert_array_equal(pose.root_world, pose.joints_world[0])
        np.testing.assert_array_equal(pose.root_rotation, pose.bone_rotations[0])


def test_smooth_zero_without_bones_passes_the_pose(scene) -> None:
    """smooth = 0 adds no lag at all: the solved pose is the raw one."""
    view = scene()
    rng = np.random.default_rng(0)
    noise = 0.02 * rng.standard_normal((30, 26, 3))
    solver = BodySolver(SolverOptions(smooth=0.0, bones=False, foot_lock="never"))
    for pose in _play(solver, view, CameraEstimate(view.intrinsics), np.arange(30) / 30, noise=noise):
        np.testing.assert_allclose(pose.joints_cam, pose.raw_joints_cam, atol=1e-6)


def test_bone_lengths_hardly_vary(scene) -> None:
    """On a noisy walk raw limbs vary by over 4 %, solved ones by less than 1 %, left equal to right."""
    view, rng = scene(), np.random.default_rng(1)
    noise = _correlated(rng, (300, 26, 3), 30, 0.015)
    poses = _play(BodySolver(), view, CameraEstimate(view.intrinsics), np.arange(300) / 30, noise=noise)

    def variation(joints: np.ndarray) -> float:
        lengths = np.linalg.norm(joints - joints[:, PARENTS], axis=-1)[:, LIMBS]
        return float((lengths.std(axis=0) / lengths.mean(axis=0)).mean())

    solved = np.stack([p.joints_cam for p in poses])
    assert variation(np.stack([p.raw_joints_cam for p in poses])) > 0.04
    assert variation(solved) < 0.01
    lengths = np.linalg.norm(solved[-1] - solved[-1][PARENTS], axis=-1)
    np.testing.assert_allclose(lengths, lengths[SEALCAP26.mirrored], atol=1e-5)


@pytest.mark.parametrize("fps", [30, 60])
def test_default_smoothing_is_quick_and_quiet(scene, fps: int) -> None:
    """At smooth = 0.5 walking wrists lag less than 25 ms, with well below the raw acceleration error."""
    view, rng = scene(), np.random.default_rng(2)
    times = np.arange(0, 8, 1 / fps)
    noise = _correlated(rng, (len(times), 26, 3), fps, 0.02)
    solver = BodySolver(SolverOptions(foot_lock="never"))  # this walker skates on the spot
    poses = _play(solver, view, CameraEstimate(view.intrinsics), times, noise=noise)
    truth = np.stack([_raw(view.camera(view.world(t))) for t in times])
    solved, raw = (np.stack([getattr(p, n) for p in poses]) for n in ("joints_cam", "raw_joints_cam"))

    def acceleration(joints: np.ndarray) -> float:
        return float(np.linalg.norm(np.diff(joints - truth, 2, axis=0), axis=-1).mean() * fps**2)

    assert acceleration(solved) < (0.5 if fps == 60 else 0.75) * acceleration(raw)
    assert _wrist_lag_s(solved, view, times) < 0.025


def _wrist_lag_s(solved: np.ndarray, view, times: np.ndarray) -> float:
    """The delay of the true wrist velocity that fits the solved one best."""
    velocity = np.diff(solved[:, WRISTS].reshape(len(times), 6), axis=0)[30:]
    fine = np.arange(-0.2, times[-1] + 0.1, 1 / 120)
    table = np.stack([_raw(view.camera(view.world(t)))[WRISTS].ravel() for t in fine])
    delays = np.arange(-0.02, 0.1, 0.0025)
    errors = []
    for delay in delays:
        true = np.stack([np.interp(times - delay, fine, column) for column in table.T], axis=1)
        errors.append(np.abs(velocity - np.diff(true, axis=0)[30:]).mean())
    return float(delays[int(np.argmin(errors))])


def test_height_option_sets_the_stature(scene) -> None:
    """With a height given, the body has it, and stands at the distance that goes with it."""
    view = scene(distance_m=4.0)
    solver = BodySolver(SolverOptions(height_m=1.4, smooth=0.0))
    pose = _play(solver, view, CameraEstimate(view.intrinsics), np.arange(90) / 30, still=True)[-1]
    assert pose.height_m == 1.4
    assert pose.root_cam[2] == pytest.approx(4.0 * 1.4 / 1.75, rel=0.03)


def test_standing_feet_touch_the_floor(scene) -> None:
    """Nothing known of the camera's height: after a second soles are at 0 and all contacts are on."""
    view = scene(height_m=1.1)
    poses = _play(BodySolver(), view, CameraEstimate(view.intrinsics), np.arange(60) / 30, still=True)
    assert abs(poses[-1].joints_world[-4:, 1].min()) < 0.03
    assert poses[-1].contacts.min() > 0.9


def test_coasting_goes_predicted_held_lost_gone(scene) -> None:
    """Half a second PREDICTED, HELD until two, LOST for one more with confidence 0, then nothing."""
    view = scene()
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    assert solver.coast(0) is None
    last = _play(solver, view, camera, np.arange(30) / 30)[-1]
    seen_ns = int(29 / 30 * 1e9)
    found: dict[State, list[float]] = {}
    for t in np.arange(0.05, 3.0, 0.05):
        pose = solver.coast(seen_ns + int(t * SECOND))
        assert pose is not None
        _finite(pose)
        assert not pose.observed.any()
        assert pose.confidence.max() <= last.confidence.max()
        found.setdefault(pose.state, []).append(float(t))
        if pose.state is State.LOST:
            assert pose.confidence.max() == 0
            assert pose.contacts.max() == 0
    assert list(found) == [State.PREDICTED, State.HELD, State.LOST]
    assert max(found[State.PREDICTED]) == pytest.approx(0.5)
    assert max(found[State.HELD]) == pytest.approx(2.0)
    assert solver.coast(seen_ns + 3 * SECOND + 1_000_000) is None
    assert solver.coast(seen_ns + 3 * SECOND + 2_000_000) is None


def test_prediction_brakes_and_then_stands_still(scene) -> None:
    """A predicted pose moves on a little (below 0.1 s of motion); a held one not at all."""
    view = scene()
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    last = _play(solver, view, camera, np.arange(40) / 30)[-1]
    at = int(39 / 30 * 1e9)
    poses = [solver.coast(at + int(s * SECOND)) for s in (0.03, 0.3, 0.49, 0.8, 1.9)]
    steps = [float(np.abs(p.joints_cam - last.joints_cam).max()) for p in poses]
    assert 0 < steps[0] < steps[1] < 0.3
    np.testing.assert_allclose(poses[2].joints_world, poses[3].joints_world, atol=0.002)
    np.testing.assert_array_equal(poses[3].joints_world, poses[4].joints_world)


def test_tracking_resumes_after_coasting(scene) -> None:
    """Seen again, the state is TRACKING at once; the pose gets to the new one without a pop in 0.4 s."""
    view = scene()
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    _play(solver, view, camera, np.arange(30) / 30)
    coasted = solver.coast(int(1.77e9))
    poses = _play(solver, view, camera, 1.8 + np.arange(13) / 30)
    assert {pose.state for pose in poses} == {State.TRACKING}
    np.testing.assert_allclose(poses[0].joints_world, coasted.joints_world, atol=0.03)
    np.testing.assert_allclose(poses[-1].joints_cam, poses[-1].raw_joints_cam, atol=0.05)


@pytest.mark.parametrize("kind", ["nan", "one point", "huge", "no keypoints", "nan keypoints"])
def test_degenerate_input_counts_as_not_seen(scene, kind: str) -> None:
    """Garbage never comes out: nothing at first, a predicted pose after a good one."""
    view = scene()
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    cam = view.camera(view.world(0.0))
    raw, keypoints = _raw(cam), view.keypoints(cam)
    if kind == "nan":
        raw[3, 1] = np.nan
    elif kind == "one point":
        raw[:] = raw[0]
    elif kind == "huge":
        raw *= 100
    elif kind == "no keypoints":
        keypoints.confidence[:] = 0
    else:
        keypoints.points_px[4] = np.nan
    assert solver.update(raw, keypoints, camera, 0) is None
    _play(solver, view, camera, np.arange(1, 20) / 30)
    pose = solver.update(raw, keypoints, camera, int(0.7 * SECOND))
    assert pose is not None
    assert pose.state is State.PREDICTED
    _finite(pose)


def test_nan_points_without_confidence_are_fine(scene) -> None:
    """Points that are not seen may hold anything."""
    view = scene()
    cam = view.camera(view.world(0.0))
    keypoints = view.keypoints(cam)
    keypoints.points_px[13:], keypoints.confidence[13:] = np.nan, 0
    pose = BodySolver().update(_raw(cam), keypoints, CameraEstimate(view.intrinsics), 0)
    _finite(pose)
    assert not pose.observed[SEALCAP26.index("left_ankle")]
    assert pose.observed[SEALCAP26.index("left_wrist")]


def test_points_in_one_place_leave_the_root_unknown(scene) -> None:
    """They give no distance: root_cam is NaN, the world pose stands finite at the origin."""
    view = scene()
    cam = view.camera(view.world(0.0))
    keypoints = view.keypoints(cam)
    keypoints.points_px[:] = keypoints.points_px[0]
    pose = BodySolver().update(_raw(cam), keypoints, CameraEstimate(view.intrinsics), 0)
    assert np.isnan(pose.root_cam).all()
    _finite(pose)
    assert pose.joints_world[:, 1].min() == pytest.approx(0.0, abs=0.01)


def test_restart_keeps_bones_and_forgets_motion(scene) -> None:
    """After a cut of the same person the pose jumps at once, with the lengths learned before."""
    view, rng = scene(), np.random.default_rng(3)
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    noise = _correlated(rng, (90, 26, 3), 30, 0.02)
    before = _play(solver, view, camera, np.arange(90) / 30, noise=noise)[-1]
    after = _play(solver, view, camera, [3.03], restarted=True, still=True)[0]
    np.testing.assert_allclose(after.joints_cam, after.raw_joints_cam, atol=0.05)
    a, b = (np.linalg.norm(p.joints_cam - p.joints_cam[PARENTS], axis=1)[1:] for p in (before, after))
    np.testing.assert_allclose(a, b, rtol=0.02)


def test_another_person_has_other_bones(scene) -> None:
    """A new person id starts from nothing."""
    view = scene()
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    small = [0.8 * _raw(view.camera(view.world(t))) for t in np.arange(60) / 30]
    for i, raw in enumerate(small):
        cam = view.camera(view.world(i / 30))
        height = solver.update(raw, view.keypoints(cam), camera, int(i / 30 * 1e9)).height_m
    fresh = _play(solver, view, camera, 3 + np.arange(60) / 30, person_id=2)[-1]
    assert fresh.person_id == 2
    assert fresh.height_m > height + 0.1


def test_clock_steps_do_not_hurt(scene) -> None:
    """Equal, falling and far-off times restart the motion instead of breaking it."""
    view = scene()
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    for pose in _play(solver, view, camera, [0.0, 0.03, 0.03, 0.01, 50.0, 50.03, 2.0]):
        _finite(pose)
        assert pose.state is State.TRACKING


def test_quaternions_are_unit_and_continuous(scene) -> None:
    """Through noise the rotations stay unit and never change sign."""
    view, rng = scene(), np.random.default_rng(4)
    noise = _correlated(rng, (120, 26, 3), 30, 0.02)
    poses = _play(BodySolver(), view, CameraEstimate(view.intrinsics), np.arange(120) / 30, noise=noise)
    q = np.stack([p.bone_rotations for p in poses])
    np.testing.assert_allclose(np.linalg.norm(q, axis=-1), 1, atol=1e-5)
    assert np.einsum("tbi,tbi->tb", q[1:], q[:-1]).min() > 0


@pytest.mark.parametrize("bad", [{"smooth": 1.5}, {"height_m": 17.0}])
def test_impossible_options_are_refused(bad: dict[str, float]) -> None:
    """Nonsense is named at once."""
    with pytest.raises(ValueError, match="must lie between"):
        SolverOptions(**bad)


def test_a_frame_is_solved_in_time(scene) -> None:
    """The budget is 1.5 ms on one core; the best of 100 frames leaves room for slow machines."""
    view = scene()
    solver, camera = BodySolver(), CameraEstimate(view.intrinsics)
    best = np.inf
    for i in range(100):
        cam = view.camera(view.world(i / 30))
        raw, keypoints = _raw(cam), view.keypoints(cam)
        start = time.perf_counter()
        solver.update(raw, keypoints, camera, int(i / 30 * 1e9))
        best = min(best, time.perf_counter() - start)
    assert best < 3e-3
