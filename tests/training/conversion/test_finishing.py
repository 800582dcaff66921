"""Extremities, frame rate, floor, contacts and cuts of clips."""

from __future__ import annotations

import numpy as np
import pytest

from training.conversion import quality
from training.conversion.extremities import add_extremities, foot_points, head_points
from training.conversion.floor import contacts, floor_height, lift_toes
from training.conversion.layout import INDEX, JOINTS, PARENTS, SEGMENTS
from training.conversion.resample import resample_positions, resample_rotations
from training.conversion.rotations import angle_deg, axis_rotation, from_rotvec, rotate

H = 1.75
RNG = np.random.default_rng(1)


def standing(frames: int = 120) -> np.ndarray:
    """(frames,31,3) somebody standing on z = 0."""
    level = np.tile(np.eye(3), (frames, 1, 1))
    place = {"pelvis": (0, 0, 0.93), "spine": (0, 0, 1.1), "chest": (0, 0, 1.3), "neck": (0, 0, 1.48),
             "head": (0, 0, 1.62)} | {
        f"{s}_{joint}": (x, sign * y, z) for s, sign in (("l", 1), ("r", -1)) for joint, x, y, z in (
            ("shoulder", 0, 0.18, 1.42), ("elbow", 0, 0.2, 1.13), ("wrist", 0.05, 0.2, 0.87),
            ("hip", 0, 0.09, 0.93), ("knee", 0.01, 0.09, 0.5), ("ankle", 0, 0.09, 0.043 * H))}  # fmt: skip
    joints = {joint: np.tile(np.array(where, float), (frames, 1)) for joint, where in place.items()}
    segments = {name: level for name in SEGMENTS}
    added = add_extremities(joints, segments, H)
    return np.stack([added[name] for name in JOINTS], axis=1)


def test_layout_is_a_tree_of_pairs() -> None:
    """Parents come first, and left and right hang alike."""
    assert all(parent < i for i, parent in enumerate(PARENTS))
    for joint, i in INDEX.items():
        if joint.startswith("l_"):
            above = JOINTS[PARENTS[i]]
            mirrored = "r_" + above[2:] if above.startswith("l_") else above
            assert JOINTS[PARENTS[INDEX["r_" + joint[2:]]]] == mirrored


def test_extremities_turn_with_their_segment() -> None:
    """Turning head or foot turns its points about ear centre or ankle, and nothing else."""
    R, origin = from_rotvec(RNG.normal(size=(5, 3))), RNG.normal(size=(5, 3))
    upright = np.tile(np.eye(3), (5, 1, 1))
    for turned, rest in (
        (head_points(origin, R, H), head_points(origin, upright, H)),
        (foot_points(origin, R, R, H), foot_points(origin, upright, upright, H)),
    ):
        for name, point in turned.items():
            assert np.allclose(point, origin + rotate(R, rest[name] - origin)), name


def test_proportions_of_the_face_and_foot() -> None:
    """At 1.75 m: ears 148 mm apart, eyes 63 mm, vertex 130 mm up; a foot of 0.140 H that stands flat."""
    pose = dict(zip(JOINTS, standing(1)[0], strict=True))
    assert np.linalg.norm(pose["l_ear"] - pose["r_ear"]) == pytest.approx(0.148)
    assert np.linalg.norm(pose["l_eye"] - pose["r_eye"]) == pytest.approx(0.063)
    assert pose["head_top"][2] - pose["head"][2] == pytest.approx(0.130)
    assert pose["l_toe"][0] - pose["l_heel"][0] == pytest.approx(0.140 * H)
    assert [pose[f"r_{p}"][2] / H for p in ("heel", "ball", "toe")] == pytest.approx([0.010, 0.012, 0.008])
    child = head_points(np.zeros((1, 3)), np.eye(3)[None], 0.875)
    assert child["head_top"][0, 2] == pytest.approx(0.130 * 0.75)


def test_whole_ratios_pick_frames() -> None:
    """120 Hz to 30 Hz is every fourth frame, unfiltered; the same rate is the same clip."""
    positions = RNG.normal(size=(101, 4, 3))
    assert np.array_equal(resample_positions(positions, 120.0, 30.0), positions[::4])
    assert np.array_equal(resample_positions(positions, 119.88, 30.0), positions[::4])
    assert np.array_equal(resample_positions(positions, 30.0, 30.0), positions)
    assert len(resample_positions(positions[:1], 50.0, 30.0)) == 1


@pytest.mark.parametrize("fps", [24.0, 25.0, 50.0, 100.0])
def test_constant_acceleration_is_resampled_exactly(fps: float) -> None:
    """A thrown ball is where physics says at every new frame away from the ends."""
    time = np.arange(int(2 * fps)) / fps
    ball = np.stack([3 * time, 0 * time, 5 * time - 4.905 * time**2], axis=1)[:, None]
    new = resample_positions(ball, fps, 30.0)
    at = np.arange(len(new)) / 30
    expected = np.stack([3 * at, 0 * at, 5 * at - 4.905 * at**2], axis=1)[:, None]
    assert at[-1] <= time[-1] + 1e-9 < at[-1] + 1 / 30
    assert np.abs(new - expected)[3:-3].max() < 1e-9
    assert np.abs(new - expected).max() < 5e-3


def test_constant_turning_is_resampled_exactly() -> None:
    """A steady turn keeps its speed."""
    R = axis_rotation("z", 3.0 * np.arange(100))[:, None]
    new = resample_rotations(R, 50.0, 30.0)
    assert angle_deg(new[:, 0], axis_rotation("z", 150.0 * np.arange(len(new)) / 30)).max() < 1e-5


