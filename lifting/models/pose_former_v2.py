"""PoseFormerV2: a few frames in full, the whole window as its lowest frequencies.

    frame tokens      the f kept frames, each through a transformer over its joints
    frequency tokens  the n lowest coefficients of the discrete cosine transform of the window over time
    mixed blocks      attention over all f + n tokens; then frequency tokens go through an ordinary MLP and
                      frame tokens through one in the frequency domain, D⁻¹ MLP(D x)
    answer            linear([Σ a_i frequency_i, Σ b_i frame_i]) with learned a and b

so that a long window costs hardly more than a short one and the noise of its high frequencies never enters.

Zhao et al., "PoseFormerV2: Exploring Frequency Domain for Efficient and Robust 3D Human Pose Estimation",
CVPR 2023, section 3. With 17 joints it has 14.4 M weights, nearly whatever f and n are. The published pairs
(f, n) are (1, 3) or (3, 3) for 27 frames, (1, 3), (3, 3) or (9, 9) for 81 and (27, 27) for 243.

Published (causal=False), the kept frames surround the one in the middle, which is answered. With causal=True
they are the newest ones, and the newest is answered. The cosine transform here is orthonormal, D⁻¹ = Dᵀ; the
authors' code leaves out its constant factor, which the Linear layer behind it takes up.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lifting.models._attention import Attention, DropPath, check_window
from lifting.skeleton import Skeleton


class PoseFormerV2(nn.Module):
    """See the module's text; the contract is that of `lifting.models`."""

    lowest: Tensor

    def __init__(
        self,
        skeleton: Skeleton,
        window: int,
        *,
        channels: int = 3,
        context: int = 0,
        causal: bool = True,
        kept_frames: int | None = None,
        coefficients: int | None = None,
        joint_width: int = 32,
        depth: int = 4,
        heads: int = 8,
        drop_path: float = 0.1,
    ) -> None:
        """f = `kept_frames`, n = `coefficients`; `joint_width` features a joint, `depth` blocks of each kind.

        Without them f is a ninth of the window and n is f. `drop_path` is the probability with which the
        last block's corrections are left out in training, falling to 0 at the first.
        Raises ValueError when f or n is not within 1..window, or the heads do not divide the width.
        """
        super().__init__()
        f = max(1, window // 9) if kept_frames is None else kept_frames
        n = f if coefficients is None else coefficients
        _check(window, f, n, joint_width, depth, heads)
        joints = len(skeleton)
        width = joints * joint_width
        self.frames = (window - 1 if causal else window // 2,)
        self.coefficients = n
        first = window - f if causal else window // 2 - f // 2
        self.kept = slice(first, first + f)
        self.register_buffer("lowest", cosine_transform(window)[:n], persistent=False)

        self.embed_joint = nn.Linear(channels, joint_width)
        self.embed_context = nn.Linear(context, joint_width, bias=False) if context else None
        self.embed_frequency = nn.Linear(joints * channels + context, width)
        self.which_joint = nn.Parameter(torch.zeros(joints, joint_width))
        self.which_frame = nn.Parameter(torch.zeros(f, width))
        self.which_frequency = nn.Parameter(torch.zeros(n, width))
        drops = [drop_path * block / max(1, depth - 1) for block in range(depth)]
        self.spatial = nn.Sequential(
            *(_SpatialBlock(joint_width, heads, drop) for drop in drops), nn.LayerNorm(joint_width, eps=1e-6)
        )
        self.mixed = nn.Sequential(
            *(_MixedBlock(width, heads, n, f, drop) for drop in drops), nn.LayerNorm(width, eps=1e-6)
        )
        self.mean_frequency, self.mean_frame = nn.Linear(n, 1), nn.Linear(f, 1)
        self.head = nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, joints * 3))

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """joints (B,T,J,channels), context (B,T,context) or None -> (B,1,J,3).

        Raises ValueError for another number of frames.
        """
        check_window(joints, self.lowest.shape[1])
        frequencies = self._frequency_tokens(joints, context)  # (B,n,W)
        mixed = self.mixed(torch.cat([frequencies, self._frame_tokens(joints, context)], dim=1))
        low, recent = mixed[:, : self.coefficients], mixed[:, self.coefficients :]
        summary = [self.mean_frequency(low.transpose(1, 2)), self.mean_frame(recent.transpose(1, 2))]
        answer: Tensor = self.head(torch.cat(summary, dim=1).transpose(1, 2))  # (B,1,J·3)
        return answer.reshape(-1, 1, joints.shape[2], 3)

    def _frequency_tokens(self, joints: Tensor, context: Tensor | None) -> Tensor:
        """(B,n,W) the window's lowest frequencies, the crop's movement among them."""
        flat = joints.flatten(2)
        features = flat if context is None else torch.cat([flat, context], dim=-1)  # (B,T,F)
        tokens: Tensor = self.embed_frequency(self.lowest @ features)
        return tokens + self.which_frequency

    def _frame_tokens(self, joints: Tensor, context: Tensor | None) -> Tensor:
        """(B,f,W) the kept frames, each of whose joints has seen the others."""
        kept = self.embed_joint(joints[:, self.kept])  # (B,f,J,w)
        if self.embed_context is not None and context is not None:
            kept = kept + self.embed_context(context[:, self.kept])[:, :, None]
        spatial: Tensor = self.spatial((kept + self.which_joint).flatten(0, 1))  # (B·f,J,w)
        return spatial.reshape(-1, *self.which_frame.shape) + self.which_frame


