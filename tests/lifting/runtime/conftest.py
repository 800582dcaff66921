"""Networks for the tests of engines: the packaged lifter, and small ones made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

LIFTER = Path(__file__).resolve().parents[3] / "lifting" / "weights" / "lifter-small.onnx"


@pytest.fixture
def lifter_path() -> Path:
    """The packaged lifter."""
    return LIFTER


@pytest.fixture
def dense_path(tmp_path: Path) -> Path:
    """y = relu(x A) B for any number of people; 6 numbers in, 3 out."""
    path = tmp_path / "dense.onnx"
    onnx.save(dense_model(), path)
    return path


def dense_model(scale: float = 1.0, seed: int = 0) -> onnx.ModelProto:
    """A network of two matrix products; `scale` multiplies the first matrix."""
    rng = np.random.default_rng(seed)
    nodes = [
        helper.make_node("MatMul", ["x", "A"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "B"], ["y"], name="second"),
    ]
    weights = [
        numpy_helper.from_array((scale * rng.normal(size=(6, 5))).astype(np.float32), "A"),
        numpy_helper.from_array(rng.normal(size=(5, 3)).astype(np.float32), "B"),
    ]
    return make_model(nodes, {"x": ["batch", 6]}, {"y": ["batch", 3]}, weights)


def make_model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int | str]],
    outputs: dict[str, list[int | str]],
    weights: list[TensorProto] | None = None,
    opset: int = 18,
) -> onnx.ModelProto:
    """A checked model of fp32 inputs and outputs."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        weights or [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.checker.check_model(model)
    return model
