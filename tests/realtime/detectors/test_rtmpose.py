"""SimCC decoding on networks that the test builds: random ones and ones with peaks at known places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lifting.errors import ModelError
from lifting.runtime import open_network
from lifting.skeleton import HALPE26_TO_BODY21, WHOLEBODY133_TO_BODY21
from realtime.data import Image
from realtime.detectors import Region
from realtime.detectors.crop import crop_rgb, picture_from_crop
from realtime.detectors.rtmpose import RtmPose, decode_simcc, next_region

W, H = 192, 256
MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def nobody(image: Image) -> list[Region]:
    """A person search that finds nobody."""
    return []


def save(path: Path, nodes: list, arrays: dict[str, np.ndarray], joints: int, names: tuple[str, str], size: tuple[int, int] = (W, H)) -> Path:  # fmt: skip # noqa: E501
    """Write a network picture → names."""
    w, h = size
    outputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, joints, 2 * s])
        for n, s in zip(names, (w, h), strict=True)
    ]
    graph = helper.make_graph(
        nodes,
        "simcc",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, h, w])],
        outputs,
        [numpy_helper.from_array(a, n) for n, a in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def random_network(path: Path, joints: int) -> Path:
    """A small convolutional SimCC network with random weights."""
    rng = np.random.default_rng(joints)
    arrays = {
        "kernel": rng.normal(0, 0.2, (8, 3, 32, 32)).astype(np.float32),
        "wx": rng.normal(0, 0.2, (8 * 6 * 8, joints * 2 * W)).astype(np.float32),
        "wy": rng.normal(0, 0.2, (8 * 6 * 8, joints * 2 * H)).astype(np.float32),
        "sx": np.array([1, joints, 2 * W]),
        "sy": np.array([1, joints, 2 * H]),
    }
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["c"], strides=[32, 32]),
        helper.make_node("Tanh", ["c"], ["t"]),
        helper.make_node("Flatten", ["t"], ["f"]),
    ]
    for axis in "xy":
        nodes.append(helper.make_node("MatMul", ["f", f"w{axis}"], [f"m{axis}"]))
        nodes.append(helper.make_node("Reshape", [f"m{axis}", f"s{axis}"], [f"simcc_{axis}"]))
    return save(path, nodes, arrays, joints, ("simcc_x", "simcc_y"))


def peaked_network(path: Path, points: np.ndarray, names: tuple[str, str] = ("simcc_x", "simcc_y"), size: tuple[int, int] = (W, H), swap: bool = False) -> Path:  # fmt: skip # noqa: E501
    """A network that answers every picture with bell curves at `points` (J,2), crop pixels."""
    w, h = size
    arrays = {"zero": np.zeros(1, np.float32), "axes": np.array([0])}
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    for k, (name, length) in enumerate(zip(names, (2 * w, 2 * h), strict=True)):
        bins = np.arange(length)[None] - 2 * points[:, k : k + 1]
        arrays[f"curve{k}"] = (0.9 * np.exp(-((bins / 6) ** 2)))[None].astype(np.float32)
        nodes.append(helper.make_node("Add", [f"curve{k}", "nothing"], [name]))
    path = save(path, nodes, arrays, len(points), names, size)
    if swap:
        model = onnx.load(path)
        model.graph.output.insert(0, model.graph.output.pop())
        onnx.save(model, path)
    return path


def plain_decode(row: np.ndarray) -> tuple[float, float]:
    """Peak of one row, parabola through three bins."""
    k = int(np.argmax(row))
    if k in (0, len(row) - 1):
        return float(k), float(row[k])
    a, b, c = (float(v) for v in row[k - 1 : k + 2])
    bend = a - 2 * b + c
    return (k + 0.5 * (a - c) / bend if bend < 0 else float(k)), b


def test_decode_equals_plain_rows() -> None:
    """Random rows, a flat row, peaks at both ends."""
    rows = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    rows[0] = 1
    rows[1, 0] = rows[2, -1] = 9
    position, height = decode_simcc(rows, between_bins=True)
    expected = np.array([plain_decode(r) for r in rows])
    assert position == pytest.approx(expected[:, 0], abs=1e-4)
    assert height == pytest.approx(expected[:, 1])


def test_decode_is_exact_for_a_parabola() -> None:
    """A parabola's top is found between the bins, exactly."""
    tops = np.linspace(3.5, 20.5, 35)
    rows = 5 - (np.arange(30)[None] - tops[:, None]) ** 2
    found, _ = decode_simcc(rows.astype(np.float32), between_bins=True)
    assert found == pytest.approx(tops, abs=1e-3)


def test_without_refinement_the_highest_bin_is_taken() -> None:
    """As mmpose does it: whole bins, the first of equals."""
    rows = np.random.default_rng(4).normal(size=(20, 64)).astype(np.float32)
    position, height = decode_simcc(rows)
    assert position.tolist() == rows.argmax(1).tolist()
    assert height.tolist() == rows.max(1).tolist()


