"""ONNX operators in torch: one small function each, in the words of ONNX's own specification (opset 13-22).

A function gets the node's attributes and its inputs: tensors, or numpy arrays at the places named in
`STATIC`, where the answer's shape hangs on the value. Inputs left out are None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor

from lifting.errors import ModelError

Attributes = Mapping[str, Any]
Operator = Callable[..., Any]
Ints = NDArray[np.integer[Any]]

STATIC: Mapping[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,), "Expand": (1,), "Gather": (1,), "Pad": (1, 2, 3), "Range": (0, 1, 2),
    "ReduceL1": (1,), "ReduceL2": (1,), "ReduceMax": (1,), "ReduceMean": (1,), "ReduceMin": (1,),
    "ReduceSum": (1,), "Reshape": (1,), "Resize": (1, 2, 3), "Slice": (1, 2, 3, 4), "Split": (1,),
    "Squeeze": (1,), "Tile": (1,), "TopK": (1,), "Unsqueeze": (1,),
}  # fmt: skip
"""Operator → inputs that must be known beforehand."""

TYPES: Mapping[int, torch.dtype] = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip


def _ints(values: Ints | None) -> list[int]:
    if not isinstance(values, np.ndarray):
        raise ModelError("a shape of this network hangs on its data, which is not supported")
    return [int(v) for v in values.reshape(-1)]


def _pads(attributes: Attributes, kernel: Sequence[int], size: Sequence[int]) -> list[int]:
    """Padding before and after each axis, as ONNX lists it."""
    auto = attributes.get("auto_pad", "NOTSET")
    axes = len(kernel)
    if auto in ("NOTSET", "VALID"):
        return list(attributes.get("pads", [0] * 2 * axes)) if auto == "NOTSET" else [0] * 2 * axes
    strides = attributes.get("strides", [1] * axes)
    dilations = attributes.get("dilations", [1] * axes)
    total = [
        max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        for n, s, k, d in zip(size, strides, kernel, dilations, strict=True)
    ]
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    return small + large if auto == "SAME_UPPER" else large + small


def _padded(x: Tensor, pads: Sequence[int], value: float = 0.0) -> Tensor:
    half = len(pads) // 2
    if not any(pads):
        return x
    order = [p for k in reversed(range(half)) for p in (pads[k], pads[half + k])]
    return nnf.pad(x, order, value=value)


def conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolution over one or two axes; even padding is left to the kernel."""
    axes = weight.ndim - 2
    pads = _pads(a, weight.shape[2:], x.shape[2:])
    even = pads[:axes] == pads[axes:]
    run = nnf.conv1d if axes == 1 else nnf.conv2d
    return run(
        x if even else _padded(x, pads), weight, bias,
        stride=a.get("strides", [1] * axes), padding=pads[:axes] if even else 0,
        dilation=a.get("dilations", [1] * axes), groups=a.get("group", 1),
    )  # fmt: skip


def conv_transpose(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Transposed convolution over two axes, with even padding."""
    pads = a.get("pads", [0, 0, 0, 0])
    return nnf.conv_transpose2d(
        x, weight, bias, stride=a.get("strides", [1, 1]), padding=pads[:2],
        output_padding=a.get("output_padding", [0, 0]), groups=a.get("group", 1),
        dilation=a.get("dilations", [1, 1]),
    )  # fmt: skip


def pool(a: Attributes, x: Tensor, *, largest: bool) -> Tensor:
    """Maximum or mean over windows of two axes."""
    kernel = a["kernel_shape"]
    pads, stride = _pads(a, kernel, x.shape[2:]), a.get("strides", [1, 1])
    ceil = bool(a.get("ceil_mode", 0))
    if largest:
        return nnf.max_pool2d(_padded(x, pads, -math.inf), kernel, stride, ceil_mode=ceil)
    if any(pads) and not a.get("count_include_pad", 0):
        return nnf.avg_pool2d(x, kernel, stride, pads[:2], ceil, count_include_pad=False)
    return nnf.avg_pool2d(_padded(x, pads), kernel, stride, ceil_mode=ceil)


def gemm(a: Attributes, x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    """alpha · x y + beta · bias."""
    left = x.T if a.get("transA", 0) else x
    right = y.T if a.get("transB", 0) else y
    out = a.get("alpha", 1.0) * (left @ right) if a.get("alpha", 1.0) != 1 else left @ right
    return out if bias is None else out + a.get("beta", 1.0) * bias


def resize(
    a: Attributes, x: Tensor, _roi: Ints | None, scales: Any = None, sizes: Ints | None = None
) -> Tensor:
    """Nearest or linear, of the last two axes, with torch's placing of pixels."""
    size = _ints(sizes)[2:] if sizes is not None else [int(n * s) for n, s in zip(x.shape[2:], scales[2:], strict=True)]  # fmt: skip # noqa: E501
    mode, place = a.get("mode", "nearest"), a.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        if place == "asymmetric" and a.get("nearest_mode", "round_prefer_floor") == "floor":
            return nnf.interpolate(x, size=size, mode="nearest")
        return nnf.interpolate(x, size=size, mode="nearest-exact")
    if mode != "linear" or place not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        raise ModelError(f"Resize with {mode} and {place} is not supported by the torch engine")
    return nnf.interpolate(x, size=size, mode="bilinear", align_corners=place == "align_corners")


def slice_(
    _a: Attributes, x: Tensor, starts: Ints, ends: Ints, axes: Ints | None = None, steps: Ints | None = None
) -> Tensor:
    """Python's slices, axis by axis; negative steps too."""
    first = _ints(starts)
    where = _ints(axes) if axes is not None else list(range(len(first)))
    by = _ints(steps) if steps is not None else [1] * len(first)
    for axis, start, end, step in zip(where, first, _ints(ends), by, strict=True):
        if step < 0:
            turned = x.flip(axis)
            length = x.shape[axis]
            low = max(length - 1 - (start if start >= 0 else start + length), 0)
            high = length - 1 - (end if end >= 0 else max(end + length, -1))
            x = turned[(slice(None),) * (axis % x.ndim) + (slice(low, high, -step),)]
        else:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]
    return x


