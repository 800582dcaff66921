"""MixSTE: joints and frames take turns in attending to each other (Zhang et al., CVPR 2022).

One token per joint and frame. A spatial block lets the joints of one frame attend to each other, a temporal
block the frames of one joint:

    x = joints W + position of the joint
    x = norm_s(spatial_i(x));  before the first temporal block x += position of the frame;
    x = norm_t(temporal_i(x))          for i = 1 .. layers
    answer = Linear(norm(x)) for every joint of every frame

Blocks are pre-norm transformer blocks with an MLP twice as wide as the tokens. Inferred from what the authors
published besides the paper, and in agreement with the 33.70 million parameters at 81 frames: biases on query,
key and value, one norm_s and one norm_t that all layers share, stochastic depth that rises linearly from 0 in
the first layer to `drop_path` in the last, no dropout.

With causal=True the temporal attention is masked: a frame attends to itself and the frames before it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lifting.models._attention import TransformerBlock, check_window, over_joints, over_time
from lifting.skeleton import Skeleton


class MixSTE(nn.Module):
    """See the module's text; the contract is that of `lifting.models`. Every frame is answered."""

    def __init__(
        self,
        skeleton: Skeleton,
        window: int,
        *,
        channels: int = 3,
        context: int = 0,
        causal: bool = True,
        width: int = 512,
        layers: int = 8,
        heads: int = 8,
        mlp_ratio: int = 2,
        drop_path: float = 0.1,
    ) -> None:
        """`layers` pairs of a spatial and a temporal block on tokens of `width`. Published: channels=2.

        Raises ValueError for a width that the heads do not divide and values out of range.
        """
        super().__init__()
        if min(window, width, layers, heads, mlp_ratio) < 1:
            raise ValueError("window, width, layers, heads and mlp_ratio must be at least 1")
        self.frames = tuple(range(window))
        self.embed = nn.Linear(channels, width)
        self.context = nn.Linear(context, width) if context else None
        self.joint_position = nn.Parameter(torch.zeros(len(skeleton), width))
        self.frame_position = nn.Parameter(torch.zeros(window, 1, width))
        self.spatial, self.temporal = nn.ModuleList(), nn.ModuleList()
        for i in range(layers):
            drop = drop_path * i / max(layers - 1, 1)
            self.spatial.append(TransformerBlock(width, heads, mlp_ratio, drop_path=drop))
            self.temporal.append(TransformerBlock(width, heads, mlp_ratio, causal=causal, drop_path=drop))
        self.norm_spatial, self.norm_temporal = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3))

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """(B,T,J,channels), (B,T,context) -> (B,T,J,3). Raises ValueError for another number of frames."""
        check_window(joints, len(self.frames))
        tokens = self.embed(joints) + self.joint_position  # (B,T,J,C)
        if self.context is not None:
            tokens = tokens + self.context(context)[:, :, None]
        for i, (spatial, temporal) in enumerate(zip(self.spatial, self.temporal, strict=True)):
            tokens = self.norm_spatial(over_joints(spatial, tokens))
            if i == 0:
                tokens = tokens + self.frame_position
            tokens = self.norm_temporal(over_time(temporal, tokens))
        return self.head(tokens)  # type: ignore[no-any-return]
