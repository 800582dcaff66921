"""VideoPose3D: a temporal convolution network with exponentially growing dilation.

A convolution over k₀ frames, then one residual block per further kernel k_i: a convolution over k_i frames
that lie D_i = k₀·…·k_{i-1} apart, and one over a single frame. Each is followed by batch normalisation, ReLU
and dropout; the residual adds the block's own input at the frame that is answered. The receptive field is
k₀·k₁·…, and a window of exactly that length has one answer:

    centred   (causal=False)  the frame in the middle; the residual takes the middle of every k frames
    causal    (causal=True)   the newest frame; the residual takes the newest of every k frames

Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised training",
CVPR 2019, section 3 and figure 2; its causal form is figure 3. Five kernels of 3 see 243 frames (16.95 M
weights at 17 joints). With five kernels of 1 it is the paper's single-frame network (8.5 M).

The one answer needs each layer only at every D-th frame, so the dilated convolutions become matrix products
with groups of k neighbouring results: the same numbers for a fraction of the work. The paper's training uses
strides for the same reason. The decay of the batch normalisation's momentum is a training setting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lifting.models._attention import check_window
from lifting.skeleton import Skeleton


class VideoPose3D(nn.Module):
    """See the module's text; the contract is that of `lifting.models`."""

    def __init__(
        self,
        skeleton: Skeleton,
        window: int,
        *,
        channels: int = 3,
        context: int = 0,
        causal: bool = True,
        kernels: Sequence[int] | None = None,
        width: int = 1024,
        dropout: float = 0.25,
    ) -> None:
        """`kernels` are the widths k₀, k₁ … of the module's text, in frames.

        Without them they are the published ones for the window: threes for 3, 9, 27, 81 and 243 frames, five
        ones for a single frame. Raises ValueError when a kernel is even or below one, or when their product
        is not the window.
        """
        super().__init__()
        first, *others = _checked(_published(window) if kernels is None else kernels, window)
        if width < 1:
            raise ValueError(f"the width must be 1 or more, got {width}; the published one is 1024")
        joints = len(skeleton)
        self.window = window
        self.frames = (window - 1 if causal else window // 2,)
        self.embed = _Convolution(joints * channels + context, width, first, dropout)
        self.blocks = nn.ModuleList(_Residual(width, kernel, dropout, causal) for kernel in others)
        self.head = nn.Linear(width, joints * 3)

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """joints (B,T,J,channels), context (B,T,context) or None -> (B,1,J,3).

        While training, B must be at least 2: batch normalisation has no statistics of a single item.
        Raises ValueError for another number of frames.
        """
        check_window(joints, self.window)
        flat = joints.flatten(2)
        features = flat if context is None else torch.cat([flat, context], dim=-1)  # (B,T,F)
        state = self.embed(features)  # (B,T/k₀,W)
        for block in self.blocks:
            state = block(state)
        answer: Tensor = self.head(state)  # (B,1,J·3)
        return answer.reshape(-1, 1, joints.shape[2], 3)


class _Convolution(nn.Module):
    """Convolution over groups of `kernel` frames, BatchNorm, ReLU, Dropout: (B,T,F) -> (B,T/kernel,W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.kernel = kernel
        # weight[:, f + inputs·i] belongs to feature f of the group's frame i; the norm has its own bias.
        self.linear = nn.Linear(kernel * inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        groups = x.shape[1] // self.kernel
        mixed = self.linear(x.reshape(-1, self.kernel * x.shape[2]))  # (B·T/k,W)
        out: Tensor = self.dropout(torch.relu(self.norm(mixed)))
        return out.reshape(-1, groups, out.shape[1])


class _Residual(nn.Module):
    """x[answered frame of each group] + conv₁(conv_k(x)): (B,T,W) -> (B,T/k,W)."""

    def __init__(self, width: int, kernel: int, dropout: float, causal: bool) -> None:
        super().__init__()
        self.kernel = kernel
        self.answered = kernel - 1 if causal else kernel // 2
        self.over_time = _Convolution(width, width, kernel, dropout)
        self.per_frame = _Convolution(width, width, 1, dropout)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.per_frame(self.over_time(x))
        return x[:, self.answered :: self.kernel] + mixed


def _published(window: int) -> list[int]:
    """Kernels of the paper's networks for a window of 1 or a power of three."""
    kernels = [1, 1, 1, 1, 1] if window == 1 else [3] * round(math.log(max(window, 3), 3))
    if math.prod(kernels) != window:
        raise ValueError(
            f"without kernels the window must be 1, 3, 9, 27, 81 or 243 frames, got {window}; "
            f"choose one of them or give kernels whose product is {window}"
        )
    return kernels


def _checked(kernels: Sequence[int], window: int) -> Sequence[int]:
    if not kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
        raise ValueError(f"kernels must be odd numbers of frames, such as [3, 3, 3], got {list(kernels)}")
    if math.prod(kernels) != window:
        raise ValueError(
            f"kernels {list(kernels)} see {math.prod(kernels)} frames, but the window has {window}; "
            "their product must be the window"
        )
    return kernels