def test_floor_is_found_wherever_it_is() -> None:
    """Shifted up or down, the floor follows; a clip without planted feet has the low points of its soles."""
    for height in (-0.8, 0.0, 0.3):
        assert floor_height(standing() + np.array([0, 0, height]), 30.0, H) == pytest.approx(height, abs=1e-6)
    flying = standing() + np.linspace(0, 8, 120)[:, None, None] * (1.0, 0, 0)
    assert floor_height(flying + np.array([0, 0, 0.2]), 30.0, H) == pytest.approx(0.2, abs=1e-6)


def test_a_step_up_is_not_the_floor() -> None:
    """Half the time on a stool of 40 cm, the floor is still the floor."""
    positions = standing()
    positions[60:, :, 2] += 0.4
    assert floor_height(positions, 30.0, H) == pytest.approx(0, abs=1e-6)


def test_contacts_need_height_and_rest() -> None:
    """Feet touch while they are down and still; a single frame of doubt is settled by its neighbours."""
    positions = standing()
    assert contacts(positions, 30.0, H).all()
    assert not contacts(positions + np.array([0, 0, 0.05]), 30.0, H).any()
    sliding = positions + np.arange(120)[:, None, None] * (0.02, 0, 0)
    assert not contacts(sliding, 30.0, H).any()
    positions[50, INDEX["l_heel"], 2] += 0.2
    assert contacts(positions, 30.0, H)[:, 1:].all()
    assert contacts(positions, 30.0, H)[50, 0]
    lifted = standing()
    lifted[40:80, [INDEX["r_heel"], INDEX["r_ball"]], 2] += 0.2
    found = contacts(lifted, 30.0, H)
    assert found[:, :2].all()
    assert not found[42:78, 2:].any()
    assert found[:38, 2:].all()


def test_toes_stay_above_the_ground() -> None:
    """Toes that point into the ground are bent level with their length kept; others are not touched."""
    positions = standing(10)
    ball, toe = INDEX["l_ball"], INDEX["l_toe"]
    length = np.linalg.norm(positions[0, toe] - positions[0, ball])
    positions[3:6, toe] = positions[3:6, ball] + length * np.array([np.cos(1), 0, -np.sin(1)])
    lifted = lift_toes(positions, H)
    assert lifted[3:6, toe, 2] == pytest.approx(0.008 * H)
    assert np.linalg.norm(lifted[:, toe] - lifted[:, ball], axis=-1) == pytest.approx(length)
    kept = [i for i in range(10) if not 3 <= i < 6]
    assert np.array_equal(lifted[kept], positions[kept])


def _teleport(positions: np.ndarray) -> None:
    positions[60:] += (0.5, 0, 0)


def _nan(positions: np.ndarray) -> None:
    positions[60, INDEX["l_wrist"], 1] = np.nan


def _flip(positions: np.ndarray) -> None:
    elbow, wrist = INDEX["r_elbow"], INDEX["r_wrist"]
    positions[60, wrist] = 2 * positions[60, elbow] - positions[60, wrist]


def _knee(positions: np.ndarray) -> None:
    positions[60, INDEX["l_knee"]] += (-0.2, 0, 0)


@pytest.mark.parametrize("damage", [_teleport, _nan, _flip, _knee], ids=lambda f: f.__name__)
def test_bad_frames_split_a_clip(damage) -> None:
    """A teleport, NaN, a flipped forearm or a backward knee at frame 60 leaves two clips."""
    positions = standing()
    assert not quality.bad_frames(positions, 30.0).any()
    damage(positions)
    runs = quality.good_runs(quality.bad_frames(positions, 30.0), 30)
    assert len(runs) == 2
    (first, a), (b, last) = runs
    assert (first, last) == (0, 120)
    assert 55 <= a < 60 < b <= 65


def test_quick_people_are_not_cut() -> None:
    """A sprint at 8 m/s with hands at 12 m/s and deeply bent knees is human."""
    positions = standing() + np.arange(120)[:, None, None] * (8 / 30, 0, 0)
    positions[:, INDEX["l_wrist"], 0] += 0.06 * np.sin(2 * np.arange(120))
    positions[:, INDEX["l_ankle"]] = positions[:, INDEX["l_knee"]] + (-0.42, 0, 0.05)
    assert not quality.bad_frames(positions, 30.0).any()


def test_short_runs_are_dropped_with_their_margin() -> None:
    """Bad frames take two neighbours with them; what is shorter than asked is not kept."""
    bad = np.zeros(50, bool)
    bad[[10, 40]] = True
    assert quality.good_runs(bad, 9) == [(13, 38)]
    assert quality.good_runs(bad, 7) == [(0, 8), (13, 38), (43, 50)]
    assert quality.good_runs(np.ones(20, bool), 1) == []
    assert quality.good_runs(np.zeros(20, bool), 20) == [(0, 20)]


def test_legs_twisted_beyond_anatomy() -> None:
    """A thigh turned by 120° about its axis, or a shank by 70°, is a flip; 50° is not."""
    segments = np.tile(np.eye(3), (4, len(SEGMENTS), 1, 1))
    at = {name: i for i, name in enumerate(SEGMENTS)}
    segments[1, [at["l_thigh"], at["l_shank"]]] = axis_rotation("z", 120.0)
    segments[2, at["r_shank"]] = axis_rotation("z", -70.0)
    segments[3, at["r_shank"]] = axis_rotation("z", 50.0)
    assert quality.twisted_legs(segments).tolist() == [False, True, True, False]
