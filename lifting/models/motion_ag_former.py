"""MotionAGFormer: attention and graph convolution side by side (Mehraban, Adeli, Taati, WACV 2024).

One token per joint and frame. Every layer looks at the tokens X twice, in two streams with their own weights:

    attention stream    A = temporal attention(spatial attention(X))
    graph stream        G = temporal graph(spatial graph(X))
    adaptive fusion     X' = a A + (1 - a) G,   (a, 1 - a) = softmax(Linear([A, G])) for every token

"Spatial" mixes the joints of a frame, "temporal" the frames of a joint. Each of the four is a MetaFormer
block, X + s mix(norm(X)) and then X + s' MLP(norm(X)), with layer scales s (C,) that start at 1e-5.
A graph's mix is

    mix(X) = relu(X + norm(N X V + X U))

where N is, in space, the normalised adjacency D^-1/2 E D^-1/2 of the bones E, and in time the mean over the k
frames whose tokens are most similar to a frame's own by X X^T.

The paper gives sizes, streams, scale and fusion. Inferred from what the authors published besides, and in
agreement with the published parameter counts: eight heads without bias on query, key and value; bones without
self-loops, as U serves the joint itself; in the graphs a batch norm with one statistic per node (joint or
frame), which ties a network to the length of its window; a norm before the head. Nothing but those batch
norms knows a frame's place in time.

With causal=True a frame's temporal attention and its similar frames are taken from the frames up to it. Batch
norms mix no frames when the network is applied; in training, as always, they use the statistics of the batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifting.models._attention import Attention, DropPath, check_window, over_joints, over_time
from lifting.skeleton import Skeleton

SIZES: dict[str, tuple[int, int]] = {"xs": (12, 64), "s": (26, 64), "b": (16, 128), "l": (26, 128)}
"""(layers, width) of the published networks; 2.2, 4.8, 11.7 and 19.0 million parameters."""

_REPRESENTATION = 512


class MotionAGFormer(nn.Module):
    """See the module's text; the contract is that of `lifting.models`. Every frame is answered."""

    def __init__(
        self,
        skeleton: Skeleton,
        window: int,
        *,
        channels: int = 3,
        context: int = 0,
        causal: bool = True,
        size: str = "xs",
        layers: int | None = None,
        width: int | None = None,
        heads: int = 8,
        mlp_ratio: int = 4,
        neighbours: int = 2,
        drop_path: float = 0.0,
        layer_scale: float = 1e-5,
    ) -> None:
        """`size` names an entry of SIZES; `layers` and `width` override it. `neighbours` is k above.

        Raises ValueError for unknown sizes, a width that the heads do not divide, and values out of range.
        """
        super().__init__()
        if size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(SIZES)}, got {size!r}")
        depth = SIZES[size][0] if layers is None else layers
        features = SIZES[size][1] if width is None else width
        if min(window, depth, features, heads, mlp_ratio, neighbours) < 1:
            raise ValueError("window, layers, width, heads, mlp_ratio and neighbours must be at least 1")
        self.frames = tuple(range(window))
        self.embed = nn.Linear(channels, features)
        self.position = nn.Parameter(torch.zeros(len(skeleton), features))
        self.context = nn.Linear(context, features) if context else None
        self.layers = nn.ModuleList()
        for _ in range(depth):
            in_space = [Attention(features, heads), _SkeletonGraph(features, skeleton)]
            in_time = [
                Attention(features, heads, causal=causal),
                _SimilarFramesGraph(features, window, min(neighbours, window), causal),
            ]
            self.layers.append(_Layer(features, mlp_ratio, in_space, in_time, drop_path, layer_scale))
        self.norm = nn.LayerNorm(features)
        self.represent = nn.Linear(features, _REPRESENTATION)
        self.head = nn.Linear(_REPRESENTATION, 3)

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """(B,T,J,channels), (B,T,context) -> (B,T,J,3). Raises ValueError for another number of frames."""
        check_window(joints, len(self.frames))
        tokens = self.embed(joints) + self.position
        if self.context is not None:
            tokens = tokens + self.context(context)[:, :, None]
        for layer in self.layers:
            tokens = layer(tokens)
        return self.head(torch.tanh(self.represent(self.norm(tokens))))  # type: ignore[no-any-return]