class _SpatialBlock(nn.Module):
    """A pre-norm transformer block over the joints of one frame: (N,J,w) -> (N,J,w)."""

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attention, self.mlp = Attention(width, heads, bias=True), _Mlp(width)
        self.drop = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop(self.attention(self.norm_attention(x)))
        out: Tensor = x + self.drop(self.mlp(self.norm_mlp(x)))
        return out


class _MixedBlock(nn.Module):
    """Attention over all tokens, then an MLP for each kind: (B,n+f,W) -> (B,n+f,W), frequencies first."""

    transform: Tensor

    def __init__(self, width: int, heads: int, coefficients: int, frames: int, drop: float) -> None:
        super().__init__()
        self.coefficients = coefficients
        self.norm_attention, self.norm_low, self.norm_recent = (
            nn.LayerNorm(width, eps=1e-6) for _ in range(3)
        )
        self.attention = Attention(width, heads, bias=True)
        self.mlp_low, self.mlp_recent = _Mlp(width), _Mlp(width)
        self.drop = DropPath(drop)
        self.register_buffer("transform", cosine_transform(frames), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop(self.attention(self.norm_attention(x)))
        low, recent = x[:, : self.coefficients], x[:, self.coefficients :]
        low = low + self.drop(self.mlp_low(self.norm_low(low)))
        filtered = self.transform.T @ self.mlp_recent(self.transform @ self.norm_recent(recent))
        return torch.cat([low, recent + self.drop(filtered)], dim=1)


class _Mlp(nn.Sequential):
    """Two layers, twice as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))


def cosine_transform(length: int) -> Tensor:
    """(length,length) orthonormal DCT-II matrix D; row k is frequency k, and its inverse is its transpose.

    D[k,t] = √(2/T) cos(π k (2t+1) / 2T), the row of frequency 0 divided by √2.
    """
    time = torch.arange(length, dtype=torch.float64)
    waves = torch.cos(time[:, None] * (2 * time + 1) * (torch.pi / (2 * length)))
    waves[0] /= math.sqrt(2)
    return (waves * math.sqrt(2 / length)).float()


def _check(
    window: int, kept_frames: int, coefficients: int, joint_width: int, depth: int, heads: int
) -> None:
    for name, value in (("kept_frames", kept_frames), ("coefficients", coefficients)):
        if not 1 <= value <= window:
            raise ValueError(
                f"{name} must be between 1 and the window's {window} frames, got {value}; "
                "a ninth of the window is the published choice"
            )
    if min(joint_width, depth, heads) < 1 or joint_width % heads:
        raise ValueError(
            "depth and heads must be 1 or more and heads must divide joint_width, got depth "
            f"{depth}, heads {heads} and joint_width {joint_width}; published are 4, 8 and 32"
        )
