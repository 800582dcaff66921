"""Which ONNX operator is which torch function."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor

from lifting.runtime import torch_ops as ops
from lifting.runtime.torch_ops import TYPES, Attributes, Operator


def _plain(run: Callable[..., Tensor]) -> Operator:
    """A function of tensors alone."""
    return lambda _a, *tensors: run(*tensors)


def _folded(run: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """A function of two, over any number of inputs."""

    def operator(_a: Attributes, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = run(first, other)
        return first

    return operator


def _cast(a: Attributes, x: Tensor) -> Tensor:
    wanted: torch.dtype = TYPES[a["to"]]
    return x.to(wanted)


def _transpose(a: Attributes, x: Tensor) -> Tensor:
    return x.permute(a.get("perm", list(range(x.ndim))[::-1]))


def _mean(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return torch.mean(x, axes, keep)


def _sum(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return torch.sum(x, axes, keep)


def _softmax(a: Attributes, x: Tensor) -> Tensor:
    return torch.softmax(x, a.get("axis", -1))


def _hard_sigmoid(a: Attributes, x: Tensor) -> Tensor:
    out: Tensor = a.get("alpha", 0.2) * x + a.get("beta", 0.5)
    return out.clamp(0, 1)


def _prelu(_a: Attributes, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def _gelu(a: Attributes, x: Tensor) -> Tensor:
    return nnf.gelu(x, approximate=a.get("approximate", "none"))


def _einsum(a: Attributes, *tensors: Tensor) -> Tensor:
    return torch.einsum(a["equation"], *tensors)


def _topk(a: Attributes, x: Tensor, k: np.ndarray) -> tuple[Tensor, ...]:
    return tuple(torch.topk(x, int(k.reshape(-1)[0]), a.get("axis", -1), bool(a.get("largest", 1))))


def _constant_of_shape(a: Attributes, shape: np.ndarray) -> Tensor:
    value = a.get("value", np.zeros(1, np.float32))
    return torch.full(
        [int(n) for n in shape], value.reshape(-1)[0].item(), dtype=torch.from_numpy(value).dtype
    )


def _gather_elements(a: Attributes, x: Tensor, index: Tensor) -> Tensor:
    return torch.gather(x, a.get("axis", 0), index.long())


def _gather_nd(_a: Attributes, x: Tensor, index: Tensor) -> Tensor:
    return x[tuple(index.long().unbind(-1))]


def _amax(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return torch.amax(x, axes, keep)


def _amin(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return torch.amin(x, axes, keep)


def _l2(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    out: Tensor = torch.linalg.vector_norm(x, 2, axes, keep)
    return out


def _l1(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    out: Tensor = torch.linalg.vector_norm(x, 1, axes, keep)
    return out


OPERATORS: Mapping[str, Operator] = {
    "Abs": _plain(torch.abs),
    "Add": _plain(torch.add),
    "And": _plain(torch.logical_and),
    "ArgMax": ops.arg(torch.argmax),
    "ArgMin": ops.arg(torch.argmin),
    "AveragePool": lambda a, x: ops.pool(a, x, largest=False),
    "BatchNormalization": ops.batch_norm,
    "Cast": _cast,
    "Ceil": _plain(torch.ceil),
    "Clip": ops.clip,
    "Concat": lambda a, *xs: torch.cat(xs, a["axis"]),
    "ConstantOfShape": _constant_of_shape,
    "Conv": ops.conv,
    "ConvTranspose": ops.conv_transpose,
    "Cos": _plain(torch.cos),
    "DepthToSpace": ops.depth_to_space,
    "Div": ops.div,
    "Einsum": _einsum,
    "Elu": lambda a, x: nnf.elu(x, a.get("alpha", 1.0)),
    "Equal": _plain(torch.eq),
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "Expand": ops.expand,
    "Flatten": lambda a, x: x.reshape(int(np.prod(x.shape[: a.get("axis", 1)])), -1),
    "Floor": _plain(torch.floor),
    "Gather": ops.gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Gelu": _gelu,
    "Gemm": ops.gemm,
    "GlobalAveragePool": lambda _a, x: x.mean(list(range(2, x.ndim)), keepdim=True),
    "GlobalMaxPool": lambda _a, x: x.amax(list(range(2, x.ndim)), keepdim=True),
    "Greater": _plain(torch.gt),
    "GreaterOrEqual": _plain(torch.ge),
    "GridSample": ops.grid_sample,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain(nnf.hardswish),
    "Identity": _plain(lambda x: x),
    "LayerNormalization": ops.layer_norm,
    "LeakyRelu": lambda a, x: nnf.leaky_relu(x, a.get("alpha", 0.01)),
    "Less": _plain(torch.lt),
    "LessOrEqual": _plain(torch.le),
    "Log": _plain(torch.log),
    "MatMul": _plain(torch.matmul),
    "Max": _folded(torch.maximum),
    "MaxPool": lambda a, x: ops.pool(a, x, largest=True),
    "Min": _folded(torch.minimum),
    "Mod": lambda a, x, y: torch.fmod(x, y) if a.get("fmod", 0) else torch.remainder(x, y),
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "Not": _plain(torch.logical_not),
    "Or": _plain(torch.logical_or),
    "PRelu": _prelu,
    "Pad": ops.pad,
    "Pow": lambda _a, x, y: torch.pow(x, y).to(x.dtype),
    "Range": lambda _a, start, end, step: torch.arange(start.item(), end.item(), step.item()),
    "Reciprocal": _plain(torch.reciprocal),
    "ReduceL1": ops.reduce(_l1),
    "ReduceL2": ops.reduce(_l2),
    "ReduceMax": ops.reduce(_amax),
    "ReduceMean": ops.reduce(_mean),
    "ReduceMin": ops.reduce(_amin),
    "ReduceSum": ops.reduce(_sum),
    "Relu": _plain(torch.relu),
    "Reshape": ops.reshape,
    "Resize": ops.resize,
    "Round": _plain(torch.round),
    "Sigmoid": _plain(torch.sigmoid),
    "Sin": _plain(torch.sin),
    "Slice": ops.slice_,
    "Softmax": _softmax,
    "Softplus": _plain(nnf.softplus),
    "Split": ops.split,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": ops.squeeze,
    "Sub": _plain(torch.sub),
    "Sum": _folded(torch.add),
    "Tanh": _plain(torch.tanh),
    "Tile": lambda _a, x, repeats: x.repeat(*(int(n) for n in repeats)),
    "TopK": _topk,
    "Transpose": _transpose,
    "Unsqueeze": ops.unsqueeze,
    "Where": lambda _a, c, x, y: torch.where(c, x, y),
}
