"""The lifter of the published benchmarks: screen coordinates in, poses relative to a root out.

Human3.6M, MPI-INF-3DHP and H3WB results are made with 2D points normalised on the screen alone (the picture's
width on -1..1, aspect kept; VideoPose3D, section 4) and 3D poses in camera axes relative to the root joint.
There is no crop and no context: position and size on the screen stay in the input, so such a network belongs
to the cameras it was trained with. Live use takes `RayLifter`.

Flip test (VideoPose3D, section 5): the answers to the input and to its mirror image are averaged.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from lifting.models import Option, make_backbone
from lifting.models.ray_lifter import Crop
from lifting.skeleton import Skeleton


class ScreenLifter(nn.Module):
    """A backbone in its published surroundings.

    The skeleton's origin is 0 in every answer. With `confidence=False` the backbone gets
    x and y alone, as most were published; with `causal=False` in the options it has its published, centred
    form.
    """

    def __init__(
        self,
        backbone: str,
        skeleton: Skeleton,
        window: int,
        options: dict[str, Option] | None = None,
        *,
        confidence: bool = True,
        flip_test: bool = True,
    ) -> None:
        """Raises ConfigError when there is no such backbone or it cannot be built with `options`."""
        super().__init__()
        self.skeleton, self.window, self.flip_test = skeleton, window, flip_test
        channels = 3 if confidence else 2
        inner = make_backbone(backbone, skeleton, window, dict(options or {}), channels=channels)
        self.backbone = inner if confidence else _WithoutConfidence(inner)
        self.frames = tuple(cast(tuple[int, ...], inner.frames))
        self._origin = list(skeleton.origin_joints)

    def forward(self, keypoints: Tensor) -> Tensor:
        """Every frame that the backbone answers.

        keypoints (B,T,J,3): normalised x, y, and confidence 0..1, 0 where unseen. Returns (B,N,J,3) metres,
        camera axes, relative to the origin; N = len(frames).
        """
        answer = self._once(keypoints)
        if self.flip_test:
            answer = (answer + mirrored(self._once(mirrored(keypoints, self.skeleton)), self.skeleton)) / 2
        return answer

    def to_camera(self, joints_crop: Tensor, R_crop_from_cam: Tensor) -> Tensor:
        """Answers of the backbone (B,N,J,3) with their origin at 0; the screen's axes are the camera's.

        A single root joint is set to 0 and its output unused, as published; the middle of several is taken
        away.
        """
        if len(self._origin) > 1:
            moved = joints_crop - joints_crop[:, :, self._origin].mean(dim=2, keepdim=True)
        else:
            keep = torch.ones(len(self.skeleton), 1, dtype=joints_crop.dtype, device=joints_crop.device)
            keep[self._origin] = 0.0
            moved = joints_crop * keep
        return torch.einsum("bij,bnki->bnkj", R_crop_from_cam, moved)

    def _once(self, keypoints: Tensor) -> Tensor:
        crop = screen_crop(keypoints)
        return self.to_camera(self.backbone(crop.joints, None), crop.R_crop_from_cam)


class _WithoutConfidence(nn.Module):
    """Hides the third channel from a backbone of two."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.frames = inner, inner.frames

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """(B,T,J,3) -> (B,N,J,3)."""
        answer: Tensor = self.inner(joints[..., :2], context)
        return answer


def screen_crop(keypoints: Tensor) -> Crop:
    """(B,T,J,3) as in `ScreenLifter.forward` to a backbone's input: confidence -1..1, no context, no turn."""
    joints = torch.cat([keypoints[..., :2], 2 * keypoints[..., 2:] - 1], dim=-1)
    turn = torch.eye(3, dtype=joints.dtype, device=joints.device).expand(len(joints), 3, 3)
    return Crop(joints, joints.new_zeros(*joints.shape[:2], 0), turn)


def mirrored(points: Tensor, skeleton: Skeleton) -> Tensor:
    """(...,J,3) points as a mirror shows them: x changes its sign, left and right their places."""
    twin = torch.from_numpy(skeleton.mirrored.copy()).to(points.device)
    sign = torch.tensor([-1.0, 1.0, 1.0], dtype=points.dtype, device=points.device)
    return points.index_select(points.ndim - 2, twin) * sign
