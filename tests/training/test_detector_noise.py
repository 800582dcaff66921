"""The detector model: exact when everything is off, and with the stated statistics when it is on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lifting.skeleton import BODY21, SEALCAP26
from training.batches import seeded
from training.bodies import BodySampler, BodyVariety
from training.cameras import CameraVariety, look
from training.corpus import load_corpus
from training.detector_noise import DetectorNoise, body_frames, observe

OFF = {
    "profiles": {"blazepose": 1.0}, "offset_share": (0, 0), "offset_sd_m": 0, "offset_side_sd_m": 0,
    "along_limb_sd": 0, "jitter": (1e-9, 1e-9), "covered": 0, "lost": 0, "outlier": 0, "swap": 0,
    "swap_from_behind": 0, "wrong_focal": 0,
}  # fmt: skip
BODY = SEALCAP26.indices(*BODY21.joints)


@pytest.fixture
def scene(corpus_dir: Path) -> tuple[Tensor, Tensor]:
    """Joints in camera axes (600,12,26,3) and pictures (600,2)."""
    bodies = BodySampler(load_corpus(corpus_dir, "tiny", "train"), BodyVariety()).sample(
        600, 12, seeded(1, 1)
    )
    joints, half_tan, _ = look(bodies, CameraVariety(distance_m=(2.5, 5.0)), seeded(1, 2))
    return joints, half_tan


def observed(scene: tuple[Tensor, Tensor], **changes: object) -> tuple[Tensor, Tensor, Tensor]:
    """Rays, confidences and exact rays of points that were seen."""
    keypoints = observe(*scene, DetectorNoise.model_validate(OFF | changes), seeded(3, 3))
    body = scene[0][:, :, BODY]
    return keypoints[..., :2], keypoints[..., 2], body[..., :2] / body[..., 2:]


def radius(exact: Tensor) -> Tensor:
    """(B,1,1) rms distance of the points from the figure's centre."""
    centred = exact - exact.mean(dim=2, keepdim=True)
    return centred.square().sum(dim=-1).mean(dim=(1, 2)).sqrt()[:, None, None]


def test_without_noise_it_projects(scene: tuple[Tensor, Tensor]) -> None:
    """All effects off: exact rays, full confidence inside the picture and none outside."""
    rays, confidence, exact = observed(scene)
    inside = (exact.abs() < scene[1][:, None, None]).all(dim=-1)
    assert torch.allclose(rays[inside], exact[inside], atol=1e-5)
    assert ((confidence > 0) == inside).all()


def test_jitter_has_the_stated_size_and_colour(scene: tuple[Tensor, Tensor]) -> None:
    """Noise of 2 % of the radius that is 0.8 correlated from frame to frame, as configured."""
    rays, _, exact = observed(scene, jitter=(0.02, 0.02), correlation=(0.8, 0.8), white=(0.0, 0.0))
    error = (rays - exact)[:, :, BODY21.index("left_knee")] / radius(exact)
    assert error.std().item() == pytest.approx(0.02, rel=0.05)
    lag1 = (error[:, 1:] * error[:, :-1]).mean() / error.square().mean()
    assert lag1.item() == pytest.approx(0.8, abs=0.03)


def test_covered_points_are_noisier_and_less_sure(scene: tuple[Tensor, Tensor]) -> None:
    """Low confidence goes with large errors, which is what makes it useful."""
    rays, confidence, exact = observed(scene, covered=0.5, covered_lost=0.0)
    error = ((rays - exact) / radius(exact)[..., None]).norm(dim=-1)
    seen = confidence > 0
    doubtful, sure = seen & (confidence < 0.4), seen & (confidence > 0.85)
    assert error[doubtful].mean() > 5 * error[sure].mean()
    assert 0.02 < doubtful.float().mean() < 0.4


def test_swaps_exchange_twins(scene: tuple[Tensor, Tensor]) -> None:
    """A swapped frame shows every left point of the swapped part where the right one is."""
    rays, _, exact = observed(scene, swap=1.0, swap_frames=(20.0, 20.0))
    twin = torch.from_numpy(BODY21.mirrored.copy())
    ankle = BODY21.index("left_ankle")
    there = (rays[:, -1, ankle] - exact[:, -1, twin[ankle]]).norm(dim=-1) < 1e-4
    assert 0.7 < there.float().mean() < 0.9, "whole figure (1/3) or legs (0.47)"


def test_lost_points_outliers_and_focal(scene: tuple[Tensor, Tensor]) -> None:
    """Shares of missing and stray points and of wrong focal lengths are those configured."""
    _, confidence, exact = observed(scene, lost=0.2)
    inside = (exact.abs() < scene[1][:, None, None]).all(dim=-1)
    assert (confidence[inside] == 0).float().mean().item() == pytest.approx(0.1, abs=0.02)
    rays, _, _ = observed(scene, outlier=0.05)
    stray = (rays - exact).norm(dim=-1) > 0.02 * radius(exact)
    assert stray.float().mean().item() == pytest.approx(0.05, abs=0.005)
    rays, _, _ = observed(scene, wrong_focal=1.0, focal_spread=0.3)
    ratio = (rays.flatten(1).norm(dim=-1) / exact.flatten(1).norm(dim=-1)).log()
    assert ratio.abs().max() < 0.31
    assert ratio.std() > 0.12


