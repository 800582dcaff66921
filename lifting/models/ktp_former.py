"""KTPFormer: MixSTE with prior knowledge of skeleton and trajectory (Peng, Zhou, Mok, CVPR 2024).

One token per joint and frame. Two graph convolutions come before the first attention:

    kinematics   x = K(joints) + position of the joint,          then a spatial block
    trajectory   x = x + R2(R1(x)) + position of the frame,      then a temporal block
    layers       spatial and temporal blocks in turn, as in `lifting.models.mixste`
    answer       Linear(norm(x)) for every joint of every frame

K's graph is the skeleton, that of R1 and R2 the chain of a joint's frames. Nodes X (nodes,C) are convolved to

    relu(norm( D (M * X W0) + (A - D) (M * X W1) + b )),    A = sym(P + L),    D = the diagonal of A

with P the links' row-normalised adjacency plus I, L a learned full adjacency that starts at 1e-6, M (nodes,C)
a learned modulation, and sym(Z) = (Z + Z^T) / 2. The norm is a batch norm over everything but the channels.

Inferred from what the authors published besides the paper: the order above, seven layers after the two
prior ones, a norm shared by all spatial blocks and one by all temporal blocks, stochastic depth that rises
linearly from 0 to `drop_path`. This gives 35.2 million parameters at 243 frames.

With causal=True temporal attention is masked and the trajectory's A is cut to its lower triangle, so that a
frame hears only of itself and the frames before it. Batch norms mix no frames when the network is applied.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lifting.models._attention import TransformerBlock, check_window, over_joints, over_time
from lifting.skeleton import Skeleton


class KTPFormer(nn.Module):
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
        layers: int = 7,
        heads: int = 8,
        mlp_ratio: int = 2,
        drop_path: float = 0.1,
    ) -> None:
        """`layers` pairs of blocks after the prior ones, on tokens of `width`. Published: channels=2.

        Raises ValueError for a width that the heads do not divide and values out of range.
        """
        super().__init__()
        if min(window, width, layers, heads, mlp_ratio) < 1:
            raise ValueError("window, width, layers, heads and mlp_ratio must be at least 1")
        self.frames = tuple(range(window))
        bones, steps = torch.tensor(skeleton.edges), torch.arange(window - 1)
        chain = torch.stack([steps, steps + 1], dim=1)
        self.kinematics = _GraphConv(channels, width, len(skeleton), bones)
        self.trajectory = nn.Sequential(
            _GraphConv(width, width, window, chain, causal=causal),
            _GraphConv(width, width, window, chain, causal=causal),
        )
        self.context = nn.Linear(context, width) if context else None
        self.joint_position = nn.Parameter(torch.zeros(len(skeleton), width))
        self.frame_position = nn.Parameter(torch.zeros(window, 1, width))
        self.spatial, self.temporal = nn.ModuleList(), nn.ModuleList()
        for i in range(layers + 1):
            drop = drop_path * i / layers
            self.spatial.append(TransformerBlock(width, heads, mlp_ratio, drop_path=drop))
            self.temporal.append(TransformerBlock(width, heads, mlp_ratio, causal=causal, drop_path=drop))
        self.norm_spatial, self.norm_temporal = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3))

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """(B,T,J,channels), (B,T,context) -> (B,T,J,3). Raises ValueError for another number of frames."""
        check_window(joints, len(self.frames))
        tokens = over_joints(self.kinematics, joints) + self.joint_position  # (B,T,J,C)
        if self.context is not None:
            tokens = tokens + self.context(context)[:, :, None]
        for i, (spatial, temporal) in enumerate(zip(self.spatial, self.temporal, strict=True)):
            tokens = self.norm_spatial(over_joints(spatial, tokens))
            if i == 0:
                tokens = tokens + over_time(self.trajectory, tokens) + self.frame_position
            tokens = self.norm_temporal(over_time(temporal, tokens))
        return self.head(tokens)  # type: ignore[no-any-return]


class _GraphConv(nn.Module):
    """The convolution of the module's text, (N,nodes,inputs) -> (N,nodes,outputs)."""

    prior: Tensor

    def __init__(self, inputs: int, outputs: int, nodes: int, links: Tensor, *, causal: bool = False) -> None:
        """`links` (L,2) pairs of nodes; causal: a node hears of itself and its predecessors only."""
        super().__init__()
        self.causal = causal
        self.of_itself = nn.Linear(inputs, outputs, bias=False)
        self.of_others = nn.Linear(inputs, outputs, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.modulation = nn.Parameter(torch.ones(nodes, outputs))
        self.learned = nn.Parameter(torch.full((nodes, nodes), 1e-6))
        self.norm = nn.BatchNorm1d(outputs)
        self.register_buffer("prior", prior_adjacency(nodes, links), persistent=False)
        for linear in (self.of_itself, self.of_others):
            nn.init.xavier_uniform_(linear.weight, gain=2**0.5)

    def forward(self, x: Tensor) -> Tensor:
        adjacency = self.adjacency()
        loops = adjacency.diagonal()
        itself = loops[:, None] * self.modulation * self.of_itself(x)
        others = (adjacency - torch.diag(loops)) @ (self.modulation * self.of_others(x))
        mixed = itself + others + self.bias  # (N,nodes,outputs)
        return torch.relu(self.norm(mixed.flatten(0, 1)).unflatten(0, mixed.shape[:2]))

    def adjacency(self) -> Tensor:
        """(nodes,nodes) A, row i says of whom node i hears."""
        free = self.prior + self.learned
        symmetric = (free + free.T) / 2
        return symmetric.tril() if self.causal else symmetric


def prior_adjacency(nodes: int, links: Tensor) -> Tensor:
    """(nodes,nodes) P: the links (L,2) in both directions, rows divided by their sums, plus I."""
    linked = torch.zeros(nodes, nodes)
    if len(links):
        linked[links[:, 0], links[:, 1]] = linked[links[:, 1], links[:, 0]] = 1
    return linked / linked.sum(dim=1, keepdim=True).clamp(min=1) + torch.eye(nodes)
