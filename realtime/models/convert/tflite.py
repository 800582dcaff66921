"""TFLite networks → ONNX, without TensorFlow.

Reads the parts of TFLite's schema (version 3) that BlazePose uses, and knows the operators that it has;
another one is a ModelError with its name. Half-precision weights become float32, sparse ones dense.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from realtime.models.convert.flatbuffer import Table
from realtime.models.convert.graph import MAX_CHANNELS, MAX_ELEMENTS, Array, Graph, Value

OPERATORS = {
    0: "ADD",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    34: "PAD",
    124: "DENSIFY",
}
DTYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "<u1", 4: "<i8", 9: "<i1"}
RELU, RELU6 = 1, 3
INDEX_DTYPES = {1: "<i4", 2: "<u2", 3: "<u1"}
DAMAGED = (ValueError, IndexError, KeyError, OverflowError, TypeError, struct.error)
"""What numpy, struct and onnx say when a damaged file's numbers make no sense."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One step of the source network; tensors by number, -1 = absent."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None

    def option(self, slot: int, form: str = "<i", default: int = 0) -> int:
        """A number of the operator's options."""
        return default if self.options is None else self.options.number(slot, form, default)


@dataclass(frozen=True, slots=True)
class Source:
    """A TFLite network as read."""

    shapes: list[tuple[int, ...]]
    constants: dict[int, Array]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read(data: bytes) -> Source:
    """Parse a TFLite file. Raises ModelError."""
    model = Table.root(data, b"TFL3")
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise ModelError(f"The TFLite file holds {len(graphs)} networks; one is expected.")
    graph = graphs[0]
    tensors, buffers = graph.tables(0), model.tables(4)
    constants = {i: c for i, t in enumerate(tensors) if (c := _constant(t, buffers)) is not None}
    codes = [_code(t) for t in model.tables(1)]
    operators = [_operator(t, codes) for t in graph.tables(3)]
    shapes = [t.integers(0) for t in tensors]
    return Source(shapes, constants, operators, graph.integers(1), graph.integers(2))


def _code(table: Table) -> int:
    """Number of an operator kind; files older than 2020 have it in a byte field only."""
    return max(table.number(3), table.number(0, "<b"))


def _operator(table: Table, codes: list[int]) -> Operator:
    code = codes[table.number(0, "<I")]
    if code not in OPERATORS:
        raise ModelError(
            f"TFLite operator number {code} is not supported; known: {', '.join(OPERATORS.values())}."
        )
    return Operator(OPERATORS[code], table.integers(1), table.integers(2), table.table(4))


def _constant(tensor: Table, buffers: list[Table]) -> Array | None:
    """Values of a constant tensor, None for one that is computed."""
    kind = tensor.number(1, "<b")
    raw = buffers[tensor.number(2, "<I")].vector(0, "<u1")
    if raw is None or not raw.size:
        return None
    if kind not in DTYPES:
        raise ModelError(f"TFLite tensor type number {kind} is not supported.")
    values, shape = raw.view(DTYPES[kind]), tensor.integers(0)
    sparsity = tensor.table(6)
    if sparsity is not None:
        return _dense(values, shape, sparsity)
    return values.reshape(shape)


def _dense(values: Array, shape: tuple[int, ...], sparsity: Table) -> Array:
    """Rows of a sparse tensor whose last axis is compressed (CSR), all others dense and in order."""
    axes = sparsity.tables(2)
    formats = [a.number(0, "<b") for a in axes]
    if sparsity.integers(0) != tuple(range(len(shape))) or formats != [0] * (len(shape) - 1) + [1]:
        raise ModelError("A TFLite tensor is sparse in a way that is not supported.")
    if not 0 < np.prod(shape, dtype=float) <= MAX_ELEMENTS:
        raise ModelError(f"The model has a tensor of impossible shape {shape}.")
    ends, columns = (_indices(axes[-1], slot) for slot in (2, 4))
    rows = int(np.prod(shape[:-1]))
    counts = np.diff(ends)
    if (
        len(ends) != rows + 1
        or (counts < 0).any()
        or ends[0] != 0
        or not ends[-1] == len(columns) == len(values)
    ):
        raise ModelError("A sparse TFLite tensor is damaged.")
    out = np.zeros((rows, shape[-1]), values.dtype)
    out[np.repeat(np.arange(rows), counts), columns] = values
    return out.reshape(shape)


