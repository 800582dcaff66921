"""Parts that the networks with one token per joint and frame share: attention, stochastic depth, mixing along
one axis. Tokens are (B,T,J,C); a block that mixes "nodes" takes (N,nodes,C), and nodes are joints or frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention among the nodes of (N,nodes,C), softmax(Q K^T / sqrt(C/H)) V per head.

    Causal: every node attends to itself and its predecessors only.
    """

    def __init__(self, width: int, heads: int, *, causal: bool = False, bias: bool = False) -> None:
        """`bias`: of query, key and value. Raises ValueError when the heads do not divide the width."""
        super().__init__()
        if width % heads:
            raise ValueError(f"the width must be a multiple of the {heads} heads, got {width}")
        self.heads, self.causal = heads, causal
        self.query_key_value = nn.Linear(width, 3 * width, bias=bias)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N,nodes,C) -> (N,nodes,C)."""
        split = self.query_key_value(x).unflatten(-1, (3, self.heads, -1))  # (N,nodes,3,H,C/H)
        query, key, value = (part.transpose(1, 2) for part in split.unbind(2))
        mixed = attend(query, key, value, causal=self.causal)
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> Tensor:
    """softmax(Q K^T / sqrt(d)) V for (N,H,nodes,d)."""
    if query.device.type != "cpu" or query.dtype != torch.bfloat16:
        return functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
    # torch's fused kernel for bfloat16 on a CPU is up to seven times slower than this at 9 to 30 nodes
    score = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if causal:
        nodes = score.shape[-1]
        future = torch.ones(nodes, nodes, dtype=torch.bool, device=score.device).triu(1)
        score = score.masked_fill(future, -torch.inf)
    mixed: Tensor = score.softmax(dim=-1, dtype=torch.float32).to(value.dtype) @ value
    return mixed


class TransformerBlock(nn.Module):
    """X + attention(norm(X)), then X + MLP(norm(X)), for nodes (N,nodes,C), with stochastic depth."""

    def __init__(
        self, width: int, heads: int, mlp_ratio: int, *, causal: bool = False, drop_path: float = 0.0
    ) -> None:
        """Raises ValueError as `Attention` and `DropPath` do."""
        super().__init__()
        self.norm_attention = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, causal=causal, bias=True)
        self.norm_mlp = nn.LayerNorm(width, eps=1e-6)
        self.widen, self.narrow = nn.Linear(width, mlp_ratio * width), nn.Linear(mlp_ratio * width, width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(N,nodes,C) -> (N,nodes,C)."""
        x = x + self.drop_path(self.attention(self.norm_attention(x)))
        hidden = functional.gelu(self.widen(self.norm_mlp(x)))
        changed: Tensor = x + self.drop_path(self.narrow(hidden))
        return changed


class DropPath(nn.Module):
    """Stochastic depth (Huang et al., ECCV 2016): while training, leaves out the change of whole rows.

    What is kept is divided by the chance of being kept, so that the mean stays. Nothing happens in eval mode.
    """

    def __init__(self, chance: float) -> None:
        """Raises ValueError unless 0 <= chance < 1."""
        super().__init__()
        if not 0 <= chance < 1:
            raise ValueError(f"drop_path must be at least 0 and below 1, got {chance}")
        self.chance = chance

    def forward(self, change: Tensor) -> Tensor:
        """(N,nodes,C) -> (N,nodes,C)."""
        if not self.training or self.chance == 0:
            return change
        kept = torch.rand(len(change), 1, 1, device=change.device) >= self.chance
        return change * (kept / (1 - self.chance)).to(change.dtype)


def over_joints(block: nn.Module, tokens: Tensor) -> Tensor:
    """Apply a block of (N,nodes,C) to the joints of each frame of (B,T,J,C)."""
    return block(tokens.flatten(0, 1)).unflatten(0, (-1, tokens.shape[1]))  # type: ignore[no-any-return]


def over_time(block: nn.Module, tokens: Tensor) -> Tensor:
    """Apply a block of (N,nodes,C) to the frames of each joint of (B,T,J,C)."""
    return over_joints(block, tokens.transpose(1, 2)).transpose(1, 2)


def check_window(joints: Tensor, window: int) -> None:
    """Raises ValueError unless joints (B,T,J,channels) are windows of the length a network was made for."""
    if joints.shape[1] != window:
        raise ValueError(f"this network answers windows of {window} frames, got {joints.shape[1]}")
