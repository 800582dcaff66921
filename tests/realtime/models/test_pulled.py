"""What the real networks compute, and that a wrong conversion is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lifting.errors import ModelError
from lifting.runtime import open_network
from realtime.models import fingerprint, store
from realtime.models.catalogue import catalogue

NETWORKS = [name for name, entry in catalogue().models.items() if entry.fingerprint]


def pulled(name: str) -> Path:
    """The file of `name`; skips where it has not been pulled."""
    if not store.is_pulled(name):
        pytest.skip(f"sealcap models pull {name}")
    return store.model_path(name)


@pytest.mark.models
@pytest.mark.parametrize("name", NETWORKS)
def test_fingerprints(name: str) -> None:
    """The stored numbers come out on this machine."""
    entry = catalogue().models[name]
    fingerprint.check(pulled(name), entry.fingerprint, whole_numbers=entry.convert == "tfjs")


@pytest.mark.models
def test_a_changed_weight_is_noticed(tmp_path: Path) -> None:
    """A network with one layer spoiled does not pass for the right one."""
    path = pulled("blazepose-lite")
    model = onnx.load(path)
    weights = [c for c in model.graph.initializer if len(c.dims) == 4]
    first = numpy_helper.to_array(weights[0])
    weights[0].CopyFrom(numpy_helper.from_array(first[::-1].copy(), weights[0].name))
    onnx.save(model, tmp_path / "spoiled.onnx")
    expected = catalogue().models["blazepose-lite"].fingerprint
    with pytest.raises(ModelError, match="conversion is wrong"):
        fingerprint.check(tmp_path / "spoiled.onnx", expected, whole_numbers=False)


@pytest.mark.models
@pytest.mark.parametrize("name", [n for n in NETWORKS if n.startswith("blazepose")])
def test_blazepose_stays_channels_first(name: str) -> None:
    """Only the border turns the layout: one transpose in, and one for every flattened map out."""
    kinds = [node.op_type for node in onnx.load(pulled(name)).graph.node]
    assert kinds.count("Transpose") == (7 if name == "blazepose-search" else 1)
    assert kinds.count("Pad") == 0


@pytest.mark.models
def test_blazepose_sees_no_person_in_an_empty_picture() -> None:
    """A grey picture holds nobody: presence is near 0."""
    network = open_network(pulled("blazepose-heavy"))
    outputs = network(image=np.full((1, 256, 256, 3), 0.5, np.float32))
    assert outputs["presence"].item() < 0.5
    assert outputs["landmarks"].shape == (1, 195)
    assert outputs["heatmap"].shape == (1, 39, 64, 64)
