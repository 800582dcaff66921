"""Reading models: what they say about themselves, and that they name no other files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lifting.errors import ModelError
from lifting.runtime import model_file
from lifting.runtime.model_file import at_least, read_model
from tests.lifting.runtime.conftest import dense_model, make_model


def test_a_model_says_what_it_takes(lifter_path: Path) -> None:
    """Inputs in order with open axes by name, outputs, metadata."""
    model = read_model(lifter_path)
    assert model.inputs == {"keypoints": ("batch", 9, 21, 3), "gravity": ("batch", 4)}
    assert model.outputs == ("joints",)
    assert "sealcap" in model.metadata
    assert not model.jumps


@pytest.mark.parametrize("place", ["../../etc/passwd", "/etc/passwd", "beside.bin"])
def test_weights_in_other_files_are_refused(tmp_path: Path, place: str) -> None:
    """Wherever they lie: an engine would open any path it is told."""
    model = dense_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="one piece"):
        read_model(path)


def test_weights_in_other_files_are_found_inside_branches(tmp_path: Path) -> None:
    """A tensor of a Constant within an If's branch is seen too."""
    hidden = numpy_helper.from_array(np.zeros(3, np.float32), "")
    hidden.external_data.add(key="location", value="x")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=hidden)],
        "b",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [3])],
    )
    node = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    yes = numpy_helper.from_array(np.array(True), "yes")
    graph = helper.make_graph(
        [node], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])], [yes]
    )
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(ModelError, match="other files"):
        read_model(path)


@pytest.mark.parametrize("data", [b"", b"no model", b"\x08\x07" * 50])
def test_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    """Empty files, text and noise."""
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="not a usable ONNX model"):
        read_model(path)


def test_size_is_limited(lifter_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the limit is not read."""
    monkeypatch.setattr(model_file, "MAX_BYTES", 1 << 10)
    with pytest.raises(ModelError, match="larger than"):
        read_model(lifter_path)


def test_preparation_comes_before_everything_else(dense_path: Path) -> None:
    """Inputs and hash are those of the prepared model."""
    other = dense_model(seed=3).SerializeToString()
    assert read_model(dense_path, lambda _: other).data == other
    assert read_model(dense_path, lambda _: other).sha256 != read_model(dense_path).sha256


def test_outputs_behind_a_largest_value_jump(tmp_path: Path) -> None:
    """Only those that depend on its place."""
    nodes = [
        helper.make_node("ArgMax", ["x"], ["k"], axis=1),
        helper.make_node("Cast", ["k"], ["place"], to=TensorProto.FLOAT),
        helper.make_node("Relu", ["x"], ["same"]),
    ]
    path = tmp_path / "m.onnx"
    onnx.save(make_model(nodes, {"x": [1, 4]}, {"place": [1, 1], "same": [1, 4]}), path)
    assert read_model(path).jumps == {"place"}


def test_old_words_are_raised() -> None:
    """An opset 11 Squeeze with its axes as an attribute becomes one with an input."""
    nodes = [helper.make_node("Squeeze", ["x"], ["y"], axes=[0])]
    old = make_model(nodes, {"x": [1, 4]}, {"y": [4]}, opset=11)
    new = at_least(old, 17, "old")
    assert new.opset_import[0].version == 17
    assert len(new.graph.node[-1].input) == 2
    assert at_least(new, 13, "new") is new