class _Layer(nn.Module):
    """Two streams and their fusion, (B,T,J,C) -> (B,T,J,C)."""

    def __init__(
        self,
        width: int,
        mlp_ratio: int,
        in_space: list[nn.Module],
        in_time: list[nn.Module],
        drop_path: float,
        layer_scale: float,
    ) -> None:
        super().__init__()
        self.in_space = nn.ModuleList(_Block(width, mlp_ratio, m, drop_path, layer_scale) for m in in_space)
        self.in_time = nn.ModuleList(_Block(width, mlp_ratio, m, drop_path, layer_scale) for m in in_time)
        self.fusion = nn.Linear(2 * width, 2)
        nn.init.zeros_(self.fusion.weight)
        nn.init.constant_(self.fusion.bias, 0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        attention, graph = (
            over_time(in_time, over_joints(in_space, tokens))
            for in_space, in_time in zip(self.in_space, self.in_time, strict=True)
        )
        share = self.fusion(torch.cat([attention, graph], dim=-1)).softmax(dim=-1)  # (B,T,J,2)
        fused: Tensor = attention * share[..., :1] + graph * share[..., 1:]
        return fused


class _Block(nn.Module):
    """MetaFormer block around a mixer of nodes, (N,nodes,C) -> (N,nodes,C)."""

    def __init__(
        self, width: int, mlp_ratio: int, mixer: nn.Module, drop_path: float, layer_scale: float
    ) -> None:
        super().__init__()
        self.norm_mixer, self.mixer = nn.LayerNorm(width), mixer
        self.norm_mlp = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, mlp_ratio * width), nn.Linear(mlp_ratio * width, width)
        self.scale_mixer = nn.Parameter(torch.full((width,), layer_scale))
        self.scale_mlp = nn.Parameter(torch.full((width,), layer_scale))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.mixer(self.norm_mixer(x)) * self.scale_mixer)
        hidden = functional.gelu(self.widen(self.norm_mlp(x)))
        changed: Tensor = x + self.drop_path(_scaled_linear(self.narrow, hidden, self.scale_mlp))
        return changed


class _Graph(nn.Module, ABC):
    """relu(X + norm(N X V + X U)) for tokens X (N,nodes,C); subclasses say what the neighbours N are."""

    def __init__(self, width: int, nodes: int) -> None:
        super().__init__()
        self.of_neighbours, self.of_itself = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(nodes)
        for linear in (self.of_neighbours, self.of_itself):
            nn.init.normal_(linear.weight, std=(2 / width) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        gathered = self.neighbours(x) @ self.of_neighbours(x)
        return functional.relu(x + self.norm(gathered + self.of_itself(x)))

    @abstractmethod
    def neighbours(self, x: Tensor) -> Tensor:
        """(nodes,nodes) or (N,nodes,nodes) weights of the neighbours, one row per node."""


class _SkeletonGraph(_Graph):
    """Neighbours are the joints at the other ends of the bones, and the joint itself."""

    adjacency: Tensor

    def __init__(self, width: int, skeleton: Skeleton) -> None:
        super().__init__(width, len(skeleton))
        self.register_buffer("adjacency", skeleton_adjacency(skeleton), persistent=False)

    def neighbours(self, x: Tensor) -> Tensor:
        return self.adjacency.to(x.dtype)


class _SimilarFramesGraph(_Graph):
    """Neighbours are the `count` most similar frames, their mean; causal: of the frames so far."""

    future: Tensor

    def __init__(self, width: int, frames: int, count: int, causal: bool) -> None:
        super().__init__(width, frames)
        self.count = count
        future = torch.ones(frames, frames, dtype=torch.bool).triu(1) & causal
        self.register_buffer("future", future, persistent=False)

    @torch.no_grad()  # the choice of neighbours has no gradient
    def neighbours(self, x: Tensor) -> Tensor:
        # in bfloat16 the frames of a smooth motion would look equally similar
        with torch.autocast(x.device.type, enabled=False):
            similarity = x.float() @ x.float().transpose(1, 2)  # (N,T,T)
        similarity = similarity.masked_fill(self.future, -torch.inf)
        weakest = similarity.topk(self.count, dim=-1).values[..., -1:]
        chosen = ((similarity >= weakest) & ~self.future).to(x.dtype)
        return chosen / chosen.sum(dim=-1, keepdim=True)


def skeleton_adjacency(skeleton: Skeleton) -> Tensor:
    """(J,J) D^-1/2 E D^-1/2 with the bones E in both directions and the row sums D."""
    linked = torch.zeros(len(skeleton), len(skeleton))
    for parent, child in skeleton.edges:
        linked[parent, child] = linked[child, parent] = 1
    root = linked.sum(dim=1).clamp(min=1).rsqrt()
    return root[:, None] * linked * root


def _scaled_linear(linear: nn.Linear, x: Tensor, scale: Tensor) -> Tensor:
    """scale * linear(x) with the scale taken into the small weights instead of the many tokens."""
    return functional.linear(x, scale[:, None] * linear.weight, scale * linear.bias)
