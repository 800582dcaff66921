"""Sampled bodies stay human: lengths, sides and floor."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from lifting.skeleton import SEALCAP26
from training.batches import seeded
from training.bodies import BodySampler, BodyVariety, ancestor_matrix
from training.corpus import load_corpus
from training.pose_variety import bend, lean, nod, plausible, rotation_about, straighten, tiptoe

PLAIN = BodyVariety(
    mix=0, bend=0, bone_sd=0, asymmetry_sd=0, width_sd=0, leg_sd=0, anatomy={}, stature_m=(1.7, 0.0),
    straighten_deg=(0, 0), lean_legs_deg=(0, 0), lean_trunk_deg=(0, 0),
)  # fmt: skip


def lengths(joints: torch.Tensor) -> torch.Tensor:
    """(...,25) bone lengths of the tree."""
    parent, child = (list(ends) for ends in zip(*SEALCAP26.edges, strict=True))
    return (joints[..., child, :] - joints[..., parent, :]).norm(dim=-1)


def test_ancestor_matrix_adds_up_bones() -> None:
    """Joints made from bones give the same bones back."""
    joints = torch.randn(5, len(SEALCAP26), 3)
    parents = torch.tensor([max(p, 0) for p in SEALCAP26.parents])
    bones = joints - joints[:, parents]
    bones[:, 0] = joints[:, 0]
    assert torch.allclose(ancestor_matrix(SEALCAP26) @ bones, joints, atol=1e-6)


def test_same_seed_same_bodies(corpus_dir: Path) -> None:
    """All randomness comes from the generator that is passed in."""
    bodies = BodySampler(load_corpus(corpus_dir, "tiny", "train"), BodyVariety())
    assert torch.equal(bodies.sample(8, 4, seeded(1, 2)), bodies.sample(8, 4, seeded(1, 2)))


def test_plain_bodies_keep_the_recorded_lengths(corpus_dir: Path) -> None:
    """Without variety every bone keeps its recorded length, mirrored or not."""
    corpus = load_corpus(corpus_dir, "tiny", "train")
    sampled = BodySampler(corpus, PLAIN).sample(64, 4, seeded(1, 0))
    recorded = torch.from_numpy(corpus.bones[0, 1:]).norm(dim=-1)
    rigid = [i for i, (_, child) in enumerate(SEALCAP26.edges) if "arm" not in SEALCAP26.joints[child]]
    keep = [i for i in rigid if SEALCAP26.joints[i + 1].partition("_")[2] not in ("elbow", "wrist")]
    assert torch.allclose(lengths(sampled)[..., keep], recorded[keep].expand(64, 4, -1), atol=0.02)


def test_bones_are_rigid_within_a_window(corpus_dir: Path) -> None:
    """Variety is drawn per window: a bone does not change its length from frame to frame."""
    bodies = BodySampler(load_corpus(corpus_dir, "tiny", "train"), BodyVariety(mix=0, time_warp=1.0))
    legs = lengths(bodies.sample(64, 5, seeded(3, 0)))[..., [SEALCAP26.index("left_ankle") - 1]]
    assert (legs.amax(dim=1) - legs.amin(dim=1)).max() < 0.02


def test_reversed_windows_are_the_same_motion_backwards(corpus_dir: Path) -> None:
    """The newest frame becomes the oldest; nothing else changes."""
    corpus = load_corpus(corpus_dir, "tiny", "train")
    ahead, back = (BodySampler(corpus, PLAIN.model_copy(update={"reverse": share})) for share in (0.0, 1.0))
    forward, _ = ahead._windows(20, 5, seeded(7, 0))
    backward, _ = back._windows(20, 5, seeded(7, 0))
    assert not torch.equal(forward, backward)
    assert torch.equal(forward.flip(1), backward)


def test_rotation_is_orthonormal_and_keeps_its_axis() -> None:
    """Rodrigues' formula gives rotations that leave their axis alone."""
    axis = torch.nn.functional.normalize(torch.randn(20, 3), dim=-1)
    R = rotation_about(axis, torch.randn(20) * 3)
    assert torch.allclose(R @ R.transpose(1, 2), torch.eye(3).expand(20, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(R), torch.ones(20), atol=1e-5)
    assert torch.allclose(torch.einsum("bij,bj->bi", R, axis), axis, atol=1e-5)


def test_bending_keeps_lengths_and_floor(corpus_dir: Path) -> None:
    """New postures have the old bones, stand on the old floor, and are possible ones."""
    plain = BodySampler(load_corpus(corpus_dir, "tiny", "train"), PLAIN)
    joints = plain.sample(200, 3, seeded(5, 0))
    parents = torch.tensor([max(p, 0) for p in SEALCAP26.parents])
    bones = joints - joints[:, :, parents]
    bones[:, :, 0] = joints[:, :, 0]
    matrix = ancestor_matrix(SEALCAP26)
    bent = bend(bones, matrix, seeded(5, 1))
    assert torch.allclose(bent[:, :, 1:].norm(dim=-1), bones[:, :, 1:].norm(dim=-1), atol=1e-5)
    lowest = (matrix @ bent[:, -1])[..., 2].amin(dim=1)
    assert torch.allclose(lowest, joints[:, -1, :, 2].amin(dim=1), atol=1e-4)
    assert plausible(bent).all()
    assert ((bent - bones).abs().amax(dim=(1, 2, 3)) > 0.05).float().mean() > 0.6
    assert (bent[:, -1, 0, 2] < bones[:, -1, 0, 2] - 0.15).any(), "somebody squats"


def test_impossible_poses_are_recognised(corpus_dir: Path) -> None:
    """A knee that bends forward is not plausible."""
    bones = torch.from_numpy(load_corpus(corpus_dir, "tiny", "train").bones[:1])[None].clone()
    assert plausible(bones).item()
    side = bones[:, 0, SEALCAP26.index("left_hip")] - bones[:, 0, SEALCAP26.index("right_hip")]
    R = rotation_about(side / side.norm(dim=-1, keepdim=True), torch.tensor([-math.radians(60)]))
    ankle = SEALCAP26.index("left_ankle")
    bones[:, :, ankle] = torch.einsum("bij,btj->bti", R, bones[:, :, ankle])
    assert not plausible(bones).item()


@pytest.mark.parametrize(("joint", "direction"), [("left_ankle", 1.0), ("neck", 1.0), ("nose", 1.0)])
def test_lean_moves_forward(corpus_dir: Path, joint: str, direction: float) -> None:
    """Positive angles swing the ankles before the hips and the head before the trunk (+X)."""
    bones = torch.from_numpy(load_corpus(corpus_dir, "tiny", "train").bones[:2])[None]
    matrix = ancestor_matrix(SEALCAP26)
    before, after = matrix @ bones, matrix @ lean(bones, (5.0, 0.0), (5.0, 0.0), seeded(0, 0))
    moved = (after - before)[0, :, SEALCAP26.index(joint), 0]
    assert (moved * direction > 0.02).all()


@pytest.mark.parametrize(("flexion", "left_over"), [(5, 0.0), (20, 8.0), (90, 90.0)])
def test_straightening_takes_flexion_away(flexion: float, left_over: float) -> None:
    """12 degrees less knee flexion, never below 0, nothing beyond 75; the ankle stays below the hip."""
    bones = torch.zeros(1, 1, len(SEALCAP26), 3)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        half = math.radians(flexion) / 2
        bones[0, 0, SEALCAP26.index(f"{side}_hip")] = torch.tensor([0.0, 0.1 * sign, 0.0])
        bones[0, 0, SEALCAP26.index(f"{side}_knee")] = 0.4 * torch.tensor(
            [math.sin(half), 0, -math.cos(half)]
        )
        bones[0, 0, SEALCAP26.index(f"{side}_ankle")] = 0.4 * torch.tensor(
            [-math.sin(half), 0, -math.cos(half)]
        )
    out = straighten(bones, (12.0, 0.0), seeded(0, 0))[0, 0]
    thigh, shank = out[SEALCAP26.index("left_knee")], out[SEALCAP26.index("left_ankle")]
    angle = math.degrees(torch.atan2(torch.linalg.cross(thigh, shank)[1], thigh @ shank).item())
    assert angle == pytest.approx(left_over, abs=0.1)
    assert (thigh + shank)[0].item() == pytest.approx(0, abs=1e-5)


def test_nodding_moves_the_head_alone(corpus_dir: Path) -> None:
    """Looking up lifts the nose above the ears and leaves all that is not the head; lengths stay."""
    bones = torch.from_numpy(load_corpus(corpus_dir, "tiny", "train").bones[:2])[None]
    matrix = ancestor_matrix(SEALCAP26)
    up = nod(bones, (30.0, 0.0), 0.0, 0.0, seeded(0, 0))
    before, after = matrix @ bones, matrix @ up
    nose, ear, neck = SEALCAP26.indices("nose", "left_ear", "neck")
    lifted = (after[..., nose, 2] - after[..., ear, 2]) - (before[..., nose, 2] - before[..., ear, 2])
    assert (lifted > 0.02).all()
    head = [i for i, part in enumerate(SEALCAP26.joints) if part.endswith(("head", "nose", "eye", "ear"))]
    rest = [i for i in range(len(SEALCAP26)) if i not in head]
    assert neck in rest
    assert torch.equal(after[:, :, rest], before[:, :, rest])
    assert torch.allclose(up[:, :, 1:].norm(dim=-1), bones[:, :, 1:].norm(dim=-1), atol=1e-5)


def test_heeled_shoes_pitch_the_feet(corpus_dir: Path) -> None:
    """Toes go down against heels by the angle, negative draws change nothing, ankles stay."""
    bones = torch.from_numpy(load_corpus(corpus_dir, "tiny", "train").bones[:2])[None]
    heel, toe, ankle = SEALCAP26.indices("left_heel", "left_toe", "left_ankle")
    pitched = tiptoe(bones, (10.0, 0.0), seeded(0, 0))
    assert (pitched[..., toe, 2] < bones[..., toe, 2] - 0.005).all()
    assert (pitched[..., heel, 2] > bones[..., heel, 2] - 1e-3).all()
    assert torch.equal(pitched[:, :, ankle], bones[:, :, ankle])
    assert torch.allclose(tiptoe(bones, (-10.0, 0.0), seeded(0, 0)), bones, atol=1e-6)


@pytest.mark.parametrize(
    ("key", "joints", "steady"),
    [("face_sd", ("nose", "left_ear"), "left_knee"), ("foot_sd", ("left_toe", "right_toe"), "left_heel")],
)
def test_sizes_of_parts_vary_together(
    corpus_dir: Path, key: str, joints: tuple[str, str], steady: str
) -> None:
    """A factor of 20 % spread moves the part's bones together and no other."""
    corpus = load_corpus(corpus_dir, "tiny", "train")
    sampled = BodySampler(corpus, PLAIN.model_copy(update={key: 0.2})).sample(400, 1, seeded(1, 0))
    size = lengths(sampled)[:, 0].log()
    first, second, other = (size[:, SEALCAP26.index(name) - 1] for name in (*joints, steady))
    plain = lengths(BodySampler(corpus, PLAIN).sample(400, 1, seeded(1, 0)))[:, 0].log()
    base = plain[:, SEALCAP26.index(joints[0]) - 1]
    assert (first - base.mean()).std().item() == pytest.approx(0.2, abs=0.05)
    assert torch.corrcoef(torch.stack([first, second]))[0, 1] > 0.9
    assert other.std() < 0.05


def test_anatomy_of_joints_that_do_not_exist() -> None:
    """A name without a joint would change nothing, a size below 0 has no logarithm."""
    with pytest.raises(ValueError, match="no joint is called kneee; there are spine, chest"):
        BodyVariety(anatomy={"kneee": 1.1})
    with pytest.raises(ValueError, match="greater than 0"):
        BodyVariety(anatomy={"knee": -1.0})
