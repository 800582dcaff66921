"""An ONNX file as every engine gets it: read with a limit, in one piece, its inputs and metadata known.

A model may name other files for its weights, by any path. Engines would follow such names, so models that
have any are refused before an engine sees them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx.version_converter
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from lifting.errors import ModelError

MAX_BYTES = 512 << 20

Shape = tuple[int | str | None, ...]
Prepare = Callable[[bytes], bytes]
"""Changes a model before an engine gets it: a front that crops, a tail that decodes."""


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A checked model and what it says about itself."""

    name: str
    """File name, for messages."""
    data: bytes
    inputs: Mapping[str, Shape]
    """Input names in order, with shapes; symbolic axes are strings, unknown ones None."""
    outputs: tuple[str, ...]
    metadata: Mapping[str, str]
    jumps: frozenset[str] = frozenset()
    """Outputs made from the place of a largest value: between two equal peaks they jump for nothing."""

    def check(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Raises ModelError unless names and shapes of `arrays` are those of the inputs."""
        if set(arrays) != set(self.inputs):
            raise ModelError(f"{self.name} takes {', '.join(self.inputs)}, not {', '.join(arrays)}.")
        for name, shape in self.inputs.items():
            got = arrays[name].shape
            fixed = (a == b for a, b in zip(shape, got, strict=False) if isinstance(a, int))
            if len(got) != len(shape) or not all(fixed):
                raise ModelError(f"{self.name} takes {name} {shape}, not {got}.")

    @property
    def sha256(self) -> str:
        """Of what the engine gets, after any preparation."""
        return hashlib.sha256(self.data).hexdigest()


def read_model(path: Path, prepare: Prepare | None = None) -> ModelFile:
    """Read and check the ONNX file at `path`. Raises ModelError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES >> 20} MiB; this is no model of ours.")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read the model {path}: {error.strerror}.") from error
    model = parse_model(data, path.name)
    if prepare is not None:
        data = prepare(data)
        model = parse_model(data, path.name)
    return ModelFile(
        name=path.name,
        data=data,
        inputs={i.name: _shape(i) for i in _real_inputs(model)},
        outputs=tuple(o.name for o in model.graph.output),
        metadata={p.key: p.value for p in model.metadata_props},
        jumps=_jumping(model),
    )


def _jumping(model: onnx.ModelProto) -> frozenset[str]:
    reached: set[str] = set()
    for node in model.graph.node:
        if node.op_type in ("ArgMax", "ArgMin", "TopK") or reached.intersection(node.input):
            reached.update(node.output)
    return frozenset(o.name for o in model.graph.output if o.name in reached)


def parse_model(data: bytes, name: str) -> onnx.ModelProto:
    """Bytes to a model without weights in other files. Raises ModelError."""
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelError(f"{name} is not a usable ONNX model: {error}.") from error
    if not model.graph.node:
        raise ModelError(f"{name} is not a usable ONNX model: it has no operators.")
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ModelError(
                f"{name} keeps weights in other files, which is refused. Save it in one piece: "
                f"onnx.save(model, file, save_as_external_data=False)"
            )
    return model


def at_least(model: onnx.ModelProto, opset: int, name: str) -> onnx.ModelProto:
    """The same model in the words of this opset, where it is older. Raises ModelError where that fails."""
    own = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if own >= opset:
        return model
    try:
        return onnx.version_converter.convert_version(model, opset)
    except (RuntimeError, ValueError) as error:  # ONNX's ConvertError is a RuntimeError
        reason = str(error).splitlines()[0][:200] if str(error) else "no reason given"
        raise ModelError(f"{name} has opset {own}, and cannot be raised to {opset}: {reason}") from error


def _real_inputs(model: onnx.ModelProto) -> Iterator[onnx.ValueInfoProto]:
    """Old exports list their weights among the inputs."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return (value for value in model.graph.input if value.name not in weights)


def _shape(value: onnx.ValueInfoProto) -> Shape:
    axes = value.type.tensor_type.shape.dim
    return tuple(axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None for axis in axes)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor stored in a graph, its nodes and their subgraphs."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("sparse_tensor"):
                yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
            subgraphs = [attribute.g] if attribute.HasField("g") else []
            for subgraph in (*subgraphs, *attribute.graphs):
                yield from _tensors(subgraph)
