"""An ONNX graph as a torch module, so that every network of ours can run, be compiled and be traced in torch.

The weights are the file's; nothing is retrained or renamed. What depends on shapes alone is worked out once,
on the processor, for inputs of given shapes: `settle`. After that `forward` is tensor operators only, on one
device, without a branch, which is what compilers and CUDA graphs want.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from lifting.errors import ModelError
from lifting.runtime.model_file import at_least
from lifting.runtime.torch_ops import STATIC
from lifting.runtime.torch_table import OPERATORS

OLDEST_OPSET = 13


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    inputs: tuple[str, ...]
    """Names; empty for one that is left out."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class OnnxModule(nn.Module):
    """The operators of a graph in order, its weights as buffers."""

    def __init__(self, model: onnx.ModelProto, name: str) -> None:
        """Raises ModelError naming the operators that this engine does not know."""
        super().__init__()
        self._name = name
        model = at_least(model, OLDEST_OPSET, name)
        self._nodes = [_node(n) for n in model.graph.node if n.op_type != "Constant"]
        self._check(model)
        self._known = _constants(model)
        """Weights and constants, and after `settle` what follows from shapes, as numpy arrays."""
        for key, array in self._known.items():
            if np.issubdtype(array.dtype, np.floating):
                self.register_buffer(_slot(key), torch.from_numpy(array.copy()), persistent=False)
        self._settled: dict[str, np.ndarray] = {}
        weights = {w.name for w in model.graph.initializer}
        self.input_names = tuple(i.name for i in model.graph.input if i.name not in weights)
        self.output_names = tuple(o.name for o in model.graph.output)

    @torch.no_grad()
    def settle(self, inputs: Mapping[str, Tensor]) -> None:
        """Work out everything that hangs on the shapes of these inputs alone."""
        self._settled = {k: v for k, v in self._known.items() if not np.issubdtype(v.dtype, np.floating)}
        for name in [n for n, _ in self.named_buffers() if n.startswith("fixed_")]:
            delattr(self, name)
        values: dict[str, Tensor] = dict(inputs)
        for node in self._nodes:
            if self._is_static(node):
                self._settle_node(node, values)
            else:
                self._run_node(node, values)
        for key in self._needed_as_tensors():
            fixed = torch.from_numpy(np.array(self._settled[key]))
            self.register_buffer(_slot(key, "fixed"), fixed.to(self._device()), persistent=False)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Inputs in the order of `input_names`, of the shapes settled on; outputs likewise."""
        values = dict(zip(self.input_names, inputs, strict=True))
        for node in self._nodes:
            if node.outputs[0] not in self._settled:
                self._run_node(node, values)
        return tuple(self._tensor(name, values) for name in self.output_names)

    def _check(self, model: onnx.ModelProto) -> None:
        foreign = {n.domain for n in model.graph.node} - {"", "ai.onnx"}
        unknown = {n.kind for n in self._nodes} - {*OPERATORS, "Shape"}
        if unknown or foreign:
            names = ", ".join(sorted(unknown | foreign))
            raise ModelError(f"{self._name} uses {names}, which the torch engine does not know.")

    def _is_static(self, node: _Node) -> bool:
        return node.kind in ("Shape", "ConstantOfShape") or all(n in self._settled for n in node.inputs if n)

    def _settle_node(self, node: _Node, values: Mapping[str, Tensor]) -> None:
        """Its outputs become numpy arrays."""
        if node.kind == "Shape":
            shape = (
                values[node.inputs[0]].shape
                if node.inputs[0] in values
                else self._array(node.inputs[0]).shape
            )
            chosen = slice(node.attributes.get("start", 0), node.attributes.get("end"))
            self._settled[node.outputs[0]] = np.array(shape[chosen], np.int64)
            return
        places = STATIC.get(node.kind, ())
        given = [
            None if not n else self._array(n) if k in places else torch.from_numpy(np.array(self._array(n)))
            for k, n in enumerate(node.inputs)
        ]
        for name, tensor in zip(node.outputs, self._operate(node, given), strict=False):
            self._settled[name] = tensor.numpy()

    def _run_node(self, node: _Node, values: dict[str, Tensor]) -> None:
        given = [
            None if not name else self._array(name) if self._is_fixed(node, k) else self._tensor(name, values)
            for k, name in enumerate(node.inputs)
        ]
        values.update(zip(node.outputs, self._operate(node, given), strict=False))

    def _operate(self, node: _Node, given: list[Any]) -> tuple[Tensor, ...]:
        try:
            out = OPERATORS[node.kind](node.attributes, *given)
        except (RuntimeError, IndexError, TypeError, ModelError) as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{self._name} could not run: {node.kind}: {text}") from error
        return out if isinstance(out, tuple) else (out,)

    def _is_fixed(self, node: _Node, place: int) -> bool:
        """Whether this input is wanted, and known, as an array; rows to gather are wanted as a tensor."""
        name = node.inputs[place]
        if place not in STATIC.get(node.kind, ()) or not (name in self._settled or name in self._known):
            return False
        return node.kind != "Gather" or self._array(name).ndim == 0

    def _array(self, name: str) -> np.ndarray:
        return self._settled[name] if name in self._settled else self._known[name]

    def _tensor(self, name: str, values: Mapping[str, Tensor]) -> Tensor:
        """A computed tensor, a weight, or a settled value on the device."""
        if name in values:
            return values[name]
        for kind in ("weight", "fixed"):
            found = self._buffers.get(_slot(name, kind))
            if found is not None:
                return found
        return torch.from_numpy(np.array(self._array(name))).to(self._device())

    def _needed_as_tensors(self) -> set[str]:
        """Settled values that operators at work read, or that are outputs."""
        read = set(self.output_names)
        for node in self._nodes:
            if node.outputs[0] not in self._settled:
                read.update(name for k, name in enumerate(node.inputs) if not self._is_fixed(node, k))
        return {name for name in read if name in self._settled}

    def _device(self) -> torch.device:
        return next((b.device for b in self.buffers()), torch.device("cpu"))


def _slot(name: str, kind: str = "weight") -> str:
    """A buffer's name may hold no dots."""
    return f"{kind}_{name}".replace(".", "·")


def _node(node: onnx.NodeProto) -> _Node:
    attributes = {a.name: _value(a) for a in node.attribute}
    if node.op_type == "Split":
        attributes["outputs"] = len(node.output)
    return _Node(node.op_type, tuple(node.input), tuple(node.output), attributes)


def _value(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Initialisers, and Constant nodes of any form."""
    out = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            value = _value(node.attribute[0])
            exact = np.float32 if node.attribute[0].name.startswith("value_float") else None
            out[node.output[0]] = np.asarray(value, exact)
    return out
