"""ONNX in torch: every operator and every network of ours gives ONNX Runtime's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch.fx.experimental.proxy_tensor import make_fx

from benchmarks.rtmpose_size import rtmpose_size
from lifting.errors import DeviceError, ModelError
from lifting.runtime.compare import compare_with_onnx
from lifting.runtime.model_file import parse_model, read_model
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.torch import TorchNetwork
from lifting.runtime.torch_graph import OnnxModule
from lifting.runtime.torch_table import OPERATORS
from realtime.detectors.device_graph import with_crop_and_peaks
from tests.lifting.runtime.conftest import make_model
from tests.lifting.runtime.fake_torch_gpu import FakeTorchCuda

RNG = np.random.default_rng(5)


def ints(*values: int) -> np.ndarray:
    """A shape or axes."""
    return np.array(values, np.int64)


def floats(*shape: int) -> np.ndarray:
    """Random weights."""
    return RNG.normal(size=shape).astype(np.float32)


X = (2, 4, 6, 5)
CASES: list[tuple[str, dict[str, Any], tuple[np.ndarray, ...]]] = [
    ("Conv", {"pads": [1, 0, 2, 1], "strides": [2, 1]}, (floats(3, 4, 3, 2), floats(3))),
    ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2], "group": 4}, (floats(4, 1, 3, 3),)),
    ("Conv", {"auto_pad": "SAME_LOWER"}, (floats(3, 4, 2, 2),)),
    ("ConvTranspose", {"strides": [2, 2], "pads": [1, 1, 1, 1]}, (floats(4, 3, 3, 3),)),
    ("MaxPool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}, ()),
    ("MaxPool", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}, ()),
    ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, ()),
    ("AveragePool", {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0], "count_include_pad": 1}, ()),
    ("GlobalAveragePool", {}, ()),
    ("GlobalMaxPool", {}, ()),
    ("BatchNormalization", {}, (floats(4), floats(4), floats(4), np.abs(floats(4)))),
    ("LayerNormalization", {"axis": -1}, (floats(5), floats(5))),
    ("Softmax", {"axis": 1}, ()),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}, ()),
    ("HardSwish", {}, ()),
    ("LeakyRelu", {"alpha": 0.2}, ()),
    ("PRelu", {}, (floats(4, 1, 1),)),
    ("Elu", {}, ()),
    ("Erf", {}, ()),
    ("Clip", {}, (np.float32(-0.5), np.float32(0.7))),
    ("Reshape", {}, (ints(0, -1, 5),)),
    ("Transpose", {"perm": [0, 2, 3, 1]}, ()),
    ("Flatten", {"axis": 2}, ()),
    ("Slice", {}, (ints(1, 0), ints(5, 9), ints(2, 3), ints(2, 3))),
    ("Slice", {}, (ints(-1), ints(-1000), ints(2), ints(-2))),
    ("Slice", {}, (ints(4, 3), ints(0, -5), ints(2, 3), ints(-1, -1))),
    ("Slice", {}, (ints(-3), ints(-1), ints(-1))),
    ("Gather", {"axis": 1}, (ints(3, -1, 0),)),
    ("Gather", {"axis": 2}, (np.array(-2),)),
    ("Gather", {"axis": 0}, (np.array([[0, 1], [1, 0]]),)),
    ("Unsqueeze", {}, (ints(0, 3),)),
    ("Expand", {}, (ints(3, 1, 4, 1, 5),)),
    ("Tile", {}, (ints(1, 2, 1, 3),)),
    ("Pad", {}, (ints(0, 0, 1, 2, 0, 0, 0, 1), np.array(0.5, np.float32))),
    ("Pad", {"mode": "edge"}, (ints(0, 0, 1, 2, 0, 0, 0, 1),)),
    ("Pad", {"mode": "reflect"}, (ints(0, 0, 1, 2, 0, 0, 0, 1),)),
    ("ReduceMean", {"keepdims": 0}, (ints(1, -1),)),
    ("ReduceSum", {}, (ints(2),)),
    ("ReduceSum", {"noop_with_empty_axes": 1}, ()),
    ("ReduceL2", {}, (ints(3),)),
    ("ReduceL1", {"keepdims": 0}, (ints(0),)),
    ("ReduceMax", {}, (ints(1, 2),)),
    ("ReduceMin", {}, ()),
    ("DepthToSpace", {"blocksize": 2}, ()),
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, ()),
    ("Resize", {"mode": "linear"}, (np.float32([]), np.float32([1, 1, 2, 2]))),
    (
        "Resize",
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        (np.float32([]), np.float32([]), ints(2, 4, 9, 7)),
    ),
    (
        "Resize",
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        (np.float32([]), np.float32([1, 1, 2, 2])),
    ),
    ("Einsum", {"equation": "nchw,cd->ndhw"}, (floats(4, 3),)),
    ("MatMul", {}, (floats(5, 3),)),
    ("Div", {}, (floats(4, 1, 1),)),
    ("Pow", {}, (np.float32(2),)),
    ("Max", {}, (floats(5), floats(6, 1))),
    ("Sum", {}, (floats(5), floats(6, 1))),
    (
        "GridSample",
        {"mode": "linear", "padding_mode": "zeros", "align_corners": 1},
        (RNG.uniform(-1.2, 1.2, (2, 3, 3, 2)).astype(np.float32),),
    ),
    (
        "GridSample",
        {"mode": "linear", "padding_mode": "border"},
        (RNG.uniform(-1.2, 1.2, (2, 3, 3, 2)).astype(np.float32),),
    ),
]


@pytest.mark.parametrize(
    ("kind", "attributes", "weights"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_an_operator_gives_onnx_runtimes_numbers(
    tmp_path: Path, kind: str, attributes: dict[str, Any], weights: tuple[np.ndarray, ...]
) -> None:
    """On random numbers; an open first axis stays open."""
    names = [f"w{i}" for i in range(len(weights))]
    tensors = [numpy_helper.from_array(np.asarray(w), n) for w, n in zip(weights, names, strict=True)]
    node = helper.make_node(kind, ["x", *names], ["y"], **attributes)
    path = tmp_path / "m.onnx"
    inputs = {"x": [2, *X[1:]]}
    onnx.save(make_model([node], inputs, {"y": ["a"] * rank(node, inputs, tensors)}, tensors, opset=20), path)
    x = floats(*X)
    got, expected = TorchNetwork(path)(x=x)["y"], OnnxNetwork(path)(x=x)["y"]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def rank(node: onnx.NodeProto, inputs: dict[str, list[Any]], tensors: list[onnx.TensorProto]) -> int:
    """Axes of the node's answer."""
    model = make_model([node], inputs, {}, tensors, opset=20)
    graph = onnx.shape_inference.infer_shapes(model).graph
    return len(graph.value_info[0].type.tensor_type.shape.dim)


