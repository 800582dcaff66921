"""REP-155's human: names, limits, and that its forward kinematics is the person again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import ROS
from realtime.ros.human import JOINTS, LIMITS, body_rotations, human_joints, limited
from realtime.solve.forward import joints_from_rotations
from realtime.solve.quaternions import IDENTITY, to_matrix, unit
from realtime.solve.rest import REST_JOINTS
from realtime.solve.rotations import RotationSolver
from tests.realtime.ros import human_model
from tests.realtime.solve.test_rotations import CORPUS_TO_SEALCAP26, OURS_FROM_CORPUS

LIMBS = {
    "shoulder": ("shoulder", "elbow"), "elbow": ("elbow", "wrist"),
    "hip": ("hip", "knee"), "knee": ("knee", "ankle"),
}  # fmt: skip
"""Link of the model: the joints of ours between which it lies."""


def arms_down() -> np.ndarray:
    """(26,3) the T-pose with hanging arms."""
    joints = REST_JOINTS.copy()
    for side in ("left", "right"):
        s, e, w = SEALCAP26.indices(f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist")
        joints[e] = joints[s] + [0, -0.1653, 0]
        joints[w] = joints[e] + [0, -0.1579, 0]
    return joints


def aimed(**directions: tuple[float, float, float]) -> np.ndarray:
    """Local rotations of a person with hanging arms, but for these limbs: left_elbow=(1,0,0) in ROS axes."""
    joints = arms_down()
    for limb, direction in directions.items():
        side, link = limb.split("_")
        a, b = SEALCAP26.indices(f"{side}_{LIMBS[link][0]}", f"{side}_{LIMBS[link][1]}")
        length = np.linalg.norm(REST_JOINTS[b] - REST_JOINTS[a])
        move = joints[a] + ROS.points_to_world(unit(np.array(direction, float))) * length - joints[b]
        below = [i for i in range(26) if i == b or _hangs_on(i, b)]
        joints[below] += move
    return RotationSolver().solve(joints * 1.7).local


def _hangs_on(joint: int, other: int) -> bool:
    parent = SEALCAP26.parents[joint]
    return parent == other or (parent >= 0 and _hangs_on(parent, other))


def angles_of(local: np.ndarray) -> dict[str, float]:
    """Joint → radians, not limited."""
    return dict(zip(JOINTS, human_joints(local), strict=True))


def off_by(local: np.ndarray) -> dict[str, float]:
    """Limb → degrees between the model's and the person's direction."""
    model = human_model.links(angles_of(local))
    pelvis = to_matrix(local[0])
    ours = ROS.points(joints_from_rotations(local, REST_JOINTS, np.zeros(3)) @ pelvis)
    out = {}
    for side, prefix in (("left", "l"), ("right", "r")):
        for link, (a, b) in LIMBS.items():
            i, j = SEALCAP26.indices(f"{side}_{a}", f"{side}_{b}")
            cosine = unit(ours[j] - ours[i]) @ -model[f"{prefix}_{link}"][1][:, 2]
            out[f"{side}_{link}"] = np.degrees(np.arccos(min(1.0, cosine)))
    return out


def test_names_and_limits_are_the_models() -> None:
    """Twenty joints; left and right alike."""
    wanted = {}
    for name, low, high in (line.split() for line in human_model.LIMITS.split("\n") if line):
        one = name == "waist" or name.endswith("head")
        for joint in [name] if one else [f"l_{name}", f"r_{name}"]:
            wanted[joint] = (float(low), float(high))
    assert wanted == LIMITS
    assert len(JOINTS) == 20
    assert set(JOINTS) == {joint for *_, joint in human_model.ROWS if joint}


@pytest.mark.parametrize("seed", range(40))
def test_the_models_limbs_point_where_the_persons_do(seed: int) -> None:
    """Any rotations at all, also impossible ones, within a degree; the head stands exactly."""
    rng = np.random.default_rng(seed)
    local = unit(rng.normal(size=(len(BONES), 4)) + 3.0 * rng.uniform() * IDENTITY)
    assert max(off_by(local).values()) < 1.0
    head = human_model.links(angles_of(local))["head"][1]
    assert np.allclose(head, body_rotations(local)[BONES.index("Head")], atol=1e-9)


@pytest.mark.shared
def test_real_motion_fits(motion_dir: Path) -> None:
    """Within a degree everywhere, solved frame by frame."""
    with np.load(motion_dir / "cmu_test.npz") as z:
        rows = slice(z["start"][9], z["start"][10])
        joints = (z["rel"][rows] * float(z["scale"]) @ OURS_FROM_CORPUS.T)[:, CORPUS_TO_SEALCAP26]
    solver, last = RotationSolver(), None
    for t, frame in enumerate(joints[:300]):
        local = solver.solve(frame, capture_time_ns=t * 33_333_333).local
        assert max(off_by(local).values()) < 1.0
        last = human_joints(local, last)
        assert np.isfinite(last).all()


RIGHT = np.pi / 2
POSES = [
    ({}, {}),
    ({"left_shoulder": (0, 1, 0), "left_elbow": (0, 1, 0)}, {"l_p_shoulder": np.pi / 2, "l_y_shoulder": 0}),
    ({"right_shoulder": (0, -1, 0), "right_elbow": (0, -1, 0)}, {"r_p_shoulder": RIGHT, "r_y_shoulder": 0}),
    ({"left_shoulder": (1, 0, 0), "left_elbow": (1, 0, 0)}, {"l_p_shoulder": RIGHT, "l_y_shoulder": RIGHT}),
    ({"left_elbow": (1, 0, 0)}, {"l_elbow": np.pi / 2}),
    ({"right_elbow": (1, 0, 0)}, {"r_elbow": np.pi / 2}),
    ({"left_knee": (-1, 0, 0)}, {"l_knee": -np.pi / 2}),
    ({"left_hip": (1, 0, 0), "left_knee": (0, 0, -1)}, {"l_r_hip": np.pi / 2, "l_knee": -np.pi / 2}),
    ({"right_hip": (0, -0.5, -1), "right_knee": (0, -0.5, -1)}, {"r_p_hip": np.arctan(0.5), "r_r_hip": 0}),
    ({"left_hip": (0, 0.5, -1), "left_knee": (0, 0.5, -1)}, {"l_p_hip": np.arctan(0.5), "l_r_hip": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("limbs", "wanted"), POSES)
def test_signs(limbs: dict[str, tuple[float, float, float]], wanted: dict[str, float]) -> None:
    """What is raised, bent or spread goes to the side that the REP calls positive; the rest stays at 0."""
    found = angles_of(aimed(**limbs))
    for joint, angle in wanted.items():
        assert found[joint] == pytest.approx(angle, abs=0.02), joint
    for joint in ("waist", "r_head", "y_head", "p_head"):
        assert found[joint] == pytest.approx(0, abs=0.02)
    if not limbs:
        for joint, angle in found.items():
            assert angle == pytest.approx(0, abs=0.03), joint


def test_trunk_leans_with_the_waist() -> None:
    """A bow is positive, and hanging arms then are raised to the front by as much."""
    local = np.tile(IDENTITY, (len(BONES), 1))
    local[BONES.index("Spine")] = [np.sin(0.3), 0, 0, np.cos(0.3)]
    found = angles_of(local)
    assert 0.3 < found["waist"] < 0.6
    local[BONES.index("Neck")] = [-np.sin(0.3), 0, 0, np.cos(0.3)]
    assert angles_of(local)["p_head"] == pytest.approx(found["waist"], abs=1e-6)


def test_limits_hold_and_change_nothing_within() -> None:
    """A squat's thigh is told up to 0.7; what lies inside stays as it is."""
    angles = human_joints(aimed(left_hip=(1, 0, 0), left_knee=(0, 0, -1)))
    kept = limited(angles)
    assert kept[JOINTS.index("l_r_hip")] == 0.7
    for joint, before, after in zip(JOINTS, angles, kept, strict=True):
        low, high = LIMITS[joint]
        assert low <= after <= high
        assert after == before or not low <= before <= high


