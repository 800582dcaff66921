"""fp32 → fp16 in the ONNX graph itself, where the engine cannot choose types for us any more.

What lies between the first and the last heavy operator (convolution, matrix product) becomes fp16, weights
and all. Before and behind it are geometry, normalisation and decoding, whose numbers are larger or must be
finer, so they stay fp32; and so do, in between, sums, powers and norms, whose intermediate values leave the
range of fp16 (65504) or lose small terms. Inputs and outputs keep their types.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lifting.errors import ModelError
from lifting.runtime.model_file import parse_model

HEAVY = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
HALF = HEAVY | {
    "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "DepthToSpace", "Div", "Erf", "Expand",
    "Flatten", "Gather", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity",
    "LeakyRelu", "Max", "MaxPool", "Min", "Mul", "Neg", "PRelu", "Pad", "Relu", "Reshape", "Sigmoid",
    "Slice", "Split", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip
"""Operators that may work in fp16; all others stay fp32."""
LARGEST = 65504.0


def to_half(data: bytes, name: str) -> bytes:
    """The model with fp16 inside. Raises ModelError for control flow, whose insides are not converted."""
    model = parse_model(data, name)
    if any(a.HasField("g") or a.graphs for node in model.graph.node for a in node.attribute):
        raise ModelError(f"{name} has loops or branches and cannot become fp16; take --precision fp32.")
    _constants_to_weights(model.graph)
    floats = _float_tensors(model)
    half = _half_nodes(model.graph, floats)
    _Converter(model.graph, floats, half).convert()
    onnx.checker.check_model(model)
    converted: bytes = model.SerializeToString()
    return converted


def _constants_to_weights(graph: onnx.GraphProto) -> None:
    """Constant nodes that hold a tensor become initialisers, so that there is one kind of them."""
    for node in [n for n in graph.node if n.op_type == "Constant" and n.attribute[0].name == "value"]:
        weight = graph.initializer.add()
        weight.CopyFrom(node.attribute[0].t)
        weight.name = node.output[0]
        graph.node.remove(node)


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    """Names of all fp32 tensors."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.input, *graph.output, *graph.value_info)
    names = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    return names | {w.name for w in graph.initializer if w.data_type == TensorProto.FLOAT}


def _half_nodes(graph: onnx.GraphProto, floats: set[str]) -> set[int]:
    """Positions of the nodes that become fp16: between two heavy ones, of a kind that bears it."""
    nodes = list(enumerate(graph.node))
    between = _downstream(nodes) & _upstream(nodes)
    weights = {w.name: w for w in graph.initializer}
    return {i for i, n in nodes if i in between and n.op_type in HALF and _fits(n, weights, floats)}


def _downstream(nodes: list[tuple[int, onnx.NodeProto]]) -> set[int]:
    """Heavy nodes and all that depends on one."""
    reached: set[str] = set()
    out = set()
    for i, node in nodes:
        if node.op_type in HEAVY or reached.intersection(node.input):
            out.add(i)
            reached.update(node.output)
    return out


def _upstream(nodes: list[tuple[int, onnx.NodeProto]]) -> set[int]:
    """Heavy nodes and all on which one depends."""
    needed: set[str] = set()
    out = set()
    for i, node in reversed(nodes):
        if node.op_type in HEAVY or needed.intersection(node.output):
            out.add(i)
            needed.update(node.input)
    return out


def _fits(node: onnx.NodeProto, weights: dict[str, TensorProto], floats: set[str]) -> bool:
    """Whether it works on fp32 numbers now, and all its weights are in the range of fp16."""
    touched = [name for name in (*node.input, *node.output) if name in floats]
    own = [numpy_helper.to_array(weights[n]) for n in node.input if n in weights and n in floats]
    return bool(touched) and all(np.abs(w).max(initial=0.0) <= LARGEST for w in own)


class _Converter:
    """Rewrites the nodes of a graph in order, with casts where the two worlds meet."""

    def __init__(self, graph: onnx.GraphProto, floats: set[str], half: set[int]) -> None:
        self._graph, self._floats, self._half = graph, floats, half
        self._weights = {w.name: w for w in graph.initializer}
        self._outputs = {o.name for o in graph.output}
        self._now_half: set[str] = set()
        """Tensors that nodes put out as fp16, under their old names."""
        self._cast: dict[tuple[str, int], str] = {}
        self._nodes: list[onnx.NodeProto] = []

    def convert(self) -> None:
        """Change the graph in place."""
        for i, node in enumerate(self._graph.node):
            changed = onnx.NodeProto()
            changed.CopyFrom(node)
            kind = TensorProto.FLOAT16 if i in self._half else TensorProto.FLOAT
            changed.input[:] = [self._as(name, kind) for name in node.input]
            self._nodes.append(changed)
            if i in self._half:
                self._put_out(changed)
        del self._graph.node[:], self._graph.value_info[:]
        self._graph.node.extend(self._nodes)
        self._drop_unused()

    def _put_out(self, node: onnx.NodeProto) -> None:
        """Its fp32 outputs are fp16 now; what leaves the graph is cast back under its old name."""
        for k, name in enumerate(node.output):
            if name not in self._floats:
                continue
            self._now_half.add(name)
            if name in self._outputs:
                node.output[k] = f"{name}_fp16"
                self._cast[name, TensorProto.FLOAT16] = node.output[k]
                self._nodes.append(_cast_node(node.output[k], name, TensorProto.FLOAT))
                self._now_half.discard(name)

    def _as(self, name: str, kind: int) -> str:
        """A name under which the tensor `name` is of this kind."""
        is_half = name in self._now_half
        if name not in self._floats or is_half == (kind == TensorProto.FLOAT16):
            return name
        if (name, kind) not in self._cast:
            self._cast[name, kind] = (
                self._half_weight(name) if name in self._weights else self._casted(name, kind)
            )
        return self._cast[name, kind]

    def _casted(self, name: str, kind: int) -> str:
        new = f"{name}_{'fp16' if kind == TensorProto.FLOAT16 else 'fp32'}"
        self._nodes.append(_cast_node(name, new, kind))
        return new

    def _half_weight(self, name: str) -> str:
        values = numpy_helper.to_array(self._weights[name]).astype(np.float16)
        self._graph.initializer.append(numpy_helper.from_array(values, f"{name}_fp16"))
        return f"{name}_fp16"

    def _drop_unused(self) -> None:
        used = {name for node in self._graph.node for name in node.input} | self._outputs
        for weight in [w for w in self._graph.initializer if w.name not in used]:
            self._graph.initializer.remove(weight)


def _cast_node(source: str, target: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"cast_{target}", to=kind)