def test_the_lifter_is_the_same(lifter_path: Path) -> None:
    """1e-4 m is asked; it is a thousand times nearer."""
    assert compare_with_onnx(read_model(lifter_path), TorchNetwork(lifter_path)) < 1e-6


def test_rtmpose_is_the_same(tmp_path: Path) -> None:
    """Convolutions, attention and norms."""
    path = tmp_path / "t.onnx"
    path.write_bytes(rtmpose_size("t"))
    assert compare_with_onnx(read_model(path), TorchNetwork(path)) < 1e-4


@pytest.mark.models
@pytest.mark.parametrize("name", ["blazepose-full", "blazepose-search", "movenet-lightning"])
def test_pulled_detectors_are_the_same(name: str) -> None:
    """Every kind of network in the store."""
    from realtime.models.store import is_pulled, model_path

    if not is_pulled(name):
        pytest.skip(f"sealcap models pull {name}")
    path = model_path(name)
    assert compare_with_onnx(read_model(path), TorchNetwork(path)) < 1e-4


@pytest.mark.parametrize("people", [1, 3, 5, 16])
def test_any_number_of_people(dense_path: Path, people: int) -> None:
    """Padding to the next size never shows."""
    x = floats(people, 6)
    got = TorchNetwork(dense_path)(x=x)["y"]
    np.testing.assert_allclose(got, OnnxNetwork(dense_path)(x=x)["y"], atol=1e-5)