def _indices(axis: Table, slot: int) -> NDArray[np.int64]:
    vector = axis.table(slot + 1)
    values = None if vector is None else vector.vector(0, INDEX_DTYPES[axis.number(slot, "<B")])
    if values is None:
        raise ModelError("A sparse TFLite tensor lacks its indices.")
    return values.astype(np.int64)


class Converter:
    """Walks the source's operators in order and adds each to the graph."""

    def __init__(self, source: Source) -> None:
        self.graph = Graph()
        self.source = source
        self.values: dict[int, Value] = {}
        self.constants = dict(source.constants)
        self._rules: dict[str, Callable[[Operator], Value]] = {
            "ADD": self._add,
            "CONCATENATION": self._concatenation,
            "CONV_2D": self._conv,
            "DEPTHWISE_CONV_2D": self._depthwise,
            "DEPTH_TO_SPACE": self._depth_to_space,
            "LOGISTIC": lambda op: self.graph.wise("Sigmoid", self._value(op, 0)),
            "MAX_POOL_2D": self._max_pool,
            "PAD": self._pad,
            "RESHAPE": lambda op: self.graph.reshape(self._value(op, 0), self.source.shapes[op.outputs[0]]),
            "RESIZE_BILINEAR": self._resize,
        }

    def run(self) -> None:
        """Convert everything."""
        for operator in self.source.operators:
            out = operator.outputs[0]
            if operator.name in ("DEQUANTIZE", "DENSIFY"):
                self.constants[out] = self._weights(operator, 0)
                continue
            value = self._rules[operator.name](operator)
            if value.shape != self.source.shapes[out] and not any(value.pad):
                raise ModelError(
                    f"{operator.name} gives {value.shape}, the file says {self.source.shapes[out]}."
                )
            self.values[out] = value

    def _value(self, operator: Operator, index: int) -> Value:
        return self.values[operator.inputs[index]]

    def _weights(self, operator: Operator, index: int) -> Array:
        values = self.constants[operator.inputs[index]]
        return values.astype(np.float32) if values.dtype.kind == "f" else values

    def _activated(self, value: Value, activation: int) -> Value:
        if activation == 0:
            return value
        if activation == RELU:
            return self.graph.wise("Relu", value)
        if activation == RELU6:
            return self.graph.relu6(value)
        raise ModelError(f"TFLite activation number {activation} is not supported.")

    def _add(self, op: Operator) -> Value:
        total = self.graph.combine("Add", self._value(op, 0), self._value(op, 1))
        activation = op.option(0, "<b")
        if activation == RELU6 and total.planar:
            total = self.graph.unchanged(total)
        return self._activated(total, activation)

    def _concatenation(self, op: Operator) -> Value:
        values = [self.values[i] for i in op.inputs]
        return self._activated(self.graph.concat(values, op.option(0)), op.option(1, "<b"))

    def _bias(self, op: Operator) -> Array | None:
        return self._weights(op, 2) if len(op.inputs) > 2 and op.inputs[2] >= 0 else None

    def _conv(self, op: Operator) -> Value:
        if (op.option(4, default=1), op.option(5, default=1)) != (1, 1):
            raise ModelError("TFLite CONV_2D with dilation is not supported.")
        weight = self._weights(op, 1).transpose(0, 3, 1, 2)
        stride, same = (op.option(2), op.option(1)), op.option(0, "<b") == 0
        value = self.graph.conv(self._value(op, 0), weight, self._bias(op), stride=stride, same=same)
        return self._activated(value, op.option(3, "<b"))

    def _depthwise(self, op: Operator) -> Value:
        if (op.option(5, default=1), op.option(6, default=1)) != (1, 1):
            raise ModelError("TFLite DEPTHWISE_CONV_2D with dilation is not supported.")
        weight, x = self._weights(op, 1).transpose(3, 0, 1, 2), self._value(op, 0)
        stride, same = (op.option(2), op.option(1)), op.option(0, "<b") == 0
        groups = x.shape[-1]
        value = self.graph.conv(x, weight, self._bias(op), stride=stride, same=same, groups=groups)
        return self._activated(value, op.option(4, "<b"))

    def _max_pool(self, op: Operator) -> Value:
        kernel, stride = (op.option(4), op.option(3)), (op.option(2), op.option(1))
        value = self.graph.max_pool(self._value(op, 0), kernel, stride=stride, same=op.option(0, "<b") == 0)
        return self._activated(value, op.option(5, "<b"))

    def _pad(self, op: Operator) -> Value:
        """Zeros around the picture wait for the next convolution; zero channels become a 1×1 convolution."""
        x, margin = self._value(op, 0), self._weights(op, 1)
        if margin.shape != (4, 2) or margin.dtype.kind != "i" or margin[0].any() or any(x.pad):
            raise ModelError("This form of TFLite's PAD is not supported.")
        (top, bottom), (left, right), (before, after) = margin[1:].tolist()
        if min(top, bottom, left, right, before, after) < 0:
            raise ModelError("TFLite PAD with negative widths is not supported.")
        if before + after == 0:
            return replace(x, pad=(top, left, bottom, right))
        if (before, top, left, bottom, right) != (0, 0, 0, 0, 0):
            raise ModelError("This form of TFLite's PAD is not supported.")
        return self.graph.conv(x, _more_channels(x.shape[3], after), None, stride=(1, 1), same=False)

    def _resize(self, op: Operator) -> Value:
        if op.option(2, "<?"):
            raise ModelError("TFLite RESIZE_BILINEAR with aligned corners is not supported.")
        rows, columns = self._weights(op, 1).tolist()
        return self.graph.resize(self._value(op, 0), (rows, columns), half_pixel=bool(op.option(3, "<?")))

    def _depth_to_space(self, op: Operator) -> Value:
        x, block = self._value(op, 0), op.option(0)
        batch, rows, columns, channels = x.shape
        if block < 1 or channels % (block * block):
            raise ModelError(f"TFLite DEPTH_TO_SPACE cannot cut {channels} channels into blocks of {block}.")
        name = self.graph.node(
            "DepthToSpace", [self.graph.stored(x, planar=True)], blocksize=block, mode="DCR"
        )
        return Value(name, (batch, rows * block, columns * block, channels // block**2), planar=True)


def _more_channels(channels: int, zeros: int) -> Array:
    """A 1×1 convolution that keeps the channels and adds zero ones: ONNX Runtime keeps its fast layout."""
    if channels + zeros > MAX_CHANNELS // 4:
        raise ModelError(f"TFLite PAD to {channels + zeros} channels is not supported.")
    return np.eye(channels + zeros, channels, dtype=np.float32)[:, :, None, None]


def convert(data: bytes, name: str, outputs: Mapping[int, str], *, planar: tuple[str, ...] = ()) -> bytes:
    """TFLite bytes → ONNX bytes with input `image` and the outputs chosen from the source's by position.

    Outputs named in `planar` are (1,C,H,W), all others keep the source's layout. Raises ModelError.
    """
    try:
        source = read(data)
        converter = Converter(source)
        (picture,) = source.inputs
        converter.values[picture] = converter.graph.input("image", source.shapes[picture])
        converter.run()
        for position, label in outputs.items():
            value = converter.values[source.outputs[position]]
            converter.graph.output(value, label, planar=label in planar)
        return converter.graph.build(name)
    except DAMAGED as error:
        raise ModelError(f"The TFLite file of {name} is damaged ({error}); pull the model again.") from error
