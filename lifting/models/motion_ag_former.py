"""MotionAGFormer: attention and graph convolution side by side (Mehraban, Adeli, Taati, WACV 2024).

One token per joint and frame. Every layer looks at the tokens X twice, in two streams with weights of their own:

    attention stream    A = temporal attention(spatial attention(X))
    graph stream        G = temporal graph(spatial graph(X))
    adaptive fusion     X' = a A + (1 - a) G,   (a, 1 - a) = softmax(Linear([A, G])) for every token

"Spatial" mixes the joints of a frame, "temporal" the frames of a joint. Each of the four is a MetaFormer block,
X + gamma1 mix(norm(X)) followed by X + gamma2 MLP(norm(X)), with layer scales gamma that start at 1e-5. A graph's
mix is relu(X + norm(N X V + X U)), where N is the skeleton's normalised adjacency D^-1/2 (I + E) D^-1/2 in space,
and in time the mean over the k frames whose tokens are most similar to this one's, X X^T.

The paper gives sizes, streams, scale and fusion. Inferred from the authors' published configurations and fixed by
the parameter counts: eight heads without bias on query, key and value; a batch norm in the graphs with one
statistic per node (joint or frame), which ties a network to its window length; a final norm before the head.
Attention has no temporal position embedding: order in time is seen only by those norms.

With causal=True a token's temporal attention and its similar frames are taken from frames up to its own. The batch
norms never mix frames when the network is applied; in training, as always, their statistics are those of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifting.skeleton import Skeleton

SIZES: dict[str, tuple[int, int]] = {"xs": (12, 64), "s": (26, 64), "b": (16, 128), "l": (26, 128)}
"""(layers, width) of the published networks; 2.2, 4.8, 11.7 and 19.0 million parameters."""

_REPRESENTATION = 512


class MotionAGFormer(nn.Module):
    """See the module's text; the contract is that of `lifting.models`. Every frame of the window is answered."""

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
        depth, features = layers or SIZES[size][0], width or SIZES[size][1]
        _check(window, depth, features, heads, mlp_ratio, neighbours, drop_path)
        self.frames = tuple(range(window))
        self.embed = nn.Linear(channels, features)
        self.position = nn.Parameter(torch.zeros(len(skeleton), features))
        self.context = nn.Linear(context, features) if context else None
        self.layers = nn.ModuleList()
        for _ in range(depth):
            in_space = [_Attention(features, heads), _SkeletonGraph(features, skeleton)]
            in_time = [
                _Attention(features, heads, causal=causal),
                _SimilarFramesGraph(features, window, min(neighbours, window), causal),
            ]
            self.layers.append(_Layer(features, mlp_ratio, in_space, in_time, drop_path, layer_scale))
        self.norm = nn.LayerNorm(features)
        self.represent = nn.Linear(features, _REPRESENTATION)
        self.head = nn.Linear(_REPRESENTATION, 3)
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward(self, joints: Tensor, context: Tensor | None = None) -> Tensor:
        """(B,T,J,channels), (B,T,context) -> (B,T,J,3). Raises ValueError for another number of frames."""
        if joints.shape[1] != len(self.frames):
            raise ValueError(
                f"this network answers windows of {len(self.frames)} frames, got {joints.shape[1]}"
            )
        tokens = self.embed(joints) + self.position
        if self.context is not None:
            tokens = tokens + self.context(context)[:, :, None]
        for layer in self.layers:
            tokens = layer(tokens)
        return self.head(torch.tanh(self.represent(self.norm(tokens))))  # type: ignore[no-any-return]


