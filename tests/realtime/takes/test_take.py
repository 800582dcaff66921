"""Takes: resampled by timestamps, one skeleton, nothing invented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.sinks.wire import PersonPose
from realtime.solve.forward import joints_from_rotations
from realtime.solve.rest import REST_JOINTS
from realtime.takes.take import Take, make_take

REST = 1.7 * (REST_JOINTS - REST_JOINTS[0])


def person(t_s: float, sign: float = 1.0) -> PersonPose:
    """Turns about the vertical at 90 degrees per second and walks forward at 1 m/s; left elbow swings."""
    q = np.tile([0.0, 0.0, 0.0, 1.0], (len(BONES), 1))
    q[0] = [0.0, np.sin(np.pi * t_s / 4), 0.0, np.cos(np.pi * t_s / 4)]
    bend = 0.5 * np.sin(3 * t_s)
    q[BONES.index("LeftLowerArm")] = [0.0, -np.sin(bend), 0.0, np.cos(bend)]
    root = np.array([0.0, 0.9, t_s])
    joints = joints_from_rotations(q, REST, root)
    f = np.float32
    return PersonPose(
        0, "tracking", 1.0, root.astype(f), q[0].astype(f), joints.astype(f), np.ones(26, f), np.ones(26, f),
        (sign * q).astype(f), np.zeros(4, f), 1.7,
    )  # fmt: skip


def take(times_s: list[float] | NDArray[np.float64], fps: float | None = None, flip: bool = False) -> Take:
    """A take of frames at these times."""
    people = [person(t, -1.0 if flip and i % 2 else 1.0) for i, t in enumerate(times_s)]
    return make_take("walk", people, [round(t * 1e9) for t in times_s], 5_000, fps)


def true_joints(at: Take) -> NDArray[np.float64]:
    """(N,26,3) what the moving person does at the take's times."""
    return np.stack([person(t).joints for t in at.times_s]).astype(np.float64)


def test_recorded_frames_come_back() -> None:
    """At the recorded rate every frame is the recorded one."""
    made = take(np.arange(60) / 30)
    assert made.fps == 30.0
    assert len(made) == 60
    assert made.start_wall_ns == 5_000
    assert np.abs(made.joints_world - true_joints(made)).max() < 1e-5
    assert np.abs(made.rest_joints - REST).max() < 1e-5
    assert made.rest_pelvis_height_m == pytest.approx(-REST[:, 1].min())


@pytest.mark.parametrize("fps", [24.0, 60.0, 100.0])
def test_other_rates_are_where_the_motion_was(fps: float) -> None:
    """Irregular frames resampled to any rate stay within a millimetre of the true motion."""
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.8, 1.2, 120) / 60)
    times -= times[0]
    made = take(times, fps)
    assert made.fps == fps
    assert made.captured_fps == pytest.approx(60, rel=0.05)
    assert np.abs(made.joints_world - true_joints(made)).max() < 1.5e-3


def test_signs_of_quaternions_do_not_matter() -> None:
    """q and -q in turns are the same take, and come out continuous."""
    plain, flipped = take(np.arange(30) / 30), take(np.arange(30) / 30, flip=True)
    assert np.allclose(plain.bone_rotations, flipped.bone_rotations, atol=1e-6)
    dots = np.einsum("nbi,nbi->nb", plain.bone_rotations[1:], plain.bone_rotations[:-1])
    assert (dots > 0).all()


def test_gaps_are_marked() -> None:
    """Frames inside a gap are not present; those around it are."""
    times = np.concatenate([np.arange(30) / 30, 2 + np.arange(30) / 30])
    made = take(times)
    t = made.times_s
    assert made.present[t <= 29 / 30].all()
    assert not made.present[(t > 1.0) & (t < 1.95)].any()
    assert made.present[t > 2.05].all()


def test_bones_of_a_take_are_constant() -> None:
    """Lengths that were still being learned do not breathe in the take."""
    people = []
    for i in range(30):
        p = person(i / 30)
        joints = p.root_position + (p.joints - p.root_position) * (1 + 0.002 * i)
        people.append(replace(p, joints=joints.astype(np.float32)))
    made = make_take("x", people, [round(i * 1e9 / 30) for i in range(30)], 0)
    arm = made.joints_world[:, 11] - made.joints_world[:, 9]
    assert np.ptp(np.linalg.norm(arm, axis=1)) < 1e-9


@pytest.mark.parametrize(("count", "frames"), [(1, 1), (2, 2)])
def test_very_short_takes(count: int, frames: int) -> None:
    """One or two frames are a take, too."""
    made = take(np.arange(count) / 30)
    assert len(made) == frames
    assert np.isfinite(made.joints_world).all()


def test_time_that_goes_back_is_left_out() -> None:
    """A clock step does not fold the motion over."""
    made = take([0.0, 1 / 30, 0.5 / 30, 2 / 30, 2 / 30, 3 / 30])
    assert len(made) == 4
    with pytest.raises(ValueError, match="at least one frame"):
        make_take("x", [], [], 0)
