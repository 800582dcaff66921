"""TensorFlow.js graph models → ONNX, without TensorFlow: the operators of MoveNet's single-pose networks.

A model is a JSON file (nodes in order, weights by name) and one binary file with the weights' values.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lifting.errors import ModelError
from realtime.models.convert.graph import MAX_ELEMENTS, Array, Graph, Pair, Value

DAMAGED = (ValueError, IndexError, KeyError, OverflowError, TypeError, AttributeError, binascii.Error)
"""What json, numpy and the walk below say when a damaged file makes no sense."""
DTYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32"}
ELEMENTWISE = {"Sigmoid": "Sigmoid", "Sqrt": "Sqrt", "Relu": "Relu", "Identity": "Identity"}
ARITHMETIC = {"AddV2": "Add", "Sub": "Sub", "Mul": "Mul", "RealDiv": "Div", "FloorDiv": "Div"}
Node = dict[str, Any]


def read_weights(manifest: list[Node], data: bytes) -> dict[str, Array]:
    """Weights by name; half-precision ones become float32. Raises ModelError."""
    weights: dict[str, Array] = {}
    offset = 0
    for entry in (w for group in manifest for w in group["weights"]):
        packed = entry.get("quantization", {}).get("dtype", entry["dtype"])
        if packed not in ("float16", "float32", "int32"):
            raise ModelError(f"TFJS weights of type {packed} are not supported.")
        shape = tuple(int(n) for n in entry["shape"])
        if any(n < 0 for n in shape) or np.prod(shape, dtype=float) > MAX_ELEMENTS:
            raise ModelError(f"The model has a tensor of impossible shape {shape}.")
        dtype = np.dtype(packed).newbyteorder("<")
        values = np.frombuffer(data, dtype, int(np.prod(shape, dtype=np.int64)), offset)
        offset += values.nbytes
        weights[entry["name"]] = values.astype(entry["dtype"]).reshape(shape)
    if offset != len(data):
        raise ModelError(f"The TFJS weights hold {len(data)} bytes, the model names {offset}; pull it again.")
    return weights


def _text(node: Node, key: str) -> str:
    return base64.b64decode(node["attr"][key]["s"]).decode()


def _pair(node: Node, key: str) -> Pair:
    """Rows and columns of a four-number attribute."""
    _, rows, columns, _ = (int(v) for v in node["attr"][key]["list"]["i"])
    return rows, columns


def _whole(node: Node, key: str, default: int = 0) -> int:
    return int(node["attr"].get(key, {}).get("i", default))


class Converter:
    """Walks the source's nodes in order and adds each to the graph."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.graph = Graph()
        self.values: dict[str, Value] = {}
        self._weights = weights
        self._rules: dict[str, Callable[[Node], Value]] = {
            "_FusedConv2D": self._conv,
            "FusedDepthwiseConv2dNative": self._conv,
            "DepthwiseConv2dNative": self._conv,
            "ResizeBilinear": self._resize,
            "SquaredDifference": self._squared_difference,
            "Cast": self._cast,
            "ExpandDims": self._expand,
            "Squeeze": self._squeeze,
            "Reshape": self._reshape,
            "ArgMax": self._argmax,
            "Pack": self._pack,
            "ConcatV2": self._concat,
            "GatherNd": self._gather,
            **dict.fromkeys(ELEMENTWISE, self._elementwise),
            **dict.fromkeys(ARITHMETIC, self._arithmetic),
        }

    def add(self, node: Node) -> None:
        """Convert one node. Raises ModelError for an operator that is not known."""
        kind, name = node["op"], node["name"]
        if kind == "Const":
            return
        if kind == "Placeholder":
            dims = tuple(int(d["size"]) for d in node["attr"]["shape"]["shape"]["dim"])
            self.values[name] = self.graph.input("image", dims, DTYPES[node["attr"]["dtype"]["type"]])
        elif kind == "Unpack":
            self._unpack(node)
        elif kind in self._rules:
            self.values[name] = self._rules[kind](node)
        else:
            raise ModelError(
                f"TFJS operator {kind} is not supported; known: {', '.join(sorted(self._rules))}."
            )

    def _value(self, node: Node, index: int) -> Value:
        name = node["input"][index].removesuffix(":0")
        if name in self._weights:
            return Value(self.graph.constant(self._weights[name]), self._weights[name].shape)
        return self.values[name]

    def _last(self, node: Node, index: int) -> Value:
        """An input stored as in the source, for operators that mix the axes."""
        value = self._value(node, index)
        return replace(value, name=self.graph.stored(value, planar=False), planar=False, pad=(0, 0, 0, 0))

    def _constant(self, node: Node, index: int) -> Array:
        return self._weights[node["input"][index]]

    def _conv(self, node: Node) -> Value:
        if _text(node, "data_format") != "NHWC" or _pair(node, "dilations") != (1, 1):
            raise ModelError("A TFJS convolution with dilation or channels first is not supported.")
        x, weight = self._value(node, 0), self._constant(node, 1)
        fused = [
            base64.b64decode(s).decode()
            for s in node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])
        ]
        bias = self._constant(node, 2) if "BiasAdd" in fused else None
        same, stride = _text(node, "padding") == "SAME", _pair(node, "strides")
        if "Depthwise" in node["op"]:
            rows, columns, channels, multiple = weight.shape
            weight = weight.transpose(2, 3, 0, 1).reshape(channels * multiple, 1, rows, columns)
            value = self.graph.conv(x, weight, bias, stride=stride, same=same, groups=channels)
        else:
            weight = weight.transpose(3, 2, 0, 1)
            value = self.graph.conv(x, weight, bias, stride=stride, same=same)
        for name in fused:
            value = self._activated(value, name)
        return value

    def _activated(self, value: Value, name: str) -> Value:
        if name == "BiasAdd":
            return value
        if name == "Relu":
            return self.graph.wise("Relu", value)
        if name == "Relu6":
            return self.graph.relu6(value)
        raise ModelError(f"TFJS activation {name} is not supported.")

    def _resize(self, node: Node) -> Value:
        aligned, half = (
            bool(node["attr"].get(k, {}).get("b")) for k in ("align_corners", "half_pixel_centers")
        )
        if aligned:
            raise ModelError("TFJS ResizeBilinear with aligned corners is not supported.")
        rows, columns = (int(n) for n in self._constant(node, 1))
        return self.graph.resize(self._value(node, 0), (rows, columns), half_pixel=half)

    def _elementwise(self, node: Node) -> Value:
        return self.graph.wise(ELEMENTWISE[node["op"]], self._value(node, 0))

    def _arithmetic(self, node: Node) -> Value:
        if node["op"] == "FloorDiv" and node["attr"]["T"]["type"] != "DT_INT32":
            raise ModelError("TFJS FloorDiv is supported for whole numbers only.")
        return self.graph.combine(ARITHMETIC[node["op"]], self._value(node, 0), self._value(node, 1))

    def _squared_difference(self, node: Node) -> Value:
        difference = self.graph.combine("Sub", self._value(node, 0), self._value(node, 1))
        return self.graph.combine("Mul", difference, difference)

    def _cast(self, node: Node) -> Value:
        wanted = np.dtype(DTYPES[node["attr"]["DstT"]["type"]])
        return self.graph.cast(self._value(node, 0), wanted)

    def _expand(self, node: Node) -> Value:
        x, axis = self._last(node, 0), int(self._constant(node, 1).reshape(()))
        shape = list(x.shape)
        shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
        return self.graph.reshape(x, tuple(shape))

    def _squeeze(self, node: Node) -> Value:
        x, axes = self._last(node, 0), [int(i) for i in node["attr"]["squeeze_dims"]["list"]["i"]]
        return self.graph.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))

    def _reshape(self, node: Node) -> Value:
        return self.graph.reshape(self._value(node, 0), tuple(self._constant(node, 1).tolist()))

    def _argmax(self, node: Node) -> Value:
        x, axis = self._last(node, 0), int(self._constant(node, 1).reshape(()))
        name = self.graph.node("ArgMax", [x.name], axis=axis, keepdims=0)
        places = Value(name, tuple(np.delete(x.shape, axis).tolist()))
        return self.graph.cast(places, np.dtype("int32"))

    def _unpack(self, node: Node) -> None:
        """Slices along an axis; the first goes by the node's name, others by name:number."""
        x, axis = self._last(node, 0), _whole(node, "axis")
        if x.shape[axis] != _whole(node, "num"):
            raise ModelError(f"TFJS Unpack of {x.shape} into {_whole(node, 'num')} parts is damaged.")
        shape = tuple(np.delete(x.shape, axis).tolist())
        for i in range(x.shape[axis]):
            name = self.graph.node("Gather", [x.name, self.graph.constant(np.array(i, np.int64))], axis=axis)
            self.values[f"{node['name']}:{i}" if i else node["name"]] = Value(name, shape)

    def _pack(self, node: Node) -> Value:
        axis, parts = _whole(node, "axis"), [self._last(node, i) for i in range(len(node["input"]))]
        columns = [self.graph.reshape(p, (*p.shape[:axis], 1, *p.shape[axis:])) for p in parts]
        return self.graph.concat(columns, axis)

    def _concat(self, node: Node) -> Value:
        count = len(node["input"]) - 1
        axis = int(self._constant(node, count).reshape(()))
        return self.graph.concat([self._value(node, i) for i in range(count)], axis)

    def _gather(self, node: Node) -> Value:
        x, index = self._last(node, 0), self._last(node, 1)
        name = self.graph.node("GatherND", [x.name, self.graph.cast(index, np.dtype("int64")).name])
        return Value(name, (*index.shape[:-1], *x.shape[index.shape[-1] :]))


def convert(model: bytes, weights: bytes, name: str, output: str) -> bytes:
    """TFJS model (JSON) and weights → ONNX bytes with input `image` and one output. Raises ModelError."""
    try:
        source = json.loads(model)
        converter = Converter(read_weights(source["weightsManifest"], weights))
        for node in source["modelTopology"]["node"]:
            converter.add(node)
        (last,) = source["signature"]["outputs"].values()
        converter.graph.output(converter.values[last["name"].removesuffix(":0")], output)
        return converter.graph.build(name)
    except RecursionError as error:
        raise ModelError(f"The TFJS file of {name} is nested too deeply; pull the model again.") from error
    except DAMAGED as error:
        raise ModelError(f"The TFJS file of {name} is damaged ({error}); pull the model again.") from error
