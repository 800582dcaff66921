"""Causal temporal convolution with stride three, written as matrix products.

Three neighbouring frames become one vector, three of those the next, until one vector is left that has seen
the whole window (3**n frames). A kernel as wide as its stride is a plain reshape and a Linear layer, which is
the fastest thing a CPU can do. The newest frame also enters directly, so that temporal smoothing never stands
between the newest picture and the answer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifting.skeleton import Skeleton


class TemporalConv(nn.Module):
    """See the module's text; the contract is that of `lifting.models`."""

    def __init__(
        self,
        skeleton: Skeleton,
        window: int,
        *,
        channels: int = 3,
        context: int = 0,
        causal: bool = True,
        width: int = 512,
        blocks: int = 3,
        hidden: int = 640,
        dropout: float = 0.05,
    ) -> None:
        """`width` of all layers, number of residual `blocks` at the end and their `hidden` width.

        Raises ValueError when the window is no power of three, or for causal=False: it has no such form.
        """
        super().__init__()
        if not causal:
            raise ValueError("temporal_conv is always causal; leave that option away")
        levels = _levels(window)
        features = len(skeleton) * channels + context
        self.joints, self.frames = len(skeleton), (window - 1,)
        self.embed = _Dense(features * min(window, 3), width)
        self.merge = nn.ModuleList(_Dense(3 * width, width) for _ in range(levels - 1))
        self.mix = nn.ModuleList(_Dense(width, width) for _ in range(levels - 1))
        self.newest = nn.Linear(features, width)
        self.blocks = nn.ModuleList(_Residual(width, hidden, dropout) for _ in range(blocks))
        self.head = nn.Linear(width, self.joints * 3)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """joints (B,T,J,channels), context (B,T,context) -> (B,1,J,3)."""
        flat = joints.flatten(2)
        frames = flat if context is None else torch.cat([flat, context], dim=-1)  # (B,T,F)
        state = self.dropout(self.embed(_triples(frames)))  # (B,T/3,W)
        for merge, mix in zip(self.merge, self.mix, strict=True):
            state = state[:, 2::3] + self.dropout(mix(merge(_triples(state))))
        newest = state[:, -1] + self.newest(frames[:, -1])  # (B,W)
        for block in self.blocks:
            newest = newest + block(newest)
        return self.head(newest).unflatten(-1, (1, self.joints, 3))  # type: ignore[no-any-return]


class _Dense(nn.Module):
    """Linear, LayerNorm, GELU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(inputs, outputs), nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(self.norm(self.linear(x)))


class _Residual(nn.Sequential):
    """The correction of one pre-norm residual block."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
        )


def _triples(x: Tensor) -> Tensor:
    """(B,T,F) -> (B,T/3,3F): each step sees itself and its two predecessors. One frame stays one frame."""
    return x if x.shape[1] == 1 else x.unflatten(1, (x.shape[1] // 3, 3)).flatten(2)


def _levels(window: int) -> int:
    levels, reach = 1, min(window, 3)
    while reach < window:
        levels, reach = levels + 1, reach * 3
    if reach != window or window == 2:
        raise ValueError(f"the window must be 1, 3, 9, 27 or 81 frames, got {window}")
    return levels
