"""The training verbs from end to end, in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lifting.camera import Intrinsics
from lifting.errors import DataError
from lifting.lifter import Lifter
from lifting.skeleton import BODY21, SEALCAP26
from training import cli


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    """A folder with one clip: somebody found in frames 2..9 of 10."""
    folder = tmp_path / "detections"
    folder.mkdir()
    rng = np.random.default_rng(0)
    np.savez(
        folder / "clip.npz",
        points_px=rng.uniform(100, 400, (10, len(BODY21), 2)).astype(np.float32),
        confidence=np.ones((10, len(BODY21)), np.float32),
        capture_time_ns=np.arange(10) * 33_333_333,
        size=np.array([640, 480]),
        found=np.arange(10) >= 2,
    )
    return folder


def test_train_export_evaluate(settings: dict[str, Any], tmp_path: Path, detections: Path, capsys) -> None:
    """A YAML file becomes an ONNX lifter that lifts detections; its metadata tells how it was made."""
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(settings))
    cli.train(config, tmp_path / "run")
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    cli.export(checkpoint, tmp_path / "lifter.onnx")
    cli.evaluate(checkpoint)
    lifter = Lifter.load(tmp_path / "lifter.onnx")
    assert lifter.metadata.training["steps"] == 8
    assert lifter.metadata.training["config"]["losses"] == settings["losses"]
    assert "NSF EIA-0196217" in str(lifter.metadata.data_licences)
    assert str(tmp_path) not in (tmp_path / "lifter.onnx").read_bytes().decode("latin1")

    cli.evaluate(tmp_path / "lifter.onnx", detections=detections, out=tmp_path / "poses", camera_pitch=10.0)
    with np.load(tmp_path / "poses" / "clip.npz") as poses:
        assert poses["joint_names"].tolist() == list(SEALCAP26.joints)
        assert np.isnan(poses["joints"][:2]).all()
        assert np.isfinite(poses["joints"][2:]).all()
    assert "mpjpe" in capsys.readouterr().out


def test_lifting_is_causal(settings: dict[str, Any], tmp_path: Path, detections: Path) -> None:
    """Cutting the end of a clip changes nothing before the cut."""
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(settings))
    cli.train(config, tmp_path / "run")
    cli.export(tmp_path / "run" / "checkpoint.safetensors", tmp_path / "l.onnx")
    lifter = Lifter.load(tmp_path / "l.onnx")
    from training.evaluate import lift_detections, load_detections

    whole = load_detections(detections / "clip.npz")
    cut = {name: a if name == "size" else a[:6] for name, a in whole.items()}
    first, second = (lift_detections(lifter, d, 60.0, None) for d in (whole, cut))
    assert np.array_equal(first[2:6], second[2:6])
    assert Intrinsics.from_fov(640, 480).rays(whole["points_px"][0]).shape == (21, 2)


def test_bad_detections(settings: dict[str, Any], tmp_path: Path, detections: Path) -> None:
    """Folders without clips and arrays of other shapes are data errors."""
    from training.evaluate import load_detections

    np.savez(detections / "bad.npz", points_px=np.zeros((3, 17, 2)))
    with pytest.raises(DataError, match="no 2D detections"):
        load_detections(detections / "bad.npz")
    with np.load(detections / "clip.npz") as file:
        arrays = dict(file)
    arrays["confidence"] = arrays["confidence"][:, :17]
    np.savez(detections / "bad.npz", **arrays)
    with pytest.raises(DataError, match=r"confidence must be \(10, 21\)"):
        load_detections(detections / "bad.npz")
