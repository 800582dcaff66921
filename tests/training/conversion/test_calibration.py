"""Each correction undoes the error it is for, and leaves alone what is right."""

from __future__ import annotations

import numpy as np
import pytest

from training.conversion import calibration, cmu
from training.conversion.acclaim import AcclaimMotion
from training.conversion.clips import cmu_takes
from training.conversion.proportions import Proportions, mean_proportions
from training.conversion.rotations import (
    angle_between_deg,
    axis_rotation,
    from_rotvec,
    rotate,
    transpose,
    unit,
)
from training.conversion.take import Take

FRAMES = 600
FPS = 120.0


@pytest.fixture(scope="module")
def body() -> Proportions:
    """An average person of 1.75 m."""
    return mean_proportions(1.75)


def standing(
    body: Proportions, bent_deg: float = 0.0, head_deg: tuple[float, float] = (0.0, 0.0)
) -> AcclaimMotion:
    """Somebody who stands with knees bent by `bent_deg`, the head pitched and rolled by `head_deg`.

    They turn slowly, so that not every frame is the same.
    """
    time = np.arange(FRAMES) / FPS
    sway = axis_rotation("y", 10 * np.sin(time))
    bones = ["root", "lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head"]
    bones += [
        s + bone
        for s in "lr"
        for bone in ("clavicle", "humerus", "radius", "wrist", "hand", "femur", "tibia", "foot", "toes")
    ]
    rotation = {bone: sway for bone in bones}
    for side, sign in (("l", 1), ("r", -1)):
        straight = axis_rotation("z", -20.0 * sign)  # the rest pose has spread legs; stand with parallel ones
        rotation[side + "femur"] = sway @ axis_rotation("x", -bent_deg / 2) @ straight
        rotation[side + "tibia"] = sway @ axis_rotation("x", bent_deg / 2) @ straight
    pitch, roll = head_deg  # x is left, z is forward: about x down, about z the left side sinks
    rotation["head"] = sway @ axis_rotation("x", pitch) @ axis_rotation("z", roll)
    return AcclaimMotion(rotation, np.tile([0.0, 0.95, 0.0], (FRAMES, 1)))


def take_of(motion: AcclaimMotion, body: Proportions, action: str = "") -> Take:
    """The motion posed, uncorrected."""
    return Take("t", action, "cmu-amc", FPS, *cmu.pose(motion, body))


@pytest.mark.parametrize(("shown", "bias"), [(4.0, 0.0), (14.0, 10.0), (22.0, 18.0), (45.0, 24.0)])
def test_knee_bias_is_the_excess_over_four_degrees(shown: float, bias: float, body: Proportions) -> None:
    """People who stand with `shown` degrees of flexion have that bias, at most 24°."""
    take = take_of(standing(body, shown), body)
    assert calibration.flexion_deg(take.joints, "l") == pytest.approx(shown, abs=1e-6)
    found = calibration.knee_bias_deg([take], body.stature_m)
    assert found["l"] == pytest.approx(bias, abs=0.05)
    assert found["r"] == pytest.approx(bias, abs=0.05)


def test_knees_nobody_saw_standing_have_the_usual_bias(body: Proportions) -> None:
    """Without any standing frame the bias is 10°."""
    take = take_of(standing(body, 90.0), body)
    assert calibration.knee_bias_deg([take], body.stature_m) == {"l": 10.0, "r": 10.0}


def test_less_flexion_is_increasing_and_fades() -> None:
    """The corrected flexion rises with the shown one, starts at 0 and is the same from 75° on."""
    shown = np.linspace(0, 180, 1000)
    for bias in (0.0, 5.0, 24.0):
        less = calibration.without_bias_deg(shown, bias)
        assert (np.diff(less) > 0).all()
        assert less[0] == 0
        assert np.allclose(less[shown >= 75], shown[shown >= 75])
        assert (less <= shown + 1e-9).all()
    assert np.allclose(calibration.without_bias_deg(shown, 0.0), shown)


