"""The whole lifter: camera rays in, 3D joints out. Training, export and runtime all use this one module.

Normalisation is part of the network, so the ONNX file needs no twin in another language:

1. The rays are turned by the rotation R that takes the window's mean trunk to the optical axis, which makes
   a person at the border of a wide picture look like one in the middle.
2. Each frame is centred on its own trunk and divided by the figure's radius, one radius for the whole window
   (a scale per frame would hide motion towards the camera).
3. What was taken away goes in as context: the frame's offset, the original direction, the logarithm of the
   radius, and gravity in crop axes with a number that says how far to trust it.
4. The five joints of the 3D skeleton that no detector reports (pelvis to head) are placed between those that
   it does, so that networks on the skeleton's graph have the same joints in and out.

The backbone answers in crop axes; R^T turns its answer back to camera axes.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from lifting.models import Option, make_backbone
from lifting.skeleton import BODY21, SEALCAP26

CONTEXT = 9
"""Offset of the frame (2), direction of the crop (2), log radius (1), gravity (3), trust in it (1)."""

MIN_CONFIDENCE = 0.05
"""Joints below it count as unseen; detectors place them anywhere."""

_LIMIT = 6.0
_LOG_RADIUS_MEAN = -1.2
_CENTRE_WEIGHT = {"shoulder": 1.0, "hip": 1.0, "nose": 0.3, "eye": 0.3, "ear": 0.3, "elbow": 0.2, "knee": 0.2}


class Crop(NamedTuple):
    """Normalised input of a backbone."""

    joints: Tensor
    """(B,T,26,3) centred, scaled x and y (0 where unseen) and confidence from -1 (unseen) to 1."""
    context: Tensor
    """(B,T,CONTEXT)."""
    R_crop_from_cam: Tensor
    """(B,3,3)."""


class RayLifter(nn.Module):
    """Normalisation, a backbone, and the way back to camera axes."""

    skeleton = SEALCAP26
    centre_weight: Tensor
    nodes: Tensor

    def __init__(self, backbone: str, window: int, options: dict[str, Option] | None = None) -> None:
        """Raises ConfigError when there is no such backbone or it cannot be built with `options`."""
        super().__init__()
        self.window = window
        self.backbone = make_backbone(backbone, self.skeleton, window, dict(options or {}), context=CONTEXT)
        self.frames = tuple(cast(tuple[int, ...], self.backbone.frames))
        self.register_buffer("centre_weight", centre_weights(), persistent=False)
        self.register_buffer("nodes", node_weights(), persistent=False)

    def forward(self, keypoints: Tensor, gravity: Tensor) -> Tensor:
        """Rays and confidences to the joints of the newest frame that the backbone answers.

        keypoints (B,T,21,3): x/z, y/z, confidence 0..1, oldest frame first; coordinates of unseen joints may
        be anything, NaN included. gravity (B,4): unit direction in camera axes and how far to trust it
        (`lifting.camera.gravity_trust`; 1 = exact), or anything and 0 where it is unknown. Returns (B,26,3)
        metres, camera axes, relative to mid-hip.
        """
        crop = normalise(keypoints, gravity, self.centre_weight, self.nodes)
        newest = self.backbone(crop.joints, crop.context)[:, -1:]
        return self.to_camera(newest, crop.R_crop_from_cam)[:, 0]

    def to_camera(self, joints_crop: Tensor, R_crop_from_cam: Tensor) -> Tensor:
        """Answers of the backbone (B,N,26,3) and R (B,3,3) -> (B,N,26,3) in camera axes, mid-hip at 0."""
        hips = self.skeleton.indices("left_hip", "right_hip")
        centred = joints_crop - joints_crop[:, :, hips].mean(dim=2, keepdim=True)
        whole = torch.cat([torch.zeros_like(centred[:, :, :1]), centred[:, :, 1:]], dim=2)
        return torch.einsum("bij,bnki->bnkj", R_crop_from_cam, whole)


def centre_weights() -> Tensor:
    """(21,) how much each joint says about where the trunk is."""
    weights = [_CENTRE_WEIGHT.get(name.rsplit("_", 1)[-1], 0.1) for name in BODY21.joints]
    return torch.tensor(weights)


def node_weights() -> Tensor:
    """(26,21) each row a mean of detected joints: itself, or those around a joint of the trunk."""
    hips, shoulders = (
        BODY21.indices("left_hip", "right_hip"),
        BODY21.indices("left_shoulder", "right_shoulder"),
    )
    ears = BODY21.indices("left_ear", "right_ear")
    weight = torch.zeros(len(SEALCAP26), len(BODY21))
    for joint, up in (("pelvis", 0.0), ("spine", 0.3), ("chest", 0.7), ("neck", 1.0)):
        weight[SEALCAP26.index(joint), hips] = (1 - up) / 2
        weight[SEALCAP26.index(joint), shoulders] = up / 2
    weight[SEALCAP26.index("head"), ears] = 0.5
    weight[SEALCAP26.indices(*BODY21.joints)] = torch.eye(len(BODY21))
    return weight


def normalise(keypoints: Tensor, gravity: Tensor, centre_weight: Tensor, nodes: Tensor) -> Crop:
    """Steps 1-4 of the module's text; shapes as in `RayLifter.forward`; weights (21,), nodes (26,21)."""
    confidence = keypoints[..., 2].clamp(0.0, 1.0)
    confidence = torch.where(confidence >= MIN_CONFIDENCE, confidence, torch.zeros_like(confidence))
    seen = confidence > 0  # (B,T,J)
    rays = torch.where(seen[..., None], keypoints[..., :2], torch.zeros_like(keypoints[..., :2]))
    weight = (confidence + 1e-6) * centre_weight * seen
    per_frame = weight.sum(dim=2, keepdim=True)  # (B,T,1)
    weight = weight / per_frame.clamp(min=1e-6)
    trust = (confidence.sum(dim=2) > 1.5).to(
        rays.dtype
    ) + 1e-4  # (B,T) frames with next to nothing hardly count
    trust = trust * (per_frame[..., 0] > 0)
    trust = trust / trust.sum(dim=1, keepdim=True).clamp(min=1e-6)

    centre = torch.einsum("btj,btjc,bt->bc", weight, rays, trust)
    R = rotation_to_axis(centre)
    turned = torch.einsum("bij,btkj->btki", R, torch.cat([rays, torch.ones_like(rays[..., :1])], dim=-1))
    flat = turned[..., :2] / turned[..., 2:].clamp(min=0.1)  # (B,T,J,2)

    offset = torch.einsum("btj,btjc->btc", weight, flat)
    around = flat - offset[:, :, None]
    spread = ((around * around).sum(dim=-1) * confidence).sum(dim=2) / confidence.sum(dim=2).clamp(min=1e-4)
    radius = (spread * trust).sum(dim=1).clamp(min=1e-4).sqrt()  # (B,)
    around = (around / radius[:, None, None, None] * seen[..., None]).clamp(-_LIMIT, _LIMIT)
    offset = (offset / radius[:, None, None]).clamp(-_LIMIT, _LIMIT)
    joints = _on_skeleton(around, confidence, nodes)

    trust_in_down = gravity[:, 3:].clamp(0.0, 1.0)
    down = torch.where(trust_in_down > 0, gravity[:, :3], torch.zeros_like(gravity[:, :3]))
    down = torch.einsum("bij,bj->bi", R, down)
    whole = torch.cat([centre, (radius.log() - _LOG_RADIUS_MEAN)[:, None], down, trust_in_down], dim=-1)
    context = torch.cat([offset, whole[:, None].expand(-1, offset.shape[1], -1)], dim=-1)
    return Crop(joints, context, R)


