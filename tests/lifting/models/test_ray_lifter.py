"""Laws of the whole lifter, which hold whatever its weights are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lifting.errors import ConfigError
from lifting.models import BACKBONES
from lifting.models.ray_lifter import RayLifter, centre_weights, node_weights, normalise, rotation_to_axis
from lifting.skeleton import BODY21, SEALCAP26

WINDOW = 9


@pytest.fixture(params=sorted(BACKBONES))
def lifter(request: pytest.FixtureRequest, small_backbones: dict[str, dict]) -> RayLifter:
    """Random weights, large enough for every input to matter."""
    torch.manual_seed(0)
    made = RayLifter(request.param, WINDOW, small_backbones[request.param]).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def scene(people: int = 4) -> tuple[Tensor, Tensor]:
    """keypoints (people,9,21,3) and known gravity (people,4)."""
    rng = torch.Generator().manual_seed(people)
    rays = 0.3 * torch.randn(people, WINDOW, len(BODY21), 2, generator=rng) + torch.tensor([0.2, -0.1])
    confidence = 0.2 + 0.8 * torch.rand(people, WINDOW, len(BODY21), 1, generator=rng)
    gravity = torch.nn.functional.normalize(torch.randn(people, 3, generator=rng), dim=-1)
    return torch.cat([rays, confidence], dim=-1), torch.cat([gravity, torch.ones(people, 1)], dim=-1)


def test_origin_is_mid_hip(lifter: RayLifter) -> None:
    """The pelvis is exactly 0 and the hips lie opposite each other."""
    joints = lifter(*scene())
    left, right = SEALCAP26.indices("left_hip", "right_hip")
    assert joints.shape == (4, 26, 3)
    assert (joints[:, 0] == 0).all()
    assert torch.allclose(joints[:, left], -joints[:, right], atol=1e-5)


def test_unknown_gravity_is_not_read(lifter: RayLifter) -> None:
    """With the flag at 0 the direction may be anything, NaN included; with 1 it matters."""
    keypoints, gravity = scene()
    unknown, nothing = gravity.clone(), torch.full_like(gravity, torch.nan)
    unknown[:, 3], nothing[:, 3] = 0, 0
    assert torch.equal(lifter(keypoints, unknown), lifter(keypoints, nothing))
    assert not torch.allclose(lifter(keypoints, gravity), lifter(keypoints, unknown))


def test_unseen_joints_are_not_read(lifter: RayLifter) -> None:
    """Coordinates of joints with confidence 0 may be anything, NaN included."""
    keypoints, gravity = scene()
    keypoints[1, 3:6, 4:9, 2] = 0
    changed = keypoints.clone()
    changed[1, 3:6, 4:9, :2] = torch.nan
    assert torch.equal(lifter(keypoints, gravity), lifter(changed, gravity))


def test_people_do_not_influence_each_other(lifter: RayLifter) -> None:
    """A person's answer is the same alone and in a batch."""
    keypoints, gravity = scene(5)
    alone = lifter(keypoints[2:3], gravity[2:3])
    assert torch.allclose(lifter(keypoints, gravity)[2:3], alone, atol=1e-5)


@pytest.mark.parametrize("seen", [0, 1])
def test_next_to_nothing_seen_is_finite(lifter: RayLifter, seen: int) -> None:
    """No joint, or one, in the whole window still gives numbers."""
    keypoints, gravity = scene()
    keypoints[:, :, seen:, 2] = 0
    assert lifter(keypoints, gravity).isfinite().all()


def test_every_frame_matters(lifter: RayLifter) -> None:
    """Each frame of the window reaches the answer."""
    keypoints, gravity = scene(1)
    before = lifter(keypoints, gravity)
    for frame in range(WINDOW):
        changed = keypoints.clone()
        changed[:, frame, 9, 0] += 0.2
        assert not torch.equal(lifter(changed, gravity), before)