def test_straightened_knees_keep_the_line_of_the_leg(body: Proportions) -> None:
    """Flexion falls as it should, the ankle stays on its line from the hip, and bones keep their length."""
    motion = standing(body, 22.0)
    take = take_of(motion, body)
    straight, _ = cmu.pose(calibration.straighten_knees(motion, take.joints, {"l": 18.0, "r": 18.0}), body)
    expected = calibration.without_bias_deg(np.array([22.0]), 18.0)[0]
    assert calibration.flexion_deg(straight, "l") == pytest.approx(expected, abs=1e-6)
    before, after = (j["l_ankle"] - j["l_hip"] for j in (take.joints, straight))
    assert angle_between_deg(before, after).max() < 0.5
    assert np.allclose(np.linalg.norm(straight["l_knee"] - straight["l_hip"], axis=-1), body.femur_m)


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (12.0, 0.0), (-20.0, 7.0), (5.0, -10.0)])
def test_walkers_look_five_degrees_down(pitch: float, roll: float, body: Proportions) -> None:
    """Whatever the head markers' frame, a walker's gaze is level at -5°; of others half the error stays."""
    motion = standing(body, 4.0, (pitch, roll))
    for action, left in (("walk forward", 0.0), ("golf", 0.5)):
        take = take_of(motion, body, action)
        head = take.segments["head"]
        levelled = head @ calibration.head_correction([take])
        gaze, was = (np.rad2deg(np.arcsin(R[:, 2, 0])).mean() for R in (levelled, head))
        assert gaze == pytest.approx(-5 + left * (was + 5), abs=0.5)
        tilt, before = (np.rad2deg(np.arcsin(R[:, 2, 1])).mean() for R in (levelled, head))
        assert tilt == pytest.approx(left * before, abs=0.5)


def test_a_planted_foot_is_level(body: Proportions) -> None:
    """Feet rolled by 20° and pitched by 5° in the marker set's frame come out flat, with their heading."""
    motion = standing(body)
    crooked = dict(motion.rotation)
    for side, sign in (("l", 1), ("r", -1)):
        for bone in ("foot", "toes"):
            turn = axis_rotation("z", -20.0 * sign) @ axis_rotation("x", 5.0)
            crooked[side + bone] = crooked[side + bone] @ turn
    take = take_of(AcclaimMotion(crooked, motion.root_m), body)
    corrections = calibration.sole_correction([take])
    for side in "lr":
        flat = take.segments[f"{side}_foot"] @ corrections[side]
        assert angle_between_deg(flat[:, :, 2], np.array([0.0, 0.0, 1.0])).max() < 0.5
        heading = unit(take.segments[f"{side}_foot"][:, :, 0] * (1, 1, 0))
        assert angle_between_deg(unit(flat[:, :, 0] * (1, 1, 0)), heading).max() < 3


def test_moving_feet_tell_nothing(body: Proportions) -> None:
    """A foot that slides or turns is not planted."""
    motion = standing(body)
    sliding = AcclaimMotion(motion.rotation, motion.root_m + np.linspace(0, 2, FRAMES)[:, None] * (0, 0, 1))
    assert len(calibration.planted_up(take_of(sliding, body), "l")) == 0
    turning = dict(motion.rotation)
    turning["lfoot"] = from_rotvec(np.linspace(0, 4, FRAMES)[:, None] * (0, 1.0, 0))
    assert len(calibration.planted_up(take_of(AcclaimMotion(turning, motion.root_m), body), "l")) == 0
    assert len(calibration.planted_up(take_of(motion, body), "l")) > 500


def test_corrected_takes_stand_as_people_do(body: Proportions) -> None:
    """All corrections together: ears 0.926 H above the soles, nearly straight knees, a gaze of -5°."""
    facts = Take("t", "walk", "cmu-amc", FPS, {}, {})
    take = cmu_takes([(facts, standing(body, 22.0, (12.0, 5.0)))], body)[0]
    assert calibration.flexion_deg(take.joints, "r").max() < 5
    # The thigh and shank of the person are 22° less bent, so the head did not move but the ankles did.
    soles = take.joints["l_ankle"][:, 2].mean() - 0.043 * body.stature_m
    assert (take.joints["head"][:, 2].mean() - soles) / body.stature_m == pytest.approx(0.926, abs=0.01)
    forward = rotate(take.segments["head"], (1, 0, 0))
    assert np.rad2deg(np.arcsin(forward[:, 2])).mean() == pytest.approx(-5, abs=0.5)
    R = take.segments["l_thigh"]
    assert np.allclose(transpose(R) @ R, np.eye(3))
