"""A small TensorFlow.js model, written here, against plain numpy."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.errors import ModelError
from lifting.runtime import open_network
from realtime.models.convert import tfjs

RNG = np.random.default_rng(1)
WEIGHT = RNG.normal(size=(1, 1, 3, 2)).astype(np.float16)
BIAS = RNG.normal(size=2).astype(np.float16)


def text(value: str) -> dict[str, str]:
    """A string attribute."""
    return {"s": base64.b64encode(value.encode()).decode()}


def whole(*values: int) -> dict[str, Any]:
    """A list attribute."""
    return {"list": {"i": [str(v) for v in values]}}


class Net:
    """A TFJS model under construction; its input is an int32 picture."""

    def __init__(self, *shape: int) -> None:
        dims = {"shape": {"dim": [{"size": str(n)} for n in shape]}}
        self.nodes: list[dict[str, Any]] = []
        self.weights: list[dict[str, Any]] = []
        self.data = b""
        self.node("Placeholder", "x", [], dtype={"type": "DT_INT32"}, shape=dims)

    def node(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        """Append an operator."""
        self.nodes.append({"op": op, "name": name, "input": inputs, "attr": attributes})
        return name

    def constant(self, name: str, values: np.ndarray) -> str:
        """Append a weight; float16 as TFJS stores it."""
        entry: dict[str, Any] = {"name": name, "shape": list(values.shape), "dtype": "int32"}
        if values.dtype == np.float16:
            entry |= {"dtype": "float32", "quantization": {"dtype": "float16", "original_dtype": "float32"}}
        elif values.dtype == np.float32:
            entry["dtype"] = "float32"
        self.weights.append(entry)
        self.data += values.tobytes()
        self.nodes.append({"op": "Const", "name": name, "attr": {}})
        return name

    def model(self, output: str) -> dict[str, Any]:
        """The JSON file."""
        return {
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": ["w.bin"], "weights": self.weights}],
            "signature": {"outputs": {"out:0": {"name": f"{output}:0"}}},
        }

    def convert(self, output: str) -> bytes:
        """ONNX."""
        return tfjs.convert(json.dumps(self.model(output)).encode(), self.data, "net", "out")


def decoder() -> tuple[Net, str]:
    """As MoveNet ends: the place of the strongest cell of a score map, and the features there."""
    net = Net(1, 3, 4, 3)
    picture = net.node("Cast", "float", ["x"], DstT={"type": "DT_FLOAT"}, SrcT={"type": "DT_INT32"})
    fused = {"list": {"s": [text("BiasAdd")["s"], text("Relu6")["s"]]}}
    inputs = [picture, net.constant("w", WEIGHT), net.constant("b", BIAS)]
    convolution = {"strides": whole(1, 1, 1, 1), "dilations": whole(1, 1, 1, 1), "padding": text("SAME")}
    feature = net.node(
        "_FusedConv2D", "conv", inputs, **convolution, data_format=text("NHWC"), fused_ops=fused
    )
    first, _ = net.node("Unpack", "cut", [feature], axis={"i": "3"}, num={"i": "2"}), "cut:1"
    flat = net.node("Reshape", "flat", [first, net.constant("12", np.array([12], "<i4"))])
    best = net.node("ArgMax", "best", [flat, net.constant("0", np.array(0, "<i4"))])
    four = net.constant("4", np.array(4, "<i4"))
    row = net.node("FloorDiv", "row", [best, four], T={"type": "DT_INT32"})
    skipped = net.node("Mul", "skipped", [row, four])
    column = net.node("Sub", "column", [best, skipped])
    place = net.node(
        "Pack", "place", [net.constant("zero", np.array(0, "<i4")), row, column], axis={"i": "0"}
    )
    return net, net.node("GatherNd", "there", [feature, place])


def test_decoder_finds_the_strongest_cell(tmp_path: Path) -> None:
    """Convolution, argmax, whole-number arithmetic and gathering give what numpy gives."""
    net, output = decoder()
    path = tmp_path / "net.onnx"
    path.write_bytes(net.convert(output))
    network = open_network(path)
    for _ in range(20):
        x = RNG.integers(0, 3, (1, 3, 4, 3)).astype(np.int32)
        feature = (x @ WEIGHT[0, 0].astype(np.float32) + BIAS.astype(np.float32)).clip(0, 6)
        row, column = divmod(int(feature[0, :, :, 0].argmax()), 4)
        np.testing.assert_allclose(network(image=x)["out"], feature[0, row, column], atol=1e-3)


@pytest.mark.parametrize(("weight_shape", "stride"), [((3, 3, 2, 1), 2), ((2, 2, 2, 3), 1)])
def test_depthwise_convolution(tmp_path: Path, weight_shape: tuple[int, ...], stride: int) -> None:
    """Each channel has its own kernels; with several, their outputs lie side by side."""
    net = Net(1, 6, 6, 2)
    net.node("Cast", "float", ["x"], DstT={"type": "DT_FLOAT"})
    weight = RNG.normal(size=weight_shape).astype(np.float32)
    attributes = {"strides": whole(1, stride, stride, 1), "dilations": whole(1, 1, 1, 1)}
    attributes |= {"padding": text("VALID"), "data_format": text("NHWC")}
    out = net.node("DepthwiseConv2dNative", "out", ["float", net.constant("w", weight)], **attributes)
    path = tmp_path / "net.onnx"
    path.write_bytes(net.convert(out))
    x = RNG.integers(0, 256, (1, 6, 6, 2)).astype(np.int32)
    k = weight_shape[0]
    got = open_network(path)(image=x)["out"]
    for r, c in np.ndindex(got.shape[1:3]):
        patch = x[0, r * stride : r * stride + k, c * stride : c * stride + k]
        want = np.einsum("hwc,hwcm->cm", patch, weight).reshape(-1)
        np.testing.assert_allclose(got[0, r, c], want, rtol=1e-4, atol=1e-2)


def test_arithmetic_broadcasts_in_the_source_order(tmp_path: Path) -> None:
    """A vector of channels meets a picture: ((x - m) / s)² per channel."""
    mean, spread = np.array([1, 2, 3], "<f4"), np.array([2, 4, 8], "<f4")
    net = Net(1, 2, 2, 3)
    net.node("Cast", "float", ["x"], DstT={"type": "DT_FLOAT"})
    scaled = net.node("RealDiv", "scaled", ["float", net.constant("s", spread)])
    net.node("SquaredDifference", "out", [scaled, net.constant("m", mean)])
    path = tmp_path / "net.onnx"
    path.write_bytes(net.convert("out"))
    x = RNG.integers(0, 256, (1, 2, 2, 3)).astype(np.int32)
    np.testing.assert_allclose(open_network(path)(image=x)["out"], (x / spread - mean) ** 2, rtol=1e-5)


def test_an_unknown_operator_is_named() -> None:
    """The message says which operator is missing."""
    net = Net(1, 2, 2, 3)
    net.node("Erf", "out", ["x"])
    with pytest.raises(ModelError, match="operator Erf is not supported"):
        net.convert("out")


def test_weights_must_fill_their_file() -> None:
    """A cut or too long weight file is an error."""
    net, output = decoder()
    for data in (net.data[:-1], net.data + b"\0"):
        with pytest.raises(ModelError, match=r"pull it again|damaged"):
            tfjs.convert(json.dumps(net.model(output)).encode(), data, "net", "out")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("isb"), inner, max_size=2),
    max_leaves=4,
)


def spoil(value: Any, data: st.DataObject) -> Any:
    """Replace something somewhere inside by junk."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 5)) == 0:
        return data.draw(JUNK)
    key = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    value[key] = spoil(value[key], data)
    return value


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_damaged_models_raise_nothing_but_model_error(data: st.DataObject) -> None:
    """Junk anywhere in the JSON: a network or a ModelError comes out."""
    net, output = decoder()
    model = json.dumps(spoil(net.model(output), data)).encode()
    with contextlib.suppress(ModelError):
        assert tfjs.convert(model, net.data, "net", "out")


@pytest.mark.parametrize("model", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null"])
def test_no_json(model: bytes) -> None:
    """What is no JSON object is a ModelError."""
    with pytest.raises(ModelError):
        tfjs.convert(model, b"", "net", "out")