def test_half_precision_is_near(dense_path: Path) -> None:
    """fp16 in torch is that of `precision`."""
    network = TorchNetwork(dense_path, precision="fp16")
    assert 0 < compare_with_onnx(read_model(dense_path), network) < 1e-2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": floats(1, 6)}, "takes x, not z"),
        ({"x": floats(1, 5)}, r"takes x \('batch', 6\), not \(1, 5\)"),
        ({"x": floats(17, 6)}, "up to 16 people"),
    ],
)
def test_arrays_that_do_not_fit(dense_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    """Names, shapes, numbers of people."""
    with pytest.raises(ModelError, match=message):
        TorchNetwork(dense_path)(**arrays)


def test_unknown_operators_are_named(tmp_path: Path) -> None:
    """When the file is opened, not at the first frame."""
    path = tmp_path / "m.onnx"
    onnx.save(make_model([helper.make_node("Det", ["x"], ["y"])], {"x": [3, 3]}, {"y": []}), path)
    with pytest.raises(ModelError, match="uses Det"):
        TorchNetwork(path)


def test_without_a_gpu_cuda_is_an_error(dense_path: Path) -> None:
    """Which the chain turns into the next engine."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(DeviceError, match="sees no NVIDIA GPU"):
        TorchNetwork(dense_path, device="cuda")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_graph_answers_what_it_is_asked_now(
    lifter_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never the answer of the call before, for any number of people."""
    gpu = FakeTorchCuda()
    gpu.install(monkeypatch)
    network, exact = TorchNetwork(lifter_path, graphs=True, precision=precision), OnnxNetwork(lifter_path)
    for people in (1, 1, 3, 1, 3):
        asked = {
            "keypoints": RNG.uniform(0, 1, (people, 9, 21, 3)).astype(np.float32),
            "gravity": RNG.uniform(0, 1, (people, 4)).astype(np.float32),
        }
        got, expected = network(**asked)["joints"], exact(**asked)["joints"]
        np.testing.assert_allclose(got, expected, atol={"fp32": 1e-5, "fp16": 5e-3}[precision])
    assert gpu.replays == 5
    assert set(gpu.modes) == {"thread_local"}


@pytest.mark.parametrize("refined", [False, True])
def test_a_cropping_network_reads_nothing_from_main_memory(tmp_path: Path, refined: bool) -> None:
    """In a capture that is an error: after settling, RTMPose with crop and peaks reads its buffers only."""
    module = OnnxModule(
        parse_model(with_crop_and_peaks(rtmpose_size("t"), between_bins=refined), "t"), "rtmpose"
    )
    frame = torch.from_numpy(RNG.integers(0, 256, (90, 160, 3)).astype(np.uint8))
    inputs = (frame, torch.rand(2, 2, 3))
    module.settle(dict(zip(module.input_names, inputs, strict=True)))
    traced = make_fx(module)(*inputs)
    assert not [n for n in traced.graph.nodes if "lift_fresh" in str(n.target)]
    buffers = {id(b) for b in module.buffers()}
    constants = [n for n in traced.graph.nodes if n.op == "get_attr"]
    assert constants
    assert all(id(getattr(traced, str(n.target))) in buffers for n in constants)


def test_nothing_is_left_to_shapes_after_settling(lifter_path: Path) -> None:
    """A compiler sees tensor operators only: the lifter traced has no constants made on the way."""
    model = onnx.load(lifter_path)
    module = OnnxModule(model, "lifter")
    inputs = (torch.rand(2, 9, 21, 3), torch.rand(2, 4))
    module.settle(dict(zip(module.input_names, inputs, strict=True)))
    traced = make_fx(module)(*inputs)
    made = [n for n in traced.graph.nodes if n.op == "get_attr" and "tensor_constant" in str(n.target)]
    copied = [n for n in traced.graph.nodes if "lift_fresh" in str(n.target)]
    assert len(copied) == 0, copied
    weights = {id(b) for b in module.buffers()}
    assert all(id(getattr(traced, str(n.target))) in weights for n in made)
    assert {*OPERATORS} >= {n.op_type for n in model.graph.node} - {"Shape"}


@pytest.mark.real
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
def test_compiled_is_the_same(dense_path: Path) -> None:
    """torch.compile of the traced graph; on the processor it needs a C++ compiler."""
    network = TorchNetwork(dense_path, compiled=True)
    assert compare_with_onnx(read_model(dense_path), network) < 1e-5
