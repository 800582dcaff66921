"""Crop and peaks inside the network against the ones outside it, on the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.rtmpose_size import rtmpose_size
from lifting.errors import ModelError
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.torch import TorchNetwork
from realtime.data import Frame
from realtime.detectors import Estimate, Region, estimate_all
from realtime.detectors.crop import crop_rgb, picture_from_crop
from realtime.detectors.device_graph import FRAME, MATRIX, with_crop_and_peaks
from realtime.detectors.rtmpose import MEAN_RGB, STD_RGB, RtmPose
from realtime.detectors.rtmpose_device import RtmPoseOnDevice
from realtime.sources.synthetic import SyntheticSource
from realtime.tracking import Tracker

W, H = 192, 256
REGIONS = [Region(320, 240, 400), Region(50.3, 400.7, 333.3), Region(600, 20, 150), Region(-50, -60, 300)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of RTMPose's build."""
    path = tmp_path_factory.mktemp("net") / "t.onnx"
    path.write_bytes(rtmpose_size("t"))
    return path


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A rendered room with a figure, and noise on it: edges, planes and the worst case."""
    image = next(SyntheticSource(size=(640, 480)).frames()).image
    noise = np.random.default_rng(0).integers(-12, 13, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("region", REGIONS)
def test_the_crop_is_that_of_opencv(path: Path, picture: np.ndarray, region: Region) -> None:
    """The network's own input, seen from inside: OpenCV's crop to a grey level or so, black outside too."""
    model = onnx.load_model_from_string(with_crop_and_peaks(path.read_bytes()))
    seen = helper.make_tensor_value_info("input", TensorProto.FLOAT, None)
    model.graph.output.append(seen)
    matrix = picture_from_crop(region, (W, H))
    out = OnnxNetwork("seen", data=model.SerializeToString())(
        **{FRAME: picture, MATRIX: matrix[None].astype(np.float32)}
    )
    levels = out["input"][0].transpose(1, 2, 0) * STD_RGB + MEAN_RGB
    expected = crop_rgb(picture, matrix, (W, H)).astype(np.float32)
    apart = np.abs(levels - expected)
    assert levels.shape == (H, W, 3)
    assert np.median(apart) <= 0.5
    assert np.quantile(apart, 0.999) <= 4


@pytest.mark.parametrize("between_bins", [False, True])
@pytest.mark.parametrize("engine", [OnnxNetwork, TorchNetwork])
def test_the_joints_are_those_of_the_plain_detector(
    path: Path, picture: np.ndarray, engine: type, between_bins: bool
) -> None:
    """Four people in one call: each as the plain detector sees them alone, up to half a bin of noise."""
    prepare = partial(with_crop_and_peaks, between_bins=between_bins)
    together = RtmPoseOnDevice(engine(path, prepare=prepare), lambda _: [])
    plain = RtmPose(OnnxNetwork(path), lambda _: [], between_bins=between_bins)
    for region, got in zip(REGIONS, estimate_all(together, picture, REGIONS), strict=True):
        expected = plain.estimate(picture, region)
        step = region.size / H
        assert np.quantile(np.abs(got.points_px - expected.points_px), 0.9) <= 0.5 * step
        np.testing.assert_allclose(got.confidence, expected.confidence, atol=0.02)


def test_nobody_is_nobody(path: Path, picture: np.ndarray) -> None:
    """No regions, no call."""
    detector = RtmPoseOnDevice(OnnxNetwork(path, prepare=with_crop_and_peaks), lambda _: [])
    assert detector.estimate_all(picture, []) == []


def test_a_network_for_one_is_asked_one_by_one(path: Path, picture: np.ndarray, tmp_path: Path) -> None:
    """Exports with a fixed batch of 1 give the same joints."""
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, tmp_path / "one.onnx")
    one = RtmPoseOnDevice(OnnxNetwork(tmp_path / "one.onnx", prepare=with_crop_and_peaks), lambda _: [])
    many = RtmPoseOnDevice(OnnxNetwork(path, prepare=with_crop_and_peaks), lambda _: [])
    for a, b in zip(one.estimate_all(picture, REGIONS), many.estimate_all(picture, REGIONS), strict=True):
        np.testing.assert_allclose(a.points_px, b.points_px, atol=1e-3)


def test_a_square_crop_goes_by_names(tmp_path: Path) -> None:
    """Rows and columns of equal length are told apart by the output that ends in y, wherever it stands."""
    nodes = [
        helper.make_node("ReduceMean", ["p", "rows"], ["c"], keepdims=0),
        helper.make_node("Concat", ["c", "c"], ["simcc_y"], axis=2),
        helper.make_node("Neg", ["simcc_y"], ["simcc_x"]),
    ]
    info = helper.make_tensor_value_info
    outputs = [info(n, TensorProto.FLOAT, [1, 3, 64]) for n in ("simcc_y", "simcc_x")]
    rows = helper.make_tensor("rows", TensorProto.INT64, [1], [2])
    graph = helper.make_graph(nodes, "g", [info("p", TensorProto.FLOAT, [1, 3, 32, 32])], outputs, [rows])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 20] = 255
    network = OnnxNetwork("m", data=with_crop_and_peaks(model.SerializeToString()))
    eye = np.eye(2, 3, dtype=np.float32)[None]
    points = network(**{FRAME: image, MATRIX: eye})["points"]
    np.testing.assert_array_equal(points[0, :, 1], [10, 10, 10])
    assert not np.array_equal(points[0, :, 0], points[0, :, 1])


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([1, 3, "h", "w"], [384, 512], "known height and width"),
        ([1, 1, H, W], [384, 512], "one input"),
        ([1, 3, H, W], [384, 384], "two outputs of 384 and 512"),
        ([1, 3, H, W], [384], "two outputs"),
    ],
)
def test_other_networks_are_refused(inputs: list[int | str], outputs: list[int], message: str) -> None:
    """Which the caller answers with the plain detector."""
    info = helper.make_tensor_value_info
    values = [info(f"o{i}", TensorProto.FLOAT, [1, 17, n]) for i, n in enumerate(outputs)]
    nodes = [helper.make_node("Identity", ["x"], [v.name]) for v in values]
    graph = helper.make_graph(nodes, "g", [info("x", TensorProto.FLOAT, inputs)], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(ModelError, match=message):
        with_crop_and_peaks(model.SerializeToString())


def test_an_unprepared_network_is_refused(path: Path) -> None:
    """It takes a picture already cut."""
    with pytest.raises(ModelError, match="takes input"):
        RtmPoseOnDevice(OnnxNetwork(path), lambda _: [])


def test_the_tracker_looks_at_everybody_at_once(picture: np.ndarray) -> None:
    """Two people followed are two regions of one call, and one call a frame."""
    calls: list[int] = []

    class Two:
        name, finds_all = "two", True

        def search(self, _image: np.ndarray) -> list[Region]:
            return [Region(150, 240, 200), Region(450, 240, 200)]

        def estimate(self, _image: np.ndarray, region: Region) -> Estimate:
            return self.estimate_all(_image, [region])[0]

        def estimate_all(self, _image: np.ndarray, regions: Sequence[Region]) -> list[Estimate]:
            calls.append(len(regions))
            return [self._seen(150 if r.cx < 300 else 450) for r in regions]

        def _seen(self, x: float) -> Estimate:
            points = np.random.default_rng(0).uniform(-60, 60, (21, 2)) + np.array([x, 240])
            return Estimate(points.astype(np.float32), np.ones(21, np.float32), 0.9, Region(x, 240, 200))

    tracker = Tracker(Two(), people=2)
    for i in range(8):
        found = tracker.update(Frame(picture, i, i * 33_000_000, 0, 0))
    assert [k.person_id for k in found] == [0, 1]
    assert calls[-3:] == [2, 2, 2]
