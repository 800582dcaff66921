"""Virtual cameras: rigid, and agreeing with lifting.camera about tilt and gravity."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lifting.camera import gravity_from_pitch
from training.batches import seeded
from training.bodies import BodySampler, BodyVariety
from training.cameras import CameraVariety, camera_rotation, look
from training.corpus import load_corpus


def test_rotation_is_orthonormal() -> None:
    """Camera axes are right-handed and perpendicular for any yaw, pitch and roll."""
    R = camera_rotation(*(torch.randn(3, 50).unbind(0)))
    assert torch.allclose(R @ R.transpose(1, 2), torch.eye(3).expand(50, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(R), torch.ones(50), atol=1e-5)


def test_gravity_agrees_with_the_runtime() -> None:
    """Gravity seen by a virtual camera is what gravity_from_pitch says for its pitch and roll."""
    for pitch, roll in ((0, 0), (19, 0), (-10, 5), (30, -25)):
        angles = torch.tensor([0.7]), torch.tensor([math.radians(pitch)]), torch.tensor([math.radians(roll)])
        seen = -camera_rotation(*angles)[0, :, 2].numpy()
        assert np.abs(seen - gravity_from_pitch(pitch, roll)).max() < 1e-6


def test_looking_is_rigid_and_mostly_in_the_picture(corpus_dir: Path) -> None:
    """Distances survive the change of axes; people are before the camera and mostly visible."""
    bodies = BodySampler(load_corpus(corpus_dir, "tiny", "train"), BodyVariety()).sample(300, 2, seeded(1, 1))
    joints, half_tan, gravity = look(bodies, CameraVariety(), seeded(1, 2))
    for a, b in ((0, 5), (10, 25)):
        there, here = bodies[:, :, a] - bodies[:, :, b], joints[:, :, a] - joints[:, :, b]
        assert torch.allclose(there.norm(dim=-1), here.norm(dim=-1), atol=1e-4)
    up = bodies[:, -1, 4] - bodies[:, -1, 0]
    drop = torch.einsum("bi,bi->b", joints[:, -1, 4] - joints[:, -1, 0], gravity)
    assert torch.allclose(-drop, up[:, 2], atol=1e-4)
    inside = (joints[..., :2] / joints[..., 2:].clamp(min=0.1)).abs() < half_tan[:, None, None]
    assert inside.all(dim=-1).float().mean() > 0.6


@pytest.mark.parametrize("key", ["distance_m", "fov_deg", "aspect"])
def test_cameras_that_cannot_be(key: str) -> None:
    """Distances, angles and shapes of pictures are above 0."""
    with pytest.raises(ValueError, match="greater than 0"):
        CameraVariety.model_validate({key: (0.0, 1.0)})