def test_crop_rotation_takes_the_centre_to_the_axis() -> None:
    """R is a rotation, its z axis is the centre's ray, and its x axis stays horizontal."""
    centre = torch.randn(20, 2)
    R = rotation_to_axis(centre)
    assert torch.allclose(R @ R.transpose(1, 2), torch.eye(3).expand(20, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(R), torch.ones(20), atol=1e-5)
    ray = torch.cat([centre, torch.ones(20, 1)], dim=1)
    turned = torch.einsum("bij,bj->bi", R, ray)
    assert torch.allclose(turned[:, :2], torch.zeros(20, 2), atol=1e-5)
    assert (turned[:, 2] > 0).all()
    assert (R[:, 0, 1] == 0).all()


def test_normalised_figure_does_not_depend_on_where_the_camera_looks() -> None:
    """Panning the camera leaves the crop unchanged: only the context says that it happened."""
    keypoints, gravity = scene(3)
    keypoints[..., 2] = 0.9
    ray = torch.cat([keypoints[..., :2], torch.ones_like(keypoints[..., :1])], dim=-1)
    angle = math.radians(12)
    pan = torch.tensor(
        [[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]]
    )
    turned = ray @ pan.T
    panned = torch.cat([turned[..., :2] / turned[..., 2:], keypoints[..., 2:]], dim=-1)
    first, second = (normalise(k, gravity, centre_weights(), node_weights()) for k in (keypoints, panned))
    assert (first.joints - second.joints).abs().max() < 0.06
    assert not torch.allclose(first.context, second.context, atol=0.05)


def test_zoom_changes_only_the_context() -> None:
    """A figure twice as large around the picture's centre has the same normalised joints."""
    keypoints, gravity = scene(3)
    keypoints[..., :2] -= keypoints[..., :2].mean(dim=(1, 2), keepdim=True)
    keypoints[..., :2] *= 0.05
    keypoints[..., 2] = 1.0
    larger = keypoints.clone()
    larger[..., :2] *= 2
    first, second = (normalise(k, gravity, centre_weights(), node_weights()) for k in (keypoints, larger))
    assert (first.joints - second.joints).abs().max() < 0.02
    assert torch.allclose((second.context - first.context)[..., 4], torch.tensor(math.log(2)), atol=0.01)


def test_answer_is_turned_back() -> None:
    """to_camera undoes the crop's rotation, in every frame, wherever the network puts the origin."""
    R = rotation_to_axis(torch.tensor([[0.4, -0.2]]))
    joints_cam = torch.randn(1, 2, 26, 3)
    joints_cam -= joints_cam[:, :, SEALCAP26.indices("left_hip", "right_hip")].mean(dim=2, keepdim=True)
    joints_cam[:, :, 0] = 0
    crop = torch.einsum("bij,bnkj->bnki", R, joints_cam) + 0.3
    lifter = RayLifter("temporal_conv", 9, {"width": 16, "blocks": 1, "hidden": 16})
    assert torch.allclose(lifter.to_camera(crop, R), joints_cam, atol=1e-6)


def test_joints_of_the_trunk_lie_between_those_seen() -> None:
    """The pelvis is the middle of the hips, the head that of the ears; unseen where one of them is."""
    keypoints, gravity = scene(2)
    hips, ears = SEALCAP26.indices("left_hip", "right_hip"), SEALCAP26.indices("left_ear", "right_ear")
    keypoints[1, :, BODY21.index("left_hip"), 2] = 0
    joints = normalise(keypoints, gravity, centre_weights(), node_weights()).joints
    for middle, ends in (("pelvis", hips), ("head", ears)):
        mean = joints[0, :, ends].mean(dim=1)
        assert torch.allclose(joints[0, :, SEALCAP26.index(middle)], mean, atol=1e-6)
    for unseen in ("pelvis", "spine", "chest", "left_hip"):
        expected = torch.tensor([0.0, 0.0, -1.0]).expand(WINDOW, 3)
        assert torch.equal(joints[1, :, SEALCAP26.index(unseen)], expected), unseen
    assert (joints[1, :, SEALCAP26.index("neck"), 2] > -1).all()


def test_unknown_names_and_windows() -> None:
    """Wrong backbones, options and windows are configuration errors that say what is possible."""
    with pytest.raises(ConfigError, match="temporal_conv"):
        RayLifter("transformer9000", 9)
    with pytest.raises(ConfigError, match="depth"):
        RayLifter("temporal_conv", 9, {"depth": 3})
    with pytest.raises(ConfigError, match="1, 3, 9, 27 or 81"):
        RayLifter("temporal_conv", 10)


@pytest.mark.parametrize("window", [1, 3, 27])
def test_other_windows(window: int) -> None:
    """Every power of three can be built and run."""
    lifter = RayLifter("temporal_conv", window, {"width": 16, "blocks": 1, "hidden": 16})
    assert lifter(torch.rand(2, window, 21, 3), torch.zeros(2, 4)).shape == (2, 26, 3)
