"""Lifter networks: one file per backbone, and `BACKBONES`, which knows them by name.

Every backbone has the same shape, so that they can be exchanged in a configuration file:

    Backbone(skeleton, window, *, channels=3, context=0, causal=True, **own options)
    forward(joints (B,T,J,channels), context (B,T,context) or None) -> (B,T',J,3)
    frames: the T' frames of the window to which the answers belong

`joints` are normalised x, y and (with three channels) confidence of the skeleton's J joints; `context` holds
facts about a frame as a whole (`lifting.models.ray_lifter` documents both; the published forms have none).
The answers are metres in the axes of the input. A causal backbone answers the newest frame, and frame t from
frames up to t only; with causal=False it has its published form, which may look ahead.
"""

from __future__ import annotations

import torch
from torch import nn

from lifting.errors import ConfigError
from lifting.models.ktp_former import KTPFormer
from lifting.models.mixste import MixSTE
from lifting.models.motion_ag_former import MotionAGFormer
from lifting.models.pose_former_v2 import PoseFormerV2
from lifting.models.sem_gcn import SemGCN
from lifting.models.simple_baseline import SimpleBaseline
from lifting.models.temporal_conv import TemporalConv
from lifting.models.video_pose import VideoPose3D
from lifting.skeleton import Skeleton

BACKBONES: dict[str, type[nn.Module]] = {
    "temporal_conv": TemporalConv,
    "simple_baseline": SimpleBaseline,
    "sem_gcn": SemGCN,
    "video_pose": VideoPose3D,
    "pose_former_v2": PoseFormerV2,
    "mixste": MixSTE,
    "ktp_former": KTPFormer,
    "motion_ag_former": MotionAGFormer,
}

HEAD_SCALE = 0.05
"""Of the last layer at the start. The published networks answer in standard deviations, ours in metres;
without it the first hundreds of steps would only make poses smaller."""

Option = bool | int | float | str | list[int]
"""What a configuration file may hand to a backbone."""


def make_backbone(
    name: str,
    skeleton: Skeleton,
    window: int,
    options: dict[str, Option],
    *,
    channels: int = 3,
    context: int = 0,
) -> nn.Module:
    """Build the backbone called `name`. Raises ConfigError for an unknown name, option or window."""
    if name not in BACKBONES:
        raise ConfigError(f"There is no backbone {name!r}; choose one of: {', '.join(sorted(BACKBONES))}.")
    try:
        backbone = BACKBONES[name](skeleton, window, channels=channels, context=context, **options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The backbone {name} cannot be built with {options}: {error}.") from error
    with torch.no_grad():
        for weight in backbone.get_submodule("head").parameters():
            if weight.ndim > 1:
                weight.mul_(HEAD_SCALE)
    return backbone
