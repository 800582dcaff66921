"""Builds an ONNX graph from networks that keep channels last.

ONNX Runtime is fast on channels-first pictures, so every picture inside is stored (1,C,H,W) and turned only
where it must be: at the borders, and before operators that mix the axes. `Value.shape` stays the source's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from lifting.errors import ModelError

OPSET = 17
MAX_ELEMENTS = 1 << 26
MAX_CHANNELS = 1 << 14
"""Far above what the known networks have; keeps a damaged file from asking for all memory."""
Array = NDArray[np.generic]
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the graph under construction."""

    name: str
    shape: tuple[int, ...]
    """As in the source: pictures are (1,H,W,C)."""
    planar: bool = False
    """Stored (1,C,H,W)."""
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Zeros around the picture (top, left, bottom, right) that the next convolution brings with it."""

    def __post_init__(self) -> None:
        if any(n < 1 for n in self.shape) or float(np.prod(self.shape, dtype=float)) > MAX_ELEMENTS:
            raise ModelError(f"The model has a tensor of impossible shape {self.shape}.")
        if (self.planar or any(self.pad)) and len(self.shape) != 4:
            raise ModelError(f"The model uses a tensor of shape {self.shape} as a picture.")


def same_padding(size: Pair, kernel: Pair, stride: Pair) -> tuple[int, int, int, int]:
    """TensorFlow's SAME: output = ceil(size / stride), the odd zero goes below and right."""
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
    return total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2


