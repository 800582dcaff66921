"""SimpleBaseline: a residual multilayer perceptron that lifts one frame at a time.

    h = block(joints),   h ← h + block(block(h)) per stage,   answer = linear(h)
    block(x) = dropout(relu(batch_norm(linear(x))))

Martinez et al., "A simple yet effective baseline for 3d human pose estimation", ICCV 2017, section 3. The
published network is 1024 wide with two stages (4.29 M weights at 17 joints); the larger one that later work
trains, for instance on H3WB, is 2048 wide with three (25.4 M).

Two things of the original are settings of its training, not of the network, and are left out here: weights
rescaled to a norm of at most 1, and coordinates standardised one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lifting.models._attention import check_window
from lifting.skeleton import Skeleton


class SimpleBaseline(nn.Module):
    """See the module's text; the contract is that of `lifting.models`. Every frame is answered on its own."""

    def __init__(
        self,
        skeleton: Skeleton,
        window: int,
        *,
        channels: int = 3,
        context: int = 0,
        causal: bool = True,  # noqa: ARG002 - one frame has no future
        width: int = 1024,
        stages: int = 2,
        dropout: float = 0.5,
    ) -> None:
        """`width` of all layers, number of residual `stages` of two layers each.

        Raises ValueError when the window, the width or the number of stages is below one.
        """
        super().__init__()
        if min(window, width, stages) < 1:
            raise ValueError(
                f"window, width and stages must be 1 or more, got {window}, {width} and {stages}; "
                "the published network has width 1024 and 2 stages"
            )
        joints = len(skeleton)
        self.frames = tuple(range(window))
        self.embed = _Block(joints * channels + context, width, dropout)
        self.stages = nn.ModuleList(
            nn.Sequential(_Block(width, width, dropout), _Block(width, width, dropout)) for _ in range(stages)
        )
        self.head = nn.Linear(width, joints * 3)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """joints (B,T,J,channels), context (B,T,context) or None -> (B,T,J,3).

        While training, B·T must be at least 2: batch normalisation has no statistics of a single frame.
        Raises ValueError for another number of frames.
        """
        check_window(joints, len(self.frames))
        flat = joints.flatten(2)
        features = flat if context is None else torch.cat([flat, context], dim=-1)  # (B,T,F)
        state = self.embed(features.flatten(0, 1))  # (B·T,W)
        for stage in self.stages:
            state = state + stage(state)
        answer: Tensor = self.head(state)
        return answer.reshape(-1, len(self.frames), joints.shape[2], 3)


class _Block(nn.Sequential):
    """Linear, BatchNorm, ReLU, Dropout."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(dropout))
