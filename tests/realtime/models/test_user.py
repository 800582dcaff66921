"""Networks that the user brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lifting.errors import ConfigError, ModelError
from realtime.models import store
from realtime.models.user import add_rtmpose


def simcc(
    path: Path, keypoints: int = 17, *, size: tuple[int | str, int | str] = (32, 24), ratio: int = 2
) -> Path:
    """A network shaped like RTMPose: (1,3,H,W) → (1,K,ratio·W), (1,K,ratio·H); H, W = 32, 24."""
    ones = {
        "along_x": np.ones((1, keypoints, 24 * ratio), "f4"),
        "along_y": np.ones((1, keypoints, 32 * ratio), "f4"),
    }
    constants = [numpy_helper.from_array(v, k) for k, v in ones.items()]
    nodes = [helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0)]
    nodes += [helper.make_node("Mul", [k, "mean"], [f"simcc_{k[-1]}"]) for k in ones]
    outputs = [
        helper.make_tensor_value_info(f"simcc_{k[-1]}", TensorProto.FLOAT, v.shape) for k, v in ones.items()
    ]
    picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, *size])
    graph = helper.make_graph(nodes, "net", [picture], outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path / "cache"))


def test_an_added_network_is_found_by_its_name(tmp_path: Path) -> None:
    """It is copied, listed, and the original may go; adding again replaces it."""
    file = simcc(tmp_path / "a.onnx")
    content = file.read_bytes()
    add_rtmpose("mine", file, 17)
    file.unlink()
    assert store.model_path("mine").read_bytes() == content
    row = store.listing()[-1]
    assert (row.name, row.what, row.bytes) == ("mine", "rtmpose, 17 keypoints, 24x32", len(content))
    other = simcc(tmp_path / "b.onnx", 26)
    add_rtmpose("mine", other, 26)
    assert store.model_path("mine").read_bytes() == other.read_bytes()


def test_an_open_input_needs_its_size(tmp_path: Path) -> None:
    """Symbolic height and width: --input says them, and only then."""
    file = simcc(tmp_path / "a.onnx", size=("h", "w"))
    with pytest.raises(ConfigError, match="--input 192x256"):
        add_rtmpose("mine", file, 17)
    add_rtmpose("mine", file, 17, "24x32")
    with pytest.raises(ConfigError, match="leave out --input"):
        add_rtmpose("mine", simcc(tmp_path / "b.onnx"), 17, "99x99")


@pytest.mark.parametrize(
    "name", ["", "Big", "../up", "a/b", "blazepose-heavy", "-x", "x" * 65, "a\nb", "a\n"]
)
def test_bad_names(name: str, tmp_path: Path) -> None:
    """A name must be a plain file name and not one of ours."""
    with pytest.raises(ConfigError, match="cannot be called"):
        add_rtmpose(name, simcc(tmp_path / "a.onnx"), 17)


@pytest.mark.parametrize("size", ["", "0x10", "192", "x", "9999x1", "-1x5", "192x256x3"])
def test_bad_sizes(size: str, tmp_path: Path) -> None:
    """A size is WIDTHxHEIGHT."""
    with pytest.raises(ConfigError, match="192x256"):
        add_rtmpose("mine", simcc(tmp_path / "a.onnx"), 17, size)


def test_garbage_is_refused(tmp_path: Path) -> None:
    """No file, no network, another network, another keypoint count: an error, and nothing is stored."""
    rubbish = tmp_path / "r.onnx"
    rubbish.write_bytes(b"rubbish" * 100)
    with pytest.raises(ModelError, match="not a usable ONNX model"):
        add_rtmpose("mine", rubbish, 17)
    with pytest.raises(ModelError, match="There is no file"):
        add_rtmpose("mine", tmp_path / "absent.onnx", 17)
    with pytest.raises(ModelError, match="for 26 keypoints"):
        add_rtmpose("mine", simcc(tmp_path / "a.onnx", 17), 26)
    with pytest.raises(ModelError, match="for 17 keypoints and 48x64"):
        add_rtmpose("mine", simcc(tmp_path / "b.onnx", size=("h", "w"), ratio=3), 17, "48x64")
    assert not (tmp_path / "cache").exists()


def test_a_lost_file_is_explained(tmp_path: Path) -> None:
    """Listed, but its file is gone: pulling cannot help, adding can."""
    add_rtmpose("mine", simcc(tmp_path / "a.onnx"), 17)
    store.model_path("mine").unlink()
    with pytest.raises(ModelError, match="sealcap models add"):
        store.ensure(["mine"])