class Graph:
    """Nodes and constants, in order. Equal constants and equal transposes are made once."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._turned: dict[tuple[str, bool], Value] = {}

    def input(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> Value:
        """A network input."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return Value(name, shape)

    def constant(self, array: Array) -> str:
        """Name of a constant with these values."""
        array = np.array(array, order="C")  # ascontiguousarray would turn a scalar into a vector
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = f"c{len(self._constants)}"
            self._initializers.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add one operator with one output; gives the output's name."""
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def stored(self, value: Value, *, planar: bool) -> str:
        """Name of `value` in the wanted layout, without pending zeros."""
        if any(value.pad):
            value = self._with_zeros(value)
        if value.planar == planar or len(value.shape) != 4:
            return value.name
        key = (value.name, planar)
        if key not in self._turned:
            order = [0, 3, 1, 2] if planar else [0, 2, 3, 1]
            name = self.node("Transpose", [value.name], perm=order)
            self._turned[key] = replace(value, name=name, planar=planar)
        return self._turned[key].name

    def _with_zeros(self, value: Value) -> Value:
        top, left, bottom, right = value.pad
        name = self.stored(replace(value, pad=(0, 0, 0, 0)), planar=True)
        pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
        _, height, width, channels = value.shape
        shape = (value.shape[0], height + top + bottom, width + left + right, channels)
        return Value(self.node("Pad", [name, self.constant(pads)], mode="constant"), shape, planar=True)

    def conv(
        self, x: Value, weight: Array, bias: Array | None, *, stride: Pair, same: bool, groups: int = 1
    ) -> Value:
        """Convolution with `weight` (out, in/groups, kh, kw) and `bias` (out,)."""
        out, per_group, *kernel = weight.shape
        if len(x.shape) != 4 or len(kernel) != 2 or x.shape[3] != per_group * groups or out % groups:
            raise ModelError(f"A convolution {weight.shape} does not fit its input {x.shape}.")
        if bias is not None and bias.shape != (out,):
            raise ModelError(f"A convolution with {out} outputs has a bias of shape {bias.shape}.")
        pads, size = self._window(x, (kernel[0], kernel[1]), stride, same=same)
        inputs = [self.stored(replace(x, pad=(0, 0, 0, 0)), planar=True), self.constant(weight)]
        inputs += [] if bias is None else [self.constant(bias)]
        name = self.node("Conv", inputs, strides=stride, pads=pads, group=groups, kernel_shape=kernel)
        return Value(name, (x.shape[0], *size, out), planar=True)

    def max_pool(self, x: Value, kernel: Pair, *, stride: Pair, same: bool) -> Value:
        """Maximum over windows; zeros pending from before take part, SAME's margin does not."""
        x = self._with_zeros(x) if any(x.pad) else x
        pads, size = self._window(x, kernel, stride, same=same)
        name = self.stored(x, planar=True)
        name = self.node("MaxPool", [name], kernel_shape=kernel, strides=stride, pads=pads)
        return Value(name, (x.shape[0], *size, x.shape[3]), planar=True)

    def _window(
        self, x: Value, kernel: Pair, stride: Pair, *, same: bool
    ) -> tuple[tuple[int, int, int, int], Pair]:
        """Zeros around the picture (pending and SAME) and the size of the result, rows and columns."""
        if len(x.shape) != 4 or min(*kernel, *stride) < 1:
            raise ModelError(f"A window {kernel} with stride {stride} cannot slide over {x.shape}.")
        top, left, bottom, right = x.pad
        rows, columns = x.shape[1] + top + bottom, x.shape[2] + left + right
        more = same_padding((rows, columns), kernel, stride) if same else (0, 0, 0, 0)
        pads = (top + more[0], left + more[1], bottom + more[2], right + more[3])
        height = (x.shape[1] + pads[0] + pads[2] - kernel[0]) // stride[0] + 1
        width = (x.shape[2] + pads[1] + pads[3] - kernel[1]) // stride[1] + 1
        return pads, (height, width)

    def resize(self, x: Value, size: Pair, *, half_pixel: bool) -> Value:
        """Bilinear resampling to `size` (rows, columns)."""
        batch, _, _, channels = x.shape
        sizes = self.constant(np.array([batch, channels, *size], np.int64))
        mode = "half_pixel" if half_pixel else "asymmetric"
        inputs = [self.stored(x, planar=True), "", "", sizes]
        name = self.node("Resize", inputs, mode="linear", coordinate_transformation_mode=mode)
        return Value(name, (batch, *size, channels), planar=True)

    def wise(self, kind: str, x: Value, *others: str, **attributes: Any) -> Value:
        """An operator that treats every element alike, so that the layout does not matter."""
        name = self.node(kind, [self.stored(x, planar=x.planar), *others], **attributes)
        return Value(name, self._padded_shape(x), planar=x.planar)

    def relu6(self, x: Value) -> Value:
        """min(max(x, 0), 6)."""
        limits = [self.constant(np.array(v, np.float32)) for v in (0, 6)]
        return self.wise("Clip", x, *limits)

    def unchanged(self, x: Value) -> Value:
        """A depthwise convolution by 1, to put before an activation that follows a sum.

        ONNX Runtime merges an activation into a convolution, but leaves its fast layout for a bare Clip and
        comes back after it: this takes 2 % off BlazePose heavy.
        """
        if x.shape[-1] > MAX_CHANNELS:
            raise ModelError(f"A picture with {x.shape[-1]} channels is not supported.")
        ones = np.ones((x.shape[-1], 1, 1, 1), np.float32)
        return self.conv(x, ones, None, stride=(1, 1), same=False, groups=x.shape[-1])

    def cast(self, x: Value, dtype: np.dtype[Any]) -> Value:
        """The same values in another type."""
        return self.wise("Cast", x, to=helper.np_dtype_to_tensor_dtype(dtype))

    def combine(self, kind: str, a: Value, b: Value) -> Value:
        """An element-wise operator of two tensors, with broadcasting."""
        shape_a, shape_b = self._padded_shape(a), self._padded_shape(b)
        pictures = [len(s) == 4 or not s for s in (shape_a, shape_b)]  # a lone number fits both layouts
        planar = (a.planar or b.planar) and all(pictures)
        names = [self.stored(v, planar=planar) for v in (a, b)]
        return Value(self.node(kind, names), np.broadcast_shapes(shape_a, shape_b), planar=planar)

    @staticmethod
    def _padded_shape(x: Value) -> tuple[int, ...]:
        if not any(x.pad):
            return x.shape
        top, left, bottom, right = x.pad
        return x.shape[0], x.shape[1] + top + bottom, x.shape[2] + left + right, x.shape[3]

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        """Same elements in the source's order, other axes; one axis may be -1."""
        count = int(np.prod(x.shape))
        known = int(np.prod([n for n in shape if n != -1]))
        if shape.count(-1) == 1 and known > 0:
            shape = tuple(count // known if n == -1 else n for n in shape)
        if int(np.prod(shape)) != count:
            raise ModelError(f"A tensor {x.shape} cannot be reshaped to {shape}.")
        # A 1×1 picture has the same order of elements in both layouts.
        planar = x.planar and not any(x.pad) and x.shape[1:3] == (1, 1)
        name = x.name if planar else self.stored(x, planar=False)
        wanted = self.constant(np.array(shape, np.int64))
        return Value(self.node("Reshape", [name, wanted]), shape)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Join along `axis` of the source's layout."""
        shape = list(values[0].shape)
        rest = [[n for i, n in enumerate(v.shape) if i != axis % len(shape)] for v in values]
        if any(r != rest[0] for r in rest):
            raise ModelError(f"Tensors {[v.shape for v in values]} cannot be joined along axis {axis}.")
        shape[axis] = sum(v.shape[axis] for v in values)
        names = [self.stored(v, planar=False) for v in values]
        return Value(self.node("Concat", names, axis=axis), tuple(shape))

    def output(self, x: Value, name: str, *, planar: bool = False) -> None:
        """Make `x` an output; pictures (1,C,H,W) where `planar`, else (1,H,W,C)."""
        self._nodes.append(helper.make_node("Identity", [self.stored(x, planar=planar)], [name], name=name))
        order = (0, 3, 1, 2) if planar else range(len(x.shape))
        shape = [x.shape[i] for i in order]
        self._outputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))

    def build(self, name: str) -> bytes:
        """The finished model, checked. Nodes that no output needs are left out. Raises ModelError."""
        needed, kept = {o.name for o in self._outputs}, []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        constants = [c for c in self._initializers if c.name in needed]
        graph = helper.make_graph(kept[::-1], name, self._inputs, self._outputs, constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="sealcap")
        try:
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise ModelError(f"The converted {name} is not a valid network: {error}") from error
        return bytes(model.SerializeToString())
