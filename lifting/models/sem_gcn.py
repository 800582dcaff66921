"""SemGCN: a graph network on the skeleton that learns how much each joint listens to each neighbour.

A semantic graph convolution of joints X (J,F) has one matrix for a joint itself and one for its neighbours,
and a learned number e_ij per link, normalised over the neighbours of a joint (itself among them):

    A = softmax_rows(e where i = j or i and j are linked, else -∞)
    Y = diag(A) X W_self + (A - diag(A)) X W_neighbour + b

A first convolution, then `blocks` residual pairs, each layer with batch normalisation and ReLU, then a last
convolution to three coordinates. With `non_local`, a non-local layer after the first convolution and after
each block lets all joints see each other:

    X ← X + batch_norm(Z W_z),   Z_i = 1/J Σ_j relu(w·[θ(X_i), φ(X_j)]) g(X_j)

Zhao et al., "Semantic Graph Convolutional Networks for 3D Human Pose Regression", CVPR 2019, section 3:
0.27 M weights at 17 joints, 0.43 M with non-local layers. The published non-local layer takes the maximum of
φ and g over hand-chosen pairs of joints; here every joint is kept, which needs no table for each skeleton and
has as many weights. The cap on the weights' norm is a setting of the published training, not of the network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lifting.models._attention import check_window
from lifting.skeleton import Skeleton


class SemGCN(nn.Module):
    """See the module's text; the contract is that of `lifting.models`. Every frame is answered on its own."""

    def __init__(
        self,
        skeleton: Skeleton,
        window: int,
        *,
        channels: int = 3,
        context: int = 0,
        causal: bool = True,  # noqa: ARG002 - one frame has no future
        width: int = 128,
        blocks: int = 4,
        non_local: bool = False,
    ) -> None:
        """`width` features per joint, number of residual `blocks`, whether to add `non_local` layers.

        Raises ValueError when the window, the width or the number of blocks is too small, or when the
        skeleton has no links.
        """
        super().__init__()
        if window < 1 or width < 2 or blocks < 1:
            raise ValueError(
                f"window and blocks must be 1 or more and width 2 or more, got {window}, {blocks} and "
                f"{width}; the published network has width 128 and 4 blocks"
            )
        self.frames = tuple(range(window))
        self.embed = _SemGConv(skeleton, channels, width)
        self.embed_context = nn.Linear(context, width, bias=False) if context else None
        self.embed_norm = _JointNorm(width)
        self.blocks = nn.ModuleList(
            nn.Sequential(_Layer(skeleton, width), _Layer(skeleton, width)) for _ in range(blocks)
        )
        self.non_local = nn.ModuleList(_NonLocal(width) for _ in range(blocks + 1 if non_local else 0))
        self.head = _SemGConv(skeleton, width, 3)

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """joints (B,T,J,channels), context (B,T,context) or None -> (B,T,J,3).

        Raises ValueError for another number of frames.
        """
        check_window(joints, len(self.frames))
        state = self.embed(joints.flatten(0, 1))  # (B·T,J,W)
        if self.embed_context is not None:
            state = state + self.embed_context(context).flatten(0, 1)[:, None]
        state = self._see_all(0, torch.relu(self.embed_norm(state)))
        for number, block in enumerate(self.blocks, start=1):
            state = self._see_all(number, state + block(state))
        answer: Tensor = self.head(state)
        return answer.reshape(-1, len(self.frames), *answer.shape[1:])

    def _see_all(self, number: int, state: Tensor) -> Tensor:
        return self.non_local[number](state) if self.non_local else state


class _SemGConv(nn.Module):
    """The semantic graph convolution of the module's text: (N,J,F) -> (N,J,G)."""

    links: Tensor
    itself: Tensor

    def __init__(self, skeleton: Skeleton, inputs: int, outputs: int) -> None:
        super().__init__()
        linked = _linked(skeleton)  # (J,J)
        self.own, self.neighbour = (nn.Linear(inputs, outputs, bias=False) for _ in range(2))
        for linear in (self.own, self.neighbour):
            nn.init.xavier_uniform_(linear.weight, gain=2**0.5)
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-(outputs**-0.5), outputs**-0.5))
        self.strength = nn.Parameter(torch.ones(int(linked.sum())))  # e_ij of the links, row by row
        self.register_buffer("links", linked.flatten().nonzero().flatten(), persistent=False)
        self.register_buffer("itself", torch.eye(len(skeleton)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        attention = self.attention()
        own = attention * self.itself
        out: Tensor = own @ self.own(x) + (attention - own) @ self.neighbour(x) + self.bias
        return out

    def attention(self) -> Tensor:
        """(J,J) how much joint i listens to joint j; rows add up to 1 and are 0 where there is no link."""
        nothing = torch.full_like(self.itself, -torch.inf).flatten()
        strength = nothing.scatter(0, self.links, self.strength)
        return strength.reshape(self.itself.shape).softmax(dim=1)


class _JointNorm(nn.BatchNorm1d):
    """Batch normalisation of each feature over items and joints: (N,J,F) -> (N,J,F)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).reshape(x.shape)


class _Layer(nn.Sequential):
    """Semantic graph convolution, BatchNorm, ReLU."""

    def __init__(self, skeleton: Skeleton, width: int) -> None:
        super().__init__(_SemGConv(skeleton, width, width), _JointNorm(width), nn.ReLU())


class _NonLocal(nn.Module):
    """The non-local layer of the module's text, in its concatenation form, at half the width inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 2
        self.theta, self.phi, self.g = (nn.Linear(width, inner) for _ in range(3))
        # w·[θ, φ] = w_θ·θ + w_φ·φ
        self.from_theta, self.from_phi = (nn.Linear(inner, 1, bias=False) for _ in range(2))
        self.out, self.norm = nn.Linear(inner, width), _JointNorm(width)
        nn.init.zeros_(self.norm.weight)  # the layer begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        listener = self.from_theta(self.theta(x))  # (N,J,1)
        speaker = self.from_phi(self.phi(x)).transpose(1, 2)  # (N,1,J)
        affinity = torch.relu(listener + speaker) / x.shape[1]  # (N,J,J)
        correction: Tensor = self.norm(self.out(affinity @ self.g(x)))
        return x + correction


def _linked(skeleton: Skeleton) -> Tensor:
    """(J,J) true for joints that are parent and child, and for each joint with itself."""
    if not skeleton.edges:
        raise ValueError(f"the skeleton {skeleton.name} has no links; choose one whose joints form a tree")
    linked = torch.eye(len(skeleton), dtype=torch.bool)
    for parent, child in skeleton.edges:
        linked[parent, child] = linked[child, parent] = True
    return linked