def test_detectors_without_feet(scene: tuple[Tensor, Tensor]) -> None:
    """COCO detectors never see heels and toes, but everything else."""
    _, confidence, _ = observed(scene, profiles={"coco": 1.0})
    feet = BODY21.indices("left_heel", "right_heel", "left_toe", "right_toe")
    assert (confidence[:, :, feet] == 0).all()
    assert (confidence[:, :, 0] > 0).float().mean() > 0.5


def test_halpe_is_coco_with_feet(scene: tuple[Tensor, Tensor]) -> None:
    """RTMPose's 26 points: feet are seen where they are, everything else as in COCO, number for number."""
    coco, without, _ = observed(scene, profiles={"coco": 1.0}, offset_share=(1.0, 1.0))
    halpe, with_feet, exact = observed(scene, profiles={"halpe": 1.0}, offset_share=(1.0, 1.0))
    feet = BODY21.indices("left_heel", "right_heel", "left_toe", "right_toe")
    body = [i for i in range(len(BODY21)) if i not in feet]
    assert torch.equal(coco[:, :, body], halpe[:, :, body])
    assert torch.equal(without[:, :, body], with_feet[:, :, body])
    assert (with_feet[:, :, feet] > 0).float().mean() > 0.5
    assert torch.allclose(halpe[:, :, feet], exact[:, :, feet], atol=1e-5)


def test_the_default_recipe_imitates_the_families_it_was_trained_with() -> None:
    """A family more in the table changes nothing for a recipe that does not name it."""
    assert DetectorNoise().profiles == {"blazepose": 0.7, "coco": 0.3}


def test_definition_offsets_follow_the_body(scene: tuple[Tensor, Tensor]) -> None:
    """A family's mean offset is one vector in body axes: hips of `blazepose` lie below the corpus's."""
    rays, _, exact = observed(scene, offset_share=(1.0, 1.0))
    body = scene[0][:, :, BODY]
    up = body_frames(body)[..., 0, :, 1]  # (B,T,3) of the trunk
    hip = BODY21.index("left_hip")
    lower = body[:, :, hip] - 0.014 * up
    away = (lower[..., :2] / lower[..., 2:] - rays[:, :, hip]).norm(dim=-1)
    before = (exact[:, :, hip] - rays[:, :, hip]).norm(dim=-1)
    assert away.mean() < before.mean()


def test_body_frames_are_right_handed(scene: tuple[Tensor, Tensor]) -> None:
    """Left, up, forward are orthonormal; the trunk's left points from the right hip to the left one."""
    body = scene[0][:, :, BODY]
    frames = body_frames(body)
    assert torch.allclose(torch.linalg.det(frames), torch.ones(frames.shape[:-2]), atol=1e-4)
    across = body[:, :, BODY21.index("left_hip")] - body[:, :, BODY21.index("right_hip")]
    assert (torch.einsum("bti,bti->bt", across, frames[:, :, 0, :, 0]) > 0).all()
    ahead = body[:, :, BODY21.index("left_toe")] - body[:, :, BODY21.index("left_heel")]
    assert (torch.einsum("bti,bti->bt", ahead, frames[:, :, 2, :, 2]) > 0.1).all()


def test_ears_can_lie_lower(scene: tuple[Tensor, Tensor]) -> None:
    """A drop of 2 cm moves both ears down along the head and nothing else."""
    plain, _, _ = observed(scene)
    lower, _, _ = observed(scene, ears_lower_m=(0.02, 0.0))
    ears = BODY21.indices("left_ear", "right_ear")
    others = [i for i in range(len(BODY21)) if i not in ears]
    assert torch.allclose(lower[:, :, others], plain[:, :, others], atol=1e-6)
    moved_m = ((lower - plain)[:, :, ears] * scene[0][:, :, BODY][:, :, ears, 2:]).norm(dim=-1)
    assert 0.01 < moved_m.median() < 0.025


def test_groups_can_be_missing_in_whole_windows(scene: tuple[Tensor, Tensor]) -> None:
    """Feet are unseen in half of the windows, then in all of their frames; nothing else is touched."""
    _, plain, _ = observed(scene)
    _, confidence, _ = observed(scene, unseen={"feet": 0.5})
    feet = BODY21.indices("left_heel", "right_heel", "left_toe", "right_toe")
    others = [i for i in range(len(BODY21)) if i not in feet]
    assert torch.equal(confidence[:, :, others] > 0, plain[:, :, others] > 0)
    gone = (confidence[:, :, feet] == 0).all(dim=(1, 2)) & (plain[:, :, feet] > 0).any(dim=2).any(dim=1)
    whole = ((confidence > 0) == (plain > 0))[:, :, feet].all(dim=(1, 2))
    assert (gone | whole).all()
    assert 0.4 < gone.float().mean() < 0.6


def test_unknown_groups_are_named() -> None:
    """The message lists what there is."""
    with pytest.raises(ValueError, match="no group is called hat; there are ears, face, feet"):
        DetectorNoise(unseen={"hat": 0.1})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"profiles": {"vitpose": 1.0}}, "no profile is called vitpose; there are blazepose, coco, halpe"),
        ({"profiles": {}}, "profiles need weights"),
        ({"profiles": {"coco": -1.0, "halpe": 2.0}}, "profiles need weights"),
        ({"jitter": (0.0, 0.03)}, "greater than 0"),
    ],
)
def test_detectors_that_cannot_be(setting: dict[str, Any], message: str) -> None:
    """Unknown families and sizes without a logarithm are found before anything is observed."""
    with pytest.raises(ValueError, match=message):
        DetectorNoise(**setting)
