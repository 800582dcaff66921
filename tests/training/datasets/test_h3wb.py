"""H3WB: samples from a stream of JSON, folds that never split a pose, clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import DataError
from training.datasets import json_stream, load_sequences
from training.datasets.json_stream import entries
from training.datasets.skeletons import WHOLEBODY133

TRAIN = "2Dto3D_train.json"


def test_splits_keep_views_together(h3wb_folder: Path) -> None:
    """The last fifth is held out, and the four views of a pose are on one side."""
    train, val = (load_sequences("h3wb", h3wb_folder, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (32, 8)
    assert not set(train.action) & set(val.action)
    assert val.camera == ("0", "1", "2", "3") * 2
    assert len(load_sequences("h3wb", h3wb_folder, "trainval")) == 40
    assert len(load_sequences("h3wb", h3wb_folder, "test")) == 8


def test_poses_are_relative_to_the_hips(h3wb_folder: Path) -> None:
    """Metres relative to the middle of both hips; 2D on a picture of 1000 × 1000."""
    data = load_sequences("h3wb", h3wb_folder, "trainval")
    with (h3wb_folder / TRAIN).open() as file:
        raw = json.load(file)["7"]
    mm = np.array([[raw["keypoints_3d"][str(j)][a] for a in "xyz"] for j in range(133)])
    assert np.allclose(data.joints[7], (mm - mm[11:13].mean(axis=0)) / 1000, atol=1e-5)
    pixels = np.array([[raw["keypoints_2d"][str(j)][a] for a in "xy"] for j in range(133)])
    assert np.allclose((data.keypoints[7, :, :2] + 1) * 500, pixels, atol=1e-3)


def test_order_of_the_file_does_not_matter(h3wb_folder: Path) -> None:
    """Samples are sorted by their numbers, so that folds are the official ones."""
    path = h3wb_folder / TRAIN
    raw = json.loads(path.read_text())
    before = load_sequences("h3wb", h3wb_folder, "val")
    path.write_text(json.dumps(dict(reversed(raw.items()))))
    assert np.array_equal(load_sequences("h3wb", h3wb_folder, "val").joints, before.joints)


@pytest.mark.parametrize("chunk", [1, 3, 7, 64, 1 << 20])
def test_stream_reads_what_json_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Whatever the size of the pieces, entries are those of the standard library's parser."""
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    data = {"a": [1, -2.5e3, {"ü": '€\\"'}], "b": {}, "c": 12345, "": None, "d": "x" * 50, "e": [[]]}
    for text in (json.dumps(data), json.dumps(data, indent=3, ensure_ascii=False), " {} ", '{"n":17}'):
        (tmp_path / "a.json").write_text(text, encoding="utf-8")
        assert dict(entries(tmp_path / "a.json")) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{", '{"a"', '{"a":', '{"a": 1', '{"a": 1,', '{"a": tru}', "{1: 2}", '{"a": 1 "b"}', "\0"],
)
def test_damaged_streams(tmp_path: Path, text: str) -> None:
    """What is cut short or no JSON object is told, never guessed."""
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="no whole JSON object"):
        list(entries(tmp_path / "a.json"))


def test_stream_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that are too long, nested too deep or no text end in an error instead of in memory."""
    path = tmp_path / "a.json"
    path.write_text('{"a": ' + "[" * 100_000)
    with pytest.raises(DataError, match=r"nested too deep|ends early"):
        list(entries(path))
    path.write_bytes(b'{"a": "\xff\xfe"}')
    with pytest.raises(DataError, match="UTF-8"):
        list(entries(path))
    monkeypatch.setattr(json_stream, "LARGEST_ENTRY", 1000)
    monkeypatch.setattr(json_stream, "CHUNK", 100)
    path.write_text('{"a": "' + "x" * 5000)
    with pytest.raises(DataError, match="longer"):
        list(entries(path))


def _joints(sample: dict[str, Any]) -> None:
    del sample["keypoints_3d"]["132"]


def _nan(sample: dict[str, Any]) -> None:
    sample["keypoints_2d"]["5"]["x"] = float("nan")


def _axis(sample: dict[str, Any]) -> None:
    del sample["keypoints_3d"]["5"]["z"]


def _word(sample: dict[str, Any]) -> None:
    sample["keypoints_3d"]["5"]["z"] = "far"


def _truth(sample: dict[str, Any]) -> None:
    del sample["keypoints_3d"]


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        (_joints, "sample 9 has 132 joints in keypoints_3d, not 133"),
        (_nan, "2D points are not all finite"),
        (_axis, "sample 9: keypoints_3d must have numbers x, y, z"),
        (_word, "sample 9: keypoints_3d must have numbers"),
        (_truth, "sample 9 has no keypoints_3d"),
    ],
)
def test_damaged_samples(h3wb_folder: Path, how: Any, complaint: str) -> None:
    """The sample and what is wrong with it are named."""
    path = h3wb_folder / TRAIN
    raw = json.loads(path.read_text())
    how(raw["9"])
    path.write_text(json.dumps(raw))
    with pytest.raises(DataError, match=complaint):
        load_sequences("h3wb", h3wb_folder, "trainval")


def test_cut_and_missing_file(h3wb_folder: Path) -> None:
    """A broken download and a missing file are told."""
    path = h3wb_folder / TRAIN
    path.write_text(path.read_text()[:-1000])
    with pytest.raises(DataError, match="ends early"):
        load_sequences("h3wb", h3wb_folder, "train")
    path.unlink()
    with pytest.raises(DataError, match="where to get it"):
        load_sequences("h3wb", h3wb_folder, "train")


def test_numbers_as_names(h3wb_folder: Path) -> None:
    """Samples are numbered; anything else is another file."""
    (h3wb_folder / TRAIN).write_text('{"images": []}')
    with pytest.raises(DataError, match="number"):
        load_sequences("h3wb", h3wb_folder, "train")
    assert len(WHOLEBODY133) == 133
