"""SEAL-pose's graph loss-net: a transformer over the joints of one frame whose attention knows the skeleton.

Source: SEAL-pose (arXiv 2602.20051), author code. Unlike Graphormer, one table of biases serves all heads and
all layers, and it is made of a handful of learned scalars.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifting.skeleton import Skeleton

POSE_CHANNELS = 3
SMALL = 0.02
"""Standard deviation of the graph token at first, as published, and of the identities: at 1, they drown poses
of some decimetres, and nothing is learned for hundreds of steps."""
EDGE_DISTANCE, NO_EDGE, DEGREE = 0.8, -2.0, 0.2
"""Where γ, β and δ begin."""


class GraphLossNet(nn.Module):
    """Energy E(x, y) of a pose y given what was observed, x; lower is better.

    Every joint is one token, a Linear of (x_j, y_j, e_j) with e_j a learned identity: early fusion. A learned
    graph token goes first. Blocks are pre-norm:

        z ← z + drop(MHSA(LN z, bias)),   z ← z + drop(W2 GELU(W1 LN z))

    and the energy is read from the graph token by LN → Linear → GELU → Linear, without squashing.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        width: int = 256,
        depth: int = 6,
        mlp_ratio: float = 1.0,
        heads: int = 8,
        dropout: float = 0.0,
        embedding: int = 32,
        channels: int = 2,
    ) -> None:
        """`mlp_ratio` hidden units of a block's MLP per unit of width, `embedding` size of a joint's
        identity, `channels` of the observation: 2 as published, 3 with the detector's confidence.

        Published: depth 6, ratio 1, dropout 0 for single-frame lifters; 4, 2, 0.1 for clip models. Raises
        ValueError when `heads` does not divide `width`, or without blocks.
        """
        super().__init__()
        if depth < 1:
            raise ValueError(f"a graph loss-net needs at least 1 block, not {depth}")
        self.identity = nn.Parameter(SMALL * torch.randn(len(skeleton), embedding))
        self.encoder = nn.Linear(channels + POSE_CHANNELS + embedding, width)
        self.graph_token = nn.Parameter(SMALL * torch.randn(width))
        self.bias = SkeletonBias(skeleton)
        self.blocks = nn.ModuleList(
            _Block(width, heads, round(mlp_ratio * width), dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.energy = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, observed: Tensor, pose: Tensor) -> Tensor:
        """observed (N,J,channels), pose (N,J,3) metres relative to the root -> energies (N,1)."""
        count = len(pose)
        with torch.autocast(pose.device.type, enabled=False):  # millimetres vanish in bfloat16
            identity = self.identity.expand(count, -1, -1)
            joints = self.encoder(torch.cat([observed, pose, identity], dim=-1))  # (N,J,W)
        z = torch.cat([self.graph_token.expand(count, 1, -1), joints], dim=1)  # (N,J+1,W)
        bias = self.bias()
        for block in self.blocks[:-1]:
            z = block(z, bias)
        z = self.blocks[-1](z, bias[:1])  # only the graph token is read
        with torch.autocast(pose.device.type, enabled=False):  # and so do differences of energies
            energy: Tensor = self.energy(self.norm(z[:, 0].float()))
        return energy


class SkeletonBias(nn.Module):
    """The table (J+1,J+1) that is added to the attention logits; row and column 0 are the graph token.

        b_ij = − γ d(i,j) + [A_ij = 0] β + δ (deg_i + deg_j) / max deg

    with A the undirected adjacency (no self-loops: the diagonal gets β too), d the number of hops. The
    couplings graph token → joint, joint → graph token and with itself are one scalar each, from 0.
    """

    hops: Tensor
    no_edge: Tensor
    degrees: Tensor

    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__()
        A = adjacency(skeleton)
        degree = A.sum(dim=1)
        self.register_buffer("hops", hop_distances(A), persistent=False)
        self.register_buffer("no_edge", (A == 0).float(), persistent=False)
        self.register_buffer(
            "degrees", (degree[:, None] + degree) / degree.max().clamp(min=1), persistent=False
        )
        self.gamma = nn.Parameter(torch.tensor(EDGE_DISTANCE))
        self.beta = nn.Parameter(torch.tensor(NO_EDGE))
        self.delta = nn.Parameter(torch.tensor(DEGREE))
        self.token_to_joints = nn.Parameter(torch.tensor(0.0))
        self.joints_to_token = nn.Parameter(torch.tensor(0.0))
        self.token_to_token = nn.Parameter(torch.tensor(0.0))

    def forward(self) -> Tensor:
        """(J+1,J+1)"""
        joints = -self.gamma * self.hops + self.beta * self.no_edge + self.delta * self.degrees
        count = len(joints)
        first_row = torch.cat([self.token_to_token.view(1), self.token_to_joints.expand(count)])
        below = torch.cat([self.joints_to_token.expand(count, 1), joints], dim=1)
        return torch.cat([first_row[None], below])


def adjacency(skeleton: Skeleton) -> Tensor:
    """(J,J) 1 where two joints are linked, both ways, 0 elsewhere."""
    A = torch.zeros(len(skeleton), len(skeleton))
    for parent, child in skeleton.edges:
        A[parent, child] = A[child, parent] = 1
    return A


def hop_distances(A: Tensor) -> Tensor:
    """(J,J) links between any two joints, by Floyd-Warshall; J where there is no way."""
    count = len(A)
    d = torch.where(A > 0, 1.0, float(count)).fill_diagonal_(0)
    for k in range(count):
        d = torch.minimum(d, d[:, k, None] + d[k])
    return d


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide the width, and {heads} does not divide {width}")
        self.heads, self.dropout, self.scale = heads, dropout, (width // heads) ** -0.5
        self.norm_attention = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)  # the two published layers, stacked
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, z: Tensor, bias: Tensor) -> Tensor:
        """z (N,J+1,W), bias (T,J+1) -> the first T tokens (N,T,W)"""
        tokens = len(bias)
        attended = self._attention(self.norm_attention(z), bias)
        z = z[:, :tokens] + self._drop(attended)
        return z + self._drop(self.narrow(functional.gelu(self.widen(self.norm_mlp(z)))))

    def _attention(self, z: Tensor, bias: Tensor) -> Tensor:
        """softmax(q·k/√d + bias) v, in plain words: a bias that learns rules out PyTorch's fused kernels, and
        for so few tokens they are slower on a CPU even without."""
        q = self._heads(self.query(z[:, : len(bias)]))  # (N,H,T,W/H)
        k, v = (self._heads(x) for x in self.key_value(z).chunk(2, dim=-1))
        weights = torch.softmax(self.scale * q @ k.transpose(-1, -2) + bias, dim=-1)
        mixed = functional.dropout(weights, self.dropout, self.training).to(v.dtype) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _heads(self, x: Tensor) -> Tensor:
        split: Tensor = x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        return split

    def _drop(self, z: Tensor) -> Tensor:
        return functional.dropout(z, self.dropout, self.training)