class _Layer(nn.Module):
    """Two streams and their fusion, (B,T,J,C) -> (B,T,J,C). `in_space`, `in_time`: mixers of the two streams."""

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
            _over_time(in_time, _over_joints(in_space, tokens))
            for in_space, in_time in zip(self.in_space, self.in_time, strict=True)
        )
        share = self.fusion(torch.cat([attention, graph], dim=-1)).softmax(dim=-1)  # (B,T,J,2)
        return attention * share[..., :1] + graph * share[..., 1:]


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
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._dropped(self.mixer(self.norm_mixer(x)) * self.scale_mixer)
        hidden = functional.gelu(self.widen(self.norm_mlp(x)))
        return x + self._dropped(_scaled_linear(self.narrow, hidden, self.scale_mlp))

    def _dropped(self, change: Tensor) -> Tensor:
        """Stochastic depth: leaves out whole samples while training."""
        if not self.training or self.drop_path == 0:
            return change
        kept = torch.rand(len(change), 1, 1, device=change.device) >= self.drop_path
        return change * (kept / (1 - self.drop_path))


class _Attention(nn.Module):
    """Multi-head self-attention among the nodes of (N,nodes,C); causal: among a node and its predecessors."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        split = self.query_key_value(x).unflatten(-1, (3, self.heads, -1))  # (N,nodes,3,H,C/H)
        query, key, value = (part.transpose(1, 2) for part in split.unbind(2))
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class _Graph(nn.Module):
    """relu(X + norm(N X V + X U)) for tokens X (N,nodes,C); subclasses say what the neighbours N are."""

    def __init__(self, width: int, nodes: int) -> None:
        super().__init__()
        self.of_neighbours, self.of_itself = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(nodes)

    def forward(self, x: Tensor) -> Tensor:
        gathered = self.neighbours(x) @ self.of_neighbours(x)
        return functional.relu(x + self.norm(gathered + self.of_itself(x)))

    def neighbours(self, x: Tensor) -> Tensor:
        """(nodes,nodes) or (N,nodes,nodes) weights of the neighbours, one row per node."""
        raise NotImplementedError


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
        future = (
            torch.ones(frames, frames, dtype=torch.bool).triu(1)
            if causal
            else torch.zeros(1, 1, dtype=torch.bool)
        )
        self.register_buffer("future", future, persistent=False)

    @torch.no_grad()  # the choice of neighbours has no gradient
    def neighbours(self, x: Tensor) -> Tensor:
        similarity = (x @ x.transpose(1, 2)).masked_fill(self.future, -torch.inf)  # (N,T,T)
        weakest = similarity.topk(self.count, dim=-1).values[..., -1:]
        chosen = ((similarity >= weakest) & ~self.future).to(x.dtype)
        return chosen / chosen.sum(dim=-1, keepdim=True)


def skeleton_adjacency(skeleton: Skeleton) -> Tensor:
    """(J,J) D^-1/2 (I + E) D^-1/2: bones E in both directions, each joint with itself, D the row sums."""
    linked = torch.eye(len(skeleton))
    for parent, child in skeleton.edges:
        linked[parent, child] = linked[child, parent] = 1
    root = linked.sum(dim=1).rsqrt()
    return root[:, None] * linked * root[None]


def _over_joints(block: nn.Module, tokens: Tensor) -> Tensor:
    """Apply a block of (N,nodes,C) to the joints of each frame of (B,T,J,C)."""
    return block(tokens.flatten(0, 1)).unflatten(0, (-1, tokens.shape[1]))  # type: ignore[no-any-return]


def _over_time(block: nn.Module, tokens: Tensor) -> Tensor:
    """Apply a block of (N,nodes,C) to the frames of each joint of (B,T,J,C)."""
    return _over_joints(block, tokens.transpose(1, 2)).transpose(1, 2)


def _scaled_linear(linear: nn.Linear, x: Tensor, scale: Tensor) -> Tensor:
    """scale * linear(x) with the scale taken into the small weights instead of the many tokens."""
    return functional.linear(x, scale[:, None] * linear.weight, scale * linear.bias)


def _check(
    window: int, layers: int, width: int, heads: int, mlp_ratio: int, neighbours: int, drop_path: float
) -> None:
    if min(window, layers, width, heads, mlp_ratio, neighbours) < 1:
        raise ValueError("window, layers, width, heads, mlp_ratio and neighbours must be at least 1")
    if width % heads:
        raise ValueError(f"the width must be a multiple of the {heads} heads, got {width}")
    if not 0 <= drop_path < 1:
        raise ValueError(f"drop_path must be at least 0 and below 1, got {drop_path}")
