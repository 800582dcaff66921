"""The judge's own measures on cases whose answer is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import solver_measures as m
from benchmarks.solver_truth import Camera, Clip, Floats, Scene, catmull_rom, film, longer, perfect, turned
from lifting.skeleton import BONES
from realtime.solve.rest import REST_JOINTS

FPS = 30.0
STATURE = 1.7


def _standing(frames: int) -> Floats:
    """(T,26,3) a person in T-pose, soles on the floor."""
    joints = REST_JOINTS * STATURE
    joints[:, 1] -= (joints[m.FEET, 1] - m.SOLE * STATURE).max()
    return np.repeat(joints[None], frames, axis=0)


def _about(axis: Floats, angle: float) -> Floats:
    half = angle / 2
    return m.to_matrix(np.append(np.sin(half) * axis, np.cos(half)))


def test_a_standing_foot_is_in_contact_but_for_the_edges() -> None:
    """Feet that never move are labelled from the second frame to the last but one."""
    labels = m.contact_labels(_standing(30), STATURE, FPS)
    assert labels[1:-1].all()
    assert not labels[0].any()
    assert not labels[-1].any()


def test_fast_high_and_brief_contacts_are_not_labelled() -> None:
    """A foot that is lifted, dragged or down for less than 0.1 s carries nothing."""
    world = _standing(40)
    world[:20, m.FEET[0], 1] += 0.05
    world[:, m.FEET[1], 0] += np.arange(40) / FPS * 0.5
    world[:, m.FEET[2], 1] += np.where((np.arange(40) // 2) % 2, 0.05, 0.0)
    labels = m.contact_labels(world, STATURE, FPS)
    assert not labels[:20, 0].any()
    assert labels[24:38, 0].all()
    assert not labels[:, 1:3].any()
    assert labels[1:-1, 3].all()


def test_slide_and_drift_are_the_speed_of_a_foot_that_slides() -> None:
    """7 cm/s along the floor come out as 7 cm/s; bobbing up and down is no slide."""
    world = _standing(60)
    labels = m.contact_labels(world, STATURE, FPS)
    world[..., 2] += (np.arange(60) / FPS * 0.07)[:, None]
    world[..., 1] += 0.01 * np.sin(np.arange(60))[:, None]
    np.testing.assert_allclose(m.slide_m_s(world, labels, FPS), 0.07, rtol=1e-6)
    np.testing.assert_allclose(m.drift_m_s(world, labels, FPS), 0.07, rtol=1e-6)


def test_jitter_slides_but_hardly_drifts() -> None:
    """Noise in place moves the foot every frame without carrying it away."""
    world = _standing(300)
    labels = m.contact_labels(world, STATURE, FPS)
    world = world + np.random.default_rng(0).normal(0, 0.005, world.shape)
    assert m.slide_m_s(world, labels, FPS).mean() > 0.1
    assert m.drift_m_s(world, labels, FPS).mean() < 0.003


def test_frames_without_a_pose_do_not_slide() -> None:
    """NaN neither counts as resting nor as sliding."""
    world = _standing(30)
    labels = m.contact_labels(world, STATURE, FPS)
    world[10:15] = np.nan
    slide = m.slide_m_s(world, labels, FPS)
    assert np.isfinite(slide).all()
    assert 0 < len(slide) < labels.sum()


def test_penetration_is_the_deepest_foot_joint() -> None:
    """A toe 4 cm under the floor is 4 cm deep; feet above it are 0."""
    world = _standing(2)
    world[1, m.FEET[3], 1] = -0.04
    np.testing.assert_allclose(m.penetration_m(world), [0.0, 0.04], atol=1e-12)


@pytest.mark.parametrize("fps", [30.0, 60.0])
@pytest.mark.parametrize("delay_s", [-0.02, 0.0, 0.017, 0.06])
def test_a_delay_is_found_to_a_few_milliseconds(fps: float, delay_s: float) -> None:
    """The lag of a delayed copy is the delay, between frames too, and noise does not move it."""
    times = np.arange(0, 6, 1 / fps)

    def waves(t: Floats) -> Floats:
        path = np.stack([np.sin(5 * t), np.cos(7 * t + 1), np.sin(3 * t)], -1) * 0.3
        return np.repeat(path[:, None], 26, axis=1)

    noise = np.random.default_rng(1).normal(0, 0.002, (len(times), 26, 3))
    assert m.lag_s(waves(times - delay_s) + noise, waves(times), fps) == pytest.approx(delay_s, abs=0.004)


def test_swing_and_twist_are_told_apart() -> None:
    """20° across the bone are swing, 35° about it twist, and both at once are both."""
    axes = m.bone_axes()
    for bone in (BONES.index("LeftUpperArm"), BONES.index("RightLowerLeg"), BONES.index("Spine")):
        axis = axes[bone]
        across = np.cross(axis, np.roll(axis, 1))
        truth = np.broadcast_to(_about(np.array([0.6, 0.0, 0.8]), 1.1), (1, 21, 3, 3))
        found = np.broadcast_to(np.eye(3), (1, 21, 3, 3)).copy()
        found[:] = truth @ _about(across, np.radians(20)) @ _about(axis, np.radians(-35))
        swing, twist = m.swing_twist_deg(found, truth, axes)
        assert swing[0, bone] == pytest.approx(20.0, abs=1e-6)
        assert twist[0, bone] == pytest.approx(35.0, abs=1e-6)


def test_identical_rotations_have_no_error() -> None:
    """The truth against itself is 0 and 0."""
    q = np.random.default_rng(2).normal(size=(5, 21, 4))
    R = m.to_matrix(q / np.linalg.norm(q, axis=-1, keepdims=True))
    swing, twist = m.swing_twist_deg(R, R, m.bone_axes())
    assert max(swing.max(), twist.max()) < 1e-5


def test_a_pop_is_the_step_beyond_the_truths_own() -> None:
    """A jump of 12 cm in one frame of a moving figure is a pop of 12 cm; outside the span it is none."""
    truth = _standing(20) + (np.arange(20) * 0.05)[:, None, None]
    found = truth.copy()
    found[10:] += [0.0, 0.12, 0.0]
    assert m.pop_m(found, truth, [4, 5], range(8, 13)) == pytest.approx(0.12)
    assert m.pop_m(found, truth, [4, 5], range(12, 18)) == pytest.approx(0.0, abs=1e-12)


def test_runs_of_true() -> None:
    """Half-open stretches, at both ends as well."""
    assert m.runs(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 2), (3, 4), (6, 7)]
    assert m.runs(np.zeros(3, bool)) == []


def test_splines_pass_through_frames_and_keep_straight_lines() -> None:
    """Whole frames are reproduced; steady motion stays steady between them."""
    values = np.random.default_rng(3).normal(size=(10, 26, 3))
    np.testing.assert_allclose(catmull_rom(values, np.arange(10.0)), values, atol=1e-12)
    line = np.arange(10.0)[:, None] * [1.0, 2.0]
    times = np.linspace(1, 8, 23)
    np.testing.assert_allclose(catmull_rom(line, times), times[:, None] * [1.0, 2.0], atol=1e-12)


def test_filming_moves_a_figure_without_changing_it() -> None:
    """Camera joints are rigidly the world's, upright in the picture, whole in it, feet still on y = 0."""
    clip = Clip("still", FPS, STATURE, _standing(5))
    scene = film(clip, Camera(), heading_deg=30.0)
    spread = np.linalg.norm(scene.joints_cam - scene.root_cam[:, None], axis=-1)
    np.testing.assert_allclose(spread, np.linalg.norm(clip.joints - clip.joints[:, :1], axis=-1), atol=1e-9)
    np.testing.assert_allclose(scene.clip.joints[..., 1], clip.joints[..., 1], atol=1e-12)
    seen = perfect(scene)
    assert seen.confidence.all()
    assert (seen.points_px[:, 0, 1] < seen.points_px[:, 15, 1]).all()  # nose above ankle