def beyond(angles: dict[str, float]) -> float:
    """Radians outside the model's limits, all in all."""
    return sum(max(0.0, LIMITS[j][0] - a, a - LIMITS[j][1]) for j, a in angles.items())


def test_of_two_ways_to_tell_an_arm_the_better_is_taken() -> None:
    """Yaw and roll half a turn on, pitch the other way, is the same arm; limits cut the taken one less."""
    last, cut = None, []
    for phase in np.linspace(0, 4 * np.pi, 200):
        sway = (0.2 * np.sin(phase), 0.12 + 0.1 * np.cos(2 * phase), -1.0)
        last = human_joints(aimed(left_shoulder=sway, left_elbow=sway), last)
        one = {j: a for j, a in zip(JOINTS, last, strict=True) if j.startswith("l_") and "shoulder" in j}
        y, p, r = one.values()
        half = [(angle + np.pi + np.pi) % (2 * np.pi) - np.pi for angle in (y, r)]
        other = dict(zip(one, (half[0], -p, half[1]), strict=True))
        turned = [
            human_model.links({**dict.fromkeys(JOINTS, 0.0), **a})["l_shoulder"][1] for a in (one, other)
        ]
        assert np.allclose(*turned, atol=1e-9)
        assert beyond(one) <= beyond(other) + 2e-3
        cut.append(beyond(one))
    assert np.median(cut) < 0.01
