"""The root comes back exactly from perfect 2D, and robustly from bad 2D."""

import numpy as np
import pytest

from lifting.skeleton import BODY21
from realtime.solve.rest import REST_JOINTS
from realtime.solve.root import FROM_BODY21, DepthFilter, RootTracker, fit_root, solve_root

JOINTS = (1.7 * REST_JOINTS - 1.7 * REST_JOINTS[0]) * (1, -1, -1)
SEEN = np.full(len(BODY21), 0.9)


def _rays(root: np.ndarray) -> np.ndarray:
    points = (JOINTS + root)[FROM_BODY21]
    return points[:, :2] / points[:, 2:]


@pytest.mark.parametrize("root", [(0, 0, 3), (1, -0.4, 2), (-2, 0.5, 6), (0, 0.2, 1.2)])
def test_perfect_rays_give_the_exact_root(root: tuple[float, float, float]) -> None:
    """Exact rays and joints give the translation back, wherever the person stands."""
    out = solve_root(_rays(np.array(root, float)), SEEN, JOINTS)
    np.testing.assert_allclose(out, root, atol=1e-5)


def test_unseen_joints_do_not_matter() -> None:
    """Points of confidence 0 may hold anything, NaN too."""
    root, confidence = np.array([0.3, 0.1, 4.0]), SEEN.copy()
    rays = _rays(root)
    rays[13:], confidence[13:] = np.nan, 0
    np.testing.assert_allclose(solve_root(rays, confidence, JOINTS), root, atol=1e-5)


def test_one_wild_joint_is_outvoted() -> None:
    """A wrist detected a metre away moves the root by less than 3 cm."""
    root, rays = np.array([0.3, 0.1, 4.0]), _rays(np.array([0.3, 0.1, 4.0]))
    rays[BODY21.index("left_wrist")] += 0.25
    assert np.linalg.norm(solve_root(rays, SEEN, JOINTS) - root) < 0.03


def test_too_little_is_none() -> None:
    """Three joints, one single point for all, or nothing at all give no root."""
    rays = _rays(np.array([0.0, 0.0, 3.0]))
    few = np.zeros(len(BODY21))
    few[:3] = 1
    assert solve_root(rays, few, JOINTS) is None
    assert solve_root(np.zeros_like(rays), SEEN, JOINTS) is None
    assert solve_root(rays, np.zeros(len(BODY21)), JOINTS) is None


def test_a_figure_behind_the_camera_is_none() -> None:
    """A mirrored picture would need a negative depth; that is refused."""
    assert solve_root(-_rays(np.array([0.0, 0.0, 3.0])), SEEN, JOINTS) is None


def test_tracker_smooths_depth_and_keeps_the_last_root() -> None:
    """Depth noise shrinks to less than half, and a frame without 2D repeats the last root."""
    rng = np.random.default_rng(0)
    tracker = RootTracker()
    raw, smooth = [], []
    for _ in range(300):
        rays = _rays(np.array([0.0, 0.0, 4.0])) + 0.004 * rng.standard_normal((len(BODY21), 2))
        raw.append(solve_root(rays, SEEN, JOINTS))
        smooth.append(tracker.update(rays, SEEN, JOINTS, 1 / 60))
    assert np.array(smooth)[60:, 2].std() < 0.5 * np.array(raw)[60:, 2].std()
    kept = tracker.update(np.zeros((len(BODY21), 2)), np.zeros(len(BODY21)), JOINTS, 1 / 60)
    np.testing.assert_array_equal(kept, smooth[-1])


def test_tracker_velocity_follows_a_steady_walk() -> None:
    """Walking past at 1 m/s and towards the camera at 0.5 m/s is seen in the velocity."""
    tracker = RootTracker()
    for i in range(120):
        root = np.array([i / 60 - 1, 0.0, 5.0 - 0.5 * i / 60])
        tracker.update(_rays(root), SEEN, JOINTS, 1 / 60)
    np.testing.assert_allclose(tracker.velocity, (1.0, 0.0, -0.5), atol=0.15)