@pytest.mark.parametrize("joints", [17, 26, 133])
def test_random_network_equals_a_plain_reference(tmp_path: Path, joints: int) -> None:
    """Own crop, normalisation, decoding and mapping against straightforward arithmetic on the same file."""
    network = open_network(random_network(tmp_path / "net.onnx", joints))
    image = np.random.default_rng(9).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    region = Region(210.0, 140.0, 260.0)
    got = RtmPose(network, nobody, between_bins=True).estimate(image, region)
    rgb = crop_rgb(image, picture_from_crop(region, (W, H)), (W, H)).astype(np.float64)
    out = network(input=((rgb - MEAN) / STD).transpose(2, 0, 1)[None].astype(np.float32))
    table = {17: np.arange(17), 26: HALPE26_TO_BODY21, 133: WHOLEBODY133_TO_BODY21}[joints]
    for joint, source in enumerate(table):
        x, height_x = plain_decode(out["simcc_x"][0, source])
        y, height_y = plain_decode(out["simcc_y"][0, source])
        step = 260 / 256
        px = 210 + (x / 2 - (W - 1) / 2) * step
        py = 140 + (y / 2 - (H - 1) / 2) * step
        assert got.points_px[joint] == pytest.approx([px, py], abs=0.02)
        if got.confidence[joint] > 0:
            assert got.confidence[joint] == pytest.approx(min(height_x, height_y, 1), abs=1e-4)
    assert not got.confidence[len(table) :].any()


@pytest.mark.parametrize("region", [Region(300, 220, 400), Region(50, 400, 333.3)])
def test_known_peaks_come_back_to_a_twentieth_of_a_pixel(tmp_path: Path, region: Region) -> None:
    """Bell curves between the bins are found at their centres and mapped into the picture."""
    points = np.random.default_rng(1).uniform((10, 10), (W - 10, H - 10), (26, 2))
    network = open_network(peaked_network(tmp_path / "net.onnx", points))
    detector = RtmPose(network, nobody, between_bins=True)
    got = detector.estimate(np.zeros((480, 640, 3), np.uint8), region)
    step = region.size / H
    expected = (region.cx, region.cy) + (points - ((W - 1) / 2, (H - 1) / 2)) * step
    assert np.abs(got.points_px - expected[HALPE26_TO_BODY21]).max() < 0.05 * step
    assert got.score == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("names", [("simcc_x", "simcc_y"), ("a", "b"), ("4711", "4712")])
@pytest.mark.parametrize("swap", [False, True])
def test_names_and_order_of_the_outputs_do_not_matter(
    tmp_path: Path, names: tuple[str, str], swap: bool
) -> None:
    """The axes are told apart by their lengths."""
    points = np.random.default_rng(2).uniform(20, 170, (17, 2))
    detector = RtmPose(open_network(peaked_network(tmp_path / "net.onnx", points, names, swap=swap)), nobody)
    got = detector.estimate(np.zeros((H, W, 3), np.uint8), Region((W - 1) / 2, (H - 1) / 2, H))
    assert np.abs(got.points_px[:17] - points).max() <= 0.2501  # half a bin


@pytest.mark.parametrize("swap", [False, True])
def test_a_square_input_goes_by_names(tmp_path: Path, swap: bool) -> None:
    """Lengths are equal, so the name that ends in y is the row."""
    points = np.random.default_rng(3).uniform(20, 100, (17, 2))
    path = peaked_network(tmp_path / "net.onnx", points, ("simcc_x", "simcc_y"), (128, 128), swap)
    got = RtmPose(open_network(path), nobody).estimate(
        np.zeros((128, 128, 3), np.uint8), Region(63.5, 63.5, 128)
    )
    assert np.abs(got.points_px[:17] - points).max() <= 0.2501  # half a bin


@pytest.mark.parametrize(("wide", "tall"), [(30.0, 100.0), (90.0, 30.0)])
def test_next_region_is_the_padded_box(wide: float, tall: float) -> None:
    """1.25 times the seen joints' box, grown to three by four; the region's size is its height."""
    points, confidence = np.zeros((21, 2), np.float32), np.zeros(21, np.float32)
    points[:3], confidence[:3] = [(100, 100), (100 + wide, 100 + tall), (110, 110)], 0.9
    got = next_region(points, confidence, 3 / 4, Region(0, 0, 1))
    assert (got.cx, got.cy) == pytest.approx((100 + wide / 2, 100 + tall / 2))
    assert got.size == pytest.approx(1.25 * max(tall, wide * 4 / 3))


def test_next_region_without_joints_stays() -> None:
    """Nothing seen: look where we looked."""
    region = Region(5, 6, 7)
    assert next_region(np.zeros((21, 2), np.float32), np.zeros(21, np.float32), 0.75, region) is region


def test_other_networks_are_refused(tmp_path: Path) -> None:
    """A network with a foreign number of joints raises an error that says what is expected."""
    points = np.full((21, 2), 50.0)
    detector = RtmPose(open_network(peaked_network(tmp_path / "net.onnx", points)), nobody)
    with pytest.raises(ModelError, match="17, 26 or 133"):
        detector.estimate(np.zeros((40, 40, 3), np.uint8), Region(20, 20, 40))


def test_search_is_handed_on(tmp_path: Path) -> None:
    """The people come from the other network."""
    network = open_network(peaked_network(tmp_path / "net.onnx", np.full((17, 2), 50.0)))
    regions = [Region(1, 2, 3), Region(4, 5, 6)]
    assert RtmPose(network, lambda _: regions).search(np.zeros((9, 9, 3), np.uint8)) == regions