def test_turning_turns_joints_and_rotations_alike() -> None:
    """A bone's axis, turned by its rotation, still points along the turned joints."""
    identity = np.tile([0.0, 0.0, 0.0, 1.0], (3, 21, 1))
    clip = turned(Clip("still", FPS, STATURE, _standing(3), identity), 0.9)
    assert clip.rotations is not None
    arm = BONES.index("LeftUpperArm")
    along = m.to_matrix(clip.rotations)[0, arm] @ m.bone_axes()[arm]
    bone = clip.joints[0, 12] - clip.joints[0, 10]  # left shoulder to elbow
    np.testing.assert_allclose(along, bone / np.linalg.norm(bone), atol=1e-9)


def test_a_walk_is_made_longer_without_a_jump() -> None:
    """A stepping figure continued to 5 m goes on at its speed; no joint moves faster than before."""
    t = np.arange(120) / FPS
    joints = _standing(120)
    joints[..., 2] += (1.2 * t)[:, None]
    for foot, phase in zip(m.FEET, (0.0, 0.0, np.pi, np.pi), strict=True):
        joints[:, foot, 2] += 0.3 * np.sin(2 * np.pi * t / 1.1 + phase)
    walk = longer(Clip("stepping", FPS, STATURE, joints), 5.0).joints
    assert np.linalg.norm(walk[-1, 0] - walk[0, 0]) >= 5.0
    fastest = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max()
    assert np.linalg.norm(np.diff(walk, axis=0), axis=-1).max() < 1.15 * fastest


def test_scene_root_is_the_pelvis() -> None:
    """Root and relative joints add up to the camera joints."""
    scene = Scene(Clip("still", FPS, STATURE, _standing(2) - [0, 0, 4.0]), Camera())
    np.testing.assert_allclose(scene.relative + scene.root_cam[:, None], scene.joints_cam, atol=1e-12)