def test_smooth_zero_is_every_frame_for_itself() -> None:
    """Switched off, the tracker gives what `solve_root` gives."""
    rng, tracker = np.random.default_rng(1), RootTracker(0.0)
    for _ in range(20):
        rays = _rays(np.array([0.3, 0.0, 4.0])) + 0.01 * rng.standard_normal((len(BODY21), 2))
        out = tracker.update(rays, SEEN, JOINTS, 1 / 30)
        np.testing.assert_allclose(out, solve_root(rays, SEEN, JOINTS), rtol=1e-12)


def test_less_of_the_figure_is_worth_less() -> None:
    """Depth is vaguer from head and shoulders than from all, and vaguer where all is seen dimly."""
    rays, upper = _rays(np.array([0.0, 0.0, 3.0])), SEEN.copy()
    upper[7:] = 0.0
    whole, part, dim = (fit_root(rays, c, JOINTS).log_depth_sd for c in (SEEN, upper, 0.2 * SEEN))
    assert 0.005 < whole < 0.03 < part < 0.2
    assert dim > 4 * whole


def test_figure_stays_on_its_picture_when_depth_is_uncertain() -> None:
    """Half a metre of wrong depth in a truncated view does not push the seen joints off their rays."""
    root, tracker, upper = np.array([0.2, 0.3, 1.2]), RootTracker(), SEEN.copy()
    upper[9:] = 0.0
    for i in range(60):
        bent = JOINTS * (1.0 + 0.2 * np.sin(i))  # what a lifter does to a figure cut off at the chest
        out = tracker.update(_rays(root), upper, bent, 1 / 30)
    seen = (bent + out)[FROM_BODY21][:7]
    assert np.abs(seen[:, :2] / seen[:, 2:] - _rays(root)[:7]).mean() < 0.02
    assert abs(out[2] - 1.2) < 0.25


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_walk_towards_the_camera_has_little_lag(fps: int) -> None:
    """Standing, 1.4 m/s, standing again: never off by more than 20 cm, after a second by 5 cm."""
    depth, times = DepthFilter(), np.arange(0, 5, 1 / fps)
    true = np.interp(times, [1, 3], [6.0, 3.2])
    out = np.exp([depth(np.log(z), 0.015, 1 / fps if i else 0.0) for i, z in enumerate(true)])
    assert np.abs(out - true).max() < 0.2
    assert np.abs(out - true)[times > 4].max() < 0.05


def test_depth_does_not_follow_a_wild_frame() -> None:
    """One frame of half the distance moves the depth by less than 5 %; twenty of them are believed."""
    depth = DepthFilter()
    for _ in range(60):
        depth(np.log(4.0), 0.02, 1 / 30)
    assert np.exp(depth(np.log(2.0), 0.02, 1 / 30)) > 3.8
    for _ in range(40):
        out = depth(np.log(2.0), 0.02, 1 / 30)
    assert np.exp(out) < 2.2


def test_somebody_found_again_is_near_where_they_were() -> None:
    """After a moment out of sight one odd frame moves the depth in part, several move it all the way; after a
    reset the first is taken as it is."""
    depth = DepthFilter()
    for _ in range(30):
        depth(1.0, 0.02, 1 / 30)
    depth.loosen()
    assert 1.02 < depth(1.1, 0.02, 0.0) < 1.08
    assert depth(1.6, 0.02, 1 / 30) < 1.3
    for _ in range(15):
        out = depth(1.6, 0.02, 1 / 30)
    assert out > 1.5
    depth.reset()
    assert depth(0.3, 0.02, 0.0) == 0.3


def test_a_figure_that_misses_its_rays_is_less_sure_of_its_depth() -> None:
    """The same figure, its points off by a few centimetres at random."""
    rng = np.random.default_rng(0)
    rays = _rays(np.array([0.0, 0.0, 4.0]))
    exact = fit_root(rays, SEEN, JOINTS)
    off = fit_root(rays + rng.normal(0, 0.03, (21, 2)), SEEN, JOINTS)
    assert exact is not None
    assert off is not None
    assert 2 * exact.log_depth_sd < off.log_depth_sd < 10 * exact.log_depth_sd
