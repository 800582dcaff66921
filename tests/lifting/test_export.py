"""Torch → ONNX → the run-time lifter: the same numbers, and metadata that keeps foreign networks out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.export import export_lifter
from lifting.lifter import Lifter
from lifting.metadata import KEY, LifterMetadata, read_metadata, write_metadata
from lifting.models.ray_lifter import RayLifter

INFO = LifterMetadata(window=9, fps=30.0, training={"steps": 3}, data_licences={"data": "terms"})


@pytest.fixture(scope="module")
def trained() -> RayLifter:
    """A small lifter with random weights."""
    torch.manual_seed(1)
    lifter = RayLifter("temporal_conv", 9, {"width": 48, "blocks": 2, "hidden": 32}).eval()
    for parameter in lifter.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return lifter


@pytest.fixture(scope="module")
def exported(trained: RayLifter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as ONNX."""
    path = tmp_path_factory.mktemp("onnx") / "small.onnx"
    assert export_lifter(trained, INFO, path) < 1e-4
    return path


def windows(people: int, seed: int = 0) -> NDArray[np.float32]:
    """(people,9,21,3) with a fifth of the joints unseen."""
    rng = np.random.default_rng(seed)
    out = rng.normal(0, 0.3, (people, 9, 21, 3))
    out[..., 2] = rng.uniform(0, 1, out.shape[:-1]) * (rng.uniform(0, 1, out.shape[:-1]) > 0.2)
    return out.astype(np.float32)


@pytest.mark.parametrize("people", [1, 2, 7])
def test_same_numbers(trained: RayLifter, exported: Path, people: int) -> None:
    """The exported network agrees with torch to 1e-4 m for any number of people."""
    down = np.tile(np.float32([[0, 1, 0]]), (people, 1))
    got = Lifter.load(exported).lift(windows(people), down)
    gravity = torch.cat([torch.from_numpy(down), torch.ones(people, 1)], dim=1)
    with torch.no_grad():
        expected = trained(torch.from_numpy(windows(people)), gravity).numpy()
    assert got.shape == (people, 26, 3)
    assert got.dtype == np.float32
    assert np.abs(got - expected).max() < 1e-4


def test_gravity_may_be_unknown_for_some(exported: Path) -> None:
    """(P,4) with flags, (P,3) and None agree with each other."""
    lifter, seen = Lifter.load(exported), windows(2)
    down = np.float32([[0, 0.9, 0.4359], [0, 1, 0]])
    mixed = lifter.lift(seen, np.concatenate([down, [[1], [0]]], axis=1))
    assert np.allclose(mixed[0], lifter.lift(seen, down)[0], atol=1e-5)
    assert np.allclose(mixed[1], lifter.lift(seen)[1], atol=1e-5)
    assert not np.allclose(lifter.lift(seen, down), lifter.lift(seen), atol=1e-3)


def test_nobody(exported: Path) -> None:
    """No people, no poses."""
    assert Lifter.load(exported).lift(windows(0)).shape == (0, 26, 3)


def test_wrong_shapes(exported: Path) -> None:
    """Shapes are named, expected and given."""
    lifter = Lifter.load(exported)
    with pytest.raises(ValueError, match=r"\(1, 9, 21, 3\), got \(1, 8, 21, 3\)"):
        lifter.lift(windows(1)[:, :8])
    with pytest.raises(ValueError, match=r"\(1, 3\) or \(1, 4\)"):
        lifter.lift(windows(1), np.zeros(3))


def test_metadata_comes_back(exported: Path) -> None:
    """What was written is what a user of the file reads."""
    lifter = Lifter.load(exported)
    assert lifter.metadata == INFO
    assert (lifter.window_length, lifter.fps) == (9, 30.0)


def test_file_tells_nothing_of_the_exporting_machine(exported: Path) -> None:
    """No stack traces or paths of source files are left in the graph."""
    assert b"/lifting/" not in exported.read_bytes()
    assert not onnx.load(exported).graph.node[0].metadata_props


def change(stored: Mapping[str, str], **values: object) -> dict[str, str]:
    """Metadata with some values replaced."""
    return {KEY: json.dumps(json.loads(stored[KEY]) | values)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input_joints": ["nose"]}, "input_joints are not those of body21"),
        ({"output_joints": ["nose"]}, "output_joints are not those of sealcap26"),
        ({"format": 99}, "format 99"),
        ({"window": "many"}, "damaged"),
        ({"window": 0}, "window of 0"),
        ({"fps": 1e9}, "fps"),
        ({"training": 3}, "damaged"),
    ],
)
def test_foreign_metadata_is_refused(values: dict[str, object], message: str) -> None:
    """Lifters for other skeletons, of other formats or with impossible values do not load."""
    with pytest.raises(ModelError, match=message):
        read_metadata(change(write_metadata(INFO), **values))


@pytest.mark.parametrize("stored", [{}, {KEY: "not json"}, {KEY: "[]"}, {KEY: "{}"}])
def test_missing_metadata_is_refused(stored: dict[str, str]) -> None:
    """A network without our metadata is no lifter."""
    with pytest.raises(ModelError, match="sealcap export"):
        read_metadata(stored)


def test_other_inputs_are_refused(exported: Path, tmp_path: Path) -> None:
    """A network that takes something else is refused even with our metadata."""
    node = onnx.helper.make_node("Identity", ["picture"], ["joints"])
    value = [
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in ("picture", "joints")
    ]
    graph = onnx.helper.make_graph([node], "g", value[:1], value[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    onnx.helper.set_model_props(model, write_metadata(INFO))
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="takes picture"):
        Lifter.load(tmp_path / "other.onnx")


def test_a_wrong_export_is_not_written(
    trained: RayLifter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the exported numbers differ, the file that was there before stays."""
    path = tmp_path / "kept.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr("lifting.export.TOLERANCE_M", -1.0)
    with pytest.raises(ModelError, match="differs from torch"):
        export_lifter(trained, INFO, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