def gather(a: Attributes, x: Tensor, index: Ints | Tensor) -> Tensor:
    """Rows along an axis; a scalar takes the axis away."""
    axis = a.get("axis", 0) % x.ndim
    if isinstance(index, np.ndarray) and index.ndim == 0:
        return x.select(axis, int(index))
    rows = torch.from_numpy(index.copy()) if isinstance(index, np.ndarray) else index.long()
    rows = torch.where(rows < 0, rows + x.shape[axis], rows)
    taken = x.index_select(axis, rows.reshape(-1))
    return taken.reshape(*x.shape[:axis], *rows.shape, *x.shape[axis + 1 :])


def reshape(a: Attributes, x: Tensor, shape: Ints) -> Tensor:
    """0 keeps an axis, -1 takes what is left."""
    wanted = _ints(shape)
    if not a.get("allowzero", 0):
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return x.reshape(wanted)


def squeeze(_a: Attributes, x: Tensor, axes: Ints | None = None) -> Tensor:
    """Axes of length 1 go."""
    return x.squeeze() if axes is None else x.squeeze([v % x.ndim for v in _ints(axes)])


def unsqueeze(_a: Attributes, x: Tensor, axes: Ints) -> Tensor:
    """Axes of length 1 come, counted in the answer."""
    wanted = _ints(axes)
    for axis in sorted(v % (x.ndim + len(wanted)) for v in wanted):
        x = x.unsqueeze(axis)
    return x


def expand(_a: Attributes, x: Tensor, shape: Ints) -> Tensor:
    """Both sides may be broadcast."""
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(_ints(shape))))


def split(a: Attributes, x: Tensor, sizes: Ints | None = None) -> tuple[Tensor, ...]:
    """Given sizes, or as many equal parts as there are outputs."""
    axis = a.get("axis", 0)
    if sizes is not None:
        return torch.split(x, _ints(sizes), axis)
    return torch.split(x, math.ceil(x.shape[axis] / a["outputs"]), axis)


def pad(a: Attributes, x: Tensor, pads: Ints, value: Any = None, axes: Ints | None = None) -> Tensor:
    """Constant, edge or reflected borders."""
    amount = _ints(pads)
    if axes is not None:
        where, given, half = [v % x.ndim for v in _ints(axes)], amount, len(amount) // 2
        amount = [0] * 2 * x.ndim
        for k, axis in enumerate(where):
            amount[axis], amount[x.ndim + axis] = given[k], given[half + k]
    mode = a.get("mode", "constant")
    if mode == "constant":
        return _padded(x, amount, 0.0 if value is None else float(value))
    order = [p for k in reversed(range(2, x.ndim)) for p in (amount[k], amount[x.ndim + k])]
    return nnf.pad(x, order, mode="replicate" if mode == "edge" else mode)


def layer_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """Over the last axes, from `axis` on."""
    axis = a.get("axis", -1) % x.ndim
    return nnf.layer_norm(x, x.shape[axis:], scale, bias, a.get("epsilon", 1e-5))


def batch_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """With the stored mean and variance."""
    return nnf.batch_norm(x, mean, var, scale, bias, eps=a.get("epsilon", 1e-5))


def reduce(run: Callable[..., Tensor]) -> Operator:
    """A reduction over some axes, or all."""

    def operator(a: Attributes, x: Tensor, axes: Ints | None = None) -> Tensor:
        where = _ints(axes) if axes is not None else list(a.get("axes", []))
        if not where and a.get("noop_with_empty_axes", 0):
            return x
        return run(x, where or list(range(x.ndim)), bool(a.get("keepdims", 1)))

    return operator


def arg(run: Callable[..., Tensor]) -> Operator:
    """Place of the largest or smallest along an axis."""
    return lambda a, x: run(x, a.get("axis", 0), bool(a.get("keepdims", 1)))


def grid_sample(a: Attributes, x: Tensor, grid: Tensor) -> Tensor:
    """Pictures sampled at places given as -1..1."""
    given = str(a.get("mode", "linear"))
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(given, given)
    border = str(a.get("padding_mode", "zeros"))
    return nnf.grid_sample(x, grid, mode, border, bool(a.get("align_corners", 0)))


def clip(_a: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """Between two scalars, either of which may be missing."""
    if low is not None:
        x = torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


def depth_to_space(a: Attributes, x: Tensor) -> Tensor:
    """Channels become blocks of pixels, depth first (DCR) or column first (CRD)."""
    n, c, h, w = x.shape
    b = a["blocksize"]
    if a.get("mode", "DCR") == "CRD":
        return x.reshape(n, c // b**2, b, b, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, -1, h * b, w * b)
    return x.reshape(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, -1, h * b, w * b)


def div(_a: Attributes, x: Tensor, y: Tensor) -> Tensor:
    """Whole numbers are cut towards zero."""
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")
