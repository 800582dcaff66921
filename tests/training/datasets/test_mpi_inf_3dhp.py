"""MPI-INF-3DHP: units, picture sizes, valid frames and exploding points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import DataError
from training.datasets import load_sequences
from training.datasets.skeletons import MPI3DHP17


def test_training_split(mpi_folder: Path) -> None:
    """S1 ... S7, two sequences, two cameras; metres relative to the pelvis; frame rates as the file says."""
    data = load_sequences("3dhp", mpi_folder, "train")
    assert set(data.subject) == {f"S{i}" for i in range(1, 8)}
    assert (len(data), set(data.camera), set(data.action)) == (28, {"0", "8"}, {"Seq1", "Seq2"})
    assert set(data.fps.tolist()) == {25.0, 50.0}
    assert (data.joints[:, 14] == 0).all()
    assert data.valid.all()
    with np.load(mpi_folder / "data_train_3dhp.npz") as file:
        raw = file["data/S3 Seq2/0/8/data_3d"], file["data/S3 Seq2/0/8/data_2d"]
    clip = next(
        i for i in range(28) if (data.subject[i], data.action[i], data.camera[i]) == ("S3", "Seq2", "8")
    )
    rows = slice(int(data.first[clip]), int(data.first[clip] + data.frames[clip]))
    assert np.allclose(data.joints[rows], (raw[0] - raw[0][:, 14:15]) / 1000, atol=1e-5)
    assert np.allclose((data.keypoints[rows, :, :2] + 1) * 1024, raw[1], atol=0.01)


def test_held_out_subject(mpi_folder: Path) -> None:
    """S8 is in val and in trainval."""
    assert set(load_sequences("3dhp", mpi_folder, "val").subject) == {"S8"}
    assert set(load_sequences("3dhp", mpi_folder, "trainval").subject) == {f"S{i}" for i in range(1, 9)}


def test_test_split(mpi_folder: Path) -> None:
    """Six sequences; only marked frames count; the pictures of TS5 and TS6 are 1920 wide."""
    data = load_sequences("3dhp", mpi_folder, "test")
    assert data.subject == ("TS1", "TS2", "TS3", "TS4", "TS5", "TS6")
    assert data.valid.reshape(6, -1).sum(axis=1).tolist() == [4] * 6
    with np.load(mpi_folder / "data_test_3dhp.npz") as file:
        raw = file["data/TS6/data_2d"]
    rows = slice(int(data.first[5]), None)
    assert np.allclose(data.keypoints[rows, :, 0], raw[..., 0] / 960 - 1, atol=1e-5)
    assert np.allclose(data.keypoints[rows, :, 1], raw[..., 1] / 960 - 1080 / 1920, atol=1e-5)


def test_exploding_points_are_dropped(mpi_folder: Path, damage: Any) -> None:
    """A frame with |x| > 10 on the normalised screen is unseen and not valid; its neighbours stay."""

    def explode(arrays: dict[str, np.ndarray]) -> None:
        arrays["data/S8 Seq1/0/0/data_2d"][5, 3, 0] = 30_000

    damage(mpi_folder / "data_train_3dhp.npz", explode)
    data = load_sequences("3dhp", mpi_folder, "val")
    assert np.flatnonzero(~data.valid).tolist() == [5]
    assert (data.keypoints[5] == 0).all()
    assert (data.keypoints[[4, 6], :, 2] == 1).all()


def _change(name: str, value: Any) -> Any:
    return lambda arrays: arrays.update({name: value(arrays[name])})


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        (_change("data/TS2/data_3d", lambda a: a[:, :16]), r"16, 3\).*17"),
        (_change("data/TS2/data_3d", lambda a: np.full_like(a, np.nan)), "not all finite"),
        (_change("data/TS2/data_3d", lambda a: a[:-1]), "do not fit"),
        (_change("data/TS2/valid", lambda a: a[:-2]), "10 marks of validity for 12 frames"),
        (lambda a: [a.pop(n) for n in list(a) if "TS4" in n], "no sequence TS4"),
        (lambda a: [a.update({n: a[n] * 0}) for n in a if "valid" in n], "no valid frame"),
        (lambda a: [a.update({n: a[n] / 1000}) for n in a if "3d" in n], "unit"),
    ],
)
def test_damaged_files(mpi_folder: Path, damage: Any, how: Any, complaint: str) -> None:
    """Wrong joints, NaN, lengths, marks, sequences and units are told in one sentence."""
    damage(mpi_folder / "data_test_3dhp.npz", how)
    with pytest.raises(DataError, match=complaint):
        load_sequences("3dhp", mpi_folder, "test")


def test_missing_subject(mpi_folder: Path, damage: Any) -> None:
    """A training file without S8 has no split to choose on."""
    damage(mpi_folder / "data_train_3dhp.npz", lambda a: [a.pop(n) for n in list(a) if "/S8 " in n])
    with pytest.raises(DataError, match="no subject S8"):
        load_sequences("3dhp", mpi_folder, "val")


def test_root_is_joint_14() -> None:
    """The pelvis is joint 14, as everyone who uses these files has it."""
    assert MPI3DHP17.index("pelvis") == 14
