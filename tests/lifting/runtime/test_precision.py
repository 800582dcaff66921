"""fp16 in the graph: near the fp32 answers, smaller, with the same inputs and outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.rtmpose_size import rtmpose_size
from lifting.errors import ModelError
from lifting.runtime.compare import TOLERANCE, compare_with_onnx
from lifting.runtime.model_file import ModelFile, read_model
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.precision import to_half
from tests.lifting.runtime.conftest import dense_model, make_model


def difference(model: ModelFile) -> float:
    """Of the fp16 form from the model itself."""
    return compare_with_onnx(model, OnnxNetwork(model.name, data=to_half(model.data, model.name)))


def test_the_lifter_stays_the_lifter(lifter_path: Path) -> None:
    """Half a millimetre at most on figures of half a metre, half the bytes, same inputs, metadata kept."""
    model = read_model(lifter_path)
    half = to_half(model.data, model.name)
    assert difference(model) < 1e-3
    assert len(half) < 0.52 * len(model.data)
    network = OnnxNetwork("half", data=half)
    assert network.inputs == model.inputs
    assert network.metadata == model.metadata
    assert set(network.dtypes.values()) == {np.dtype(np.float32)}


def test_rtmpose_stays_within_the_tolerance(tmp_path: Path) -> None:
    """Convolutions, attention and norms together, one person and three."""
    path = tmp_path / "t.onnx"
    path.write_bytes(rtmpose_size("t"))
    assert difference(read_model(path)) < TOLERANCE["fp16"] / 2


def test_what_lies_outside_stays_fp32(lifter_path: Path) -> None:
    """Everything before the first and behind the last matrix product, and norms anywhere."""
    model = onnx.load_model_from_string(to_half(lifter_path.read_bytes(), "l"))
    kinds = {
        v.name: v.type.tensor_type.elem_type
        for v in onnx.shape_inference.infer_shapes(model).graph.value_info
    }
    heavy = [i for i, n in enumerate(model.graph.node) if n.op_type in ("MatMul", "Gemm")]
    outside = [*model.graph.node[: heavy[0]], *model.graph.node[heavy[-1] + 1 :]]
    for node in outside:
        if node.op_type != "Cast":
            assert all(kinds.get(name) != TensorProto.FLOAT16 for name in node.output), node.name
    for node in model.graph.node:
        if node.op_type == "LayerNormalization":
            assert kinds[node.output[0]] == TensorProto.FLOAT
        if node.op_type in ("MatMul", "Gemm"):
            assert kinds[node.output[0]] == TensorProto.FLOAT16


def test_weights_beyond_fp16_stay_fp32() -> None:
    """A matrix with numbers above 65504 keeps its product in fp32; the answers stay finite and right."""
    data = dense_model(scale=1e6).SerializeToString()
    half = to_half(data, "big")
    kinds = {w.name: w.data_type for w in onnx.load_model_from_string(half).graph.initializer}
    assert kinds["A"] == TensorProto.FLOAT
    assert "A_fp16" not in kinds


def test_an_output_from_the_middle_keeps_its_name_and_type() -> None:
    """A tensor that leaves the graph and goes on inside is cast for the outside only."""
    model = dense_model()
    model.graph.output.append(helper.make_tensor_value_info("r", TensorProto.FLOAT, ["batch", 5]))
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    exact = OnnxNetwork("a", data=model.SerializeToString())(x=x)
    half = OnnxNetwork("b", data=to_half(model.SerializeToString(), "m"))(x=x)
    for name in ("y", "r"):
        assert half[name].dtype == np.float32
        np.testing.assert_allclose(half[name], exact[name], atol=2e-2)


def test_loops_and_branches_are_refused() -> None:
    """Their insides are not converted, so the whole is left alone."""
    branch = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["b"])],
        "b",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [3])],
    )
    node = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    yes = numpy_helper.from_array(np.array(True), "yes")
    model = make_model([node], {"x": [3]}, {"y": [3]}, [yes])
    with pytest.raises(ModelError, match="fp32"):
        to_half(model.SerializeToString(), "m")