def _on_skeleton(around: Tensor, confidence: Tensor, nodes: Tensor) -> Tensor:
    """(B,T,21,2) and (B,T,21) -> (B,T,26,3); a joint between others is seen where all of these are."""
    missing = torch.einsum("nj,btj->btn", nodes, (confidence <= 0).to(around.dtype))
    seen = (missing <= 0).to(around.dtype)  # (B,T,26)
    places = torch.einsum("nj,btjc->btnc", nodes, around) * seen[..., None]
    sure = torch.einsum("nj,btj->btn", nodes, confidence) * seen
    return torch.cat([places, (2 * sure - 1)[..., None]], dim=-1)


def rotation_to_axis(centre: Tensor) -> Tensor:
    """Rotation (B,3,3) that takes the ray (x, y, 1) of centre (B,2) to the optical axis, without roll.

    Its rows are the crop's axes in camera axes: x stays horizontal in the picture.
    """
    x, y = centre[:, 0], centre[:, 1]
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    forward = torch.stack([x, y, one], dim=-1)
    right = torch.stack([one, zero, -x], dim=-1)
    forward = forward / forward.norm(dim=-1, keepdim=True)
    right = right / right.norm(dim=-1, keepdim=True)
    return torch.stack([right, torch.linalg.cross(forward, right), forward], dim=1)
