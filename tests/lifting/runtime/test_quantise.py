"""int8 with explicit Q/DQ: where the nodes stand, and how far the answers move."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lifting.errors import ConfigError, ModelError
from lifting.runtime.compare import TOLERANCE, largest_difference
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.quantise import FEWEST_SAMPLES, Sample, to_int8
from tests.lifting.runtime.conftest import dense_model, make_model

RNG = np.random.default_rng(3)
CONVOLUTIONS = 4


@pytest.fixture
def network() -> bytes:
    """Four convolutions with ReLU between, for any number of pictures."""
    nodes, weights, x = [], [], "x"
    for i in range(CONVOLUTIONS):
        channels = 3 if i == 0 else 8
        weights.append(
            numpy_helper.from_array(RNG.normal(0, 0.3, (8, channels, 3, 3)).astype(np.float32), f"w{i}")
        )
        nodes.append(helper.make_node("Conv", [x, f"w{i}"], [f"c{i}"], name=f"conv{i}", pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"], name=f"relu{i}"))
        x = f"r{i}"
    out = {x: ["people", 8, 16, 12]}
    data: bytes = make_model(nodes, {"x": ["people", 3, 16, 12]}, out, weights).SerializeToString()
    return data


def samples(count: int) -> list[Sample]:
    """Pictures of one or two people."""
    return [{"x": RNG.normal(size=(1 + i % 2, 3, 16, 12)).astype(np.float32)} for i in range(count)]


def test_the_middle_is_int8_and_near(network: bytes) -> None:
    """First and last convolution see fp32; zero points are 0, as TensorRT wants them; answers are near."""
    data = to_int8(network, "net", samples(FEWEST_SAMPLES))
    model = onnx.load_model_from_string(data)
    made = {name: node for node in model.graph.node for name in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    quantised = {n.name for n in convolutions if n.input[1] in made}
    assert quantised == {"conv1", "conv2"}
    zeros = {n.input[2] for n in model.graph.node if n.op_type.endswith("zeLinear") and len(n.input) == 3}
    points = [w for w in model.graph.initializer if w.name in zeros]
    assert points
    assert all(w.data_type == TensorProto.INT8 and not numpy_helper.to_array(w).any() for w in points)
    asked = samples(1)[0]
    exact, got = OnnxNetwork("fp32", data=network)(**asked), OnnxNetwork("int8", data=data)(**asked)
    assert 0 < largest_difference(exact, got) < TOLERANCE["int8"]


def test_the_log_is_as_it_was(network: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """ONNX Runtime's advice is not the user's business, and other messages come again afterwards."""
    before = logging.root.level
    to_int8(network, "net", samples(FEWEST_SAMPLES))
    assert logging.root.level == before
    assert not caplog.records


def test_too_little_to_calibrate_on(network: bytes) -> None:
    """A scale from a handful of crops is no scale."""
    with pytest.raises(ConfigError, match="--calibration-video"):
        to_int8(network, "net", samples(FEWEST_SAMPLES - 1))


def test_nothing_to_quantise(tmp_path: Path) -> None:
    """Between the first and the last of two products lies none."""
    sample: Sample = {"x": np.ones((1, 6), np.float32)}
    with pytest.raises(ModelError, match="take --precision fp16"):
        to_int8(dense_model().SerializeToString(), "dense", [sample] * FEWEST_SAMPLES)
