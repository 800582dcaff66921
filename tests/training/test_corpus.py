"""The corpus loader maps joints by name and refuses what it cannot trust."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.errors import DataError
from lifting.skeleton import SEALCAP26
from tests.training.conftest import corpus_arrays
from training.bodies import ancestor_matrix
from training.config import parse_config
from training.corpus import load_corpus
from training.trainer import train


def test_positions_come_back_by_name(corpus_dir: Path, recorded_joints: np.ndarray) -> None:
    """Joints stored in another order, with others among them, arrive at their own places."""
    corpus = load_corpus(corpus_dir, "tiny", "train")
    joints = np.einsum("jk,tkc->tjc", ancestor_matrix(SEALCAP26).numpy(), corpus.bones)
    assert np.abs(joints - recorded_joints).max() < 0.001
    assert corpus.fps == 30.0
    assert corpus.frames.tolist() == [40, 60, 30]


def test_clips_without_all_joints_are_left_out(tmp_path: Path, arrays) -> None:
    """A clip with an uncaptured joint, in the table or as gaps, is not used."""
    arrays["joint_valid"][0, 3] = False
    arrays["rel"][45, 5] = -32768
    np.savez(tmp_path / "c_train.npz", **arrays)
    assert load_corpus(tmp_path, "c", "train").subject == ("two",)


def _nan(arrays: dict[str, np.ndarray]) -> None:
    arrays["root"][3, 1] = np.nan


def _fewer_joints(arrays: dict[str, np.ndarray]) -> None:
    arrays["rel"] = arrays["rel"][:, :-1]


def _no_knee(arrays: dict[str, np.ndarray]) -> None:
    arrays["joints"] = np.array([n if n != "l_knee" else "l_patella" for n in arrays["joints"]])


def _no_field(arrays: dict[str, np.ndarray]) -> None:
    del arrays["stature"]


def _two_rates(arrays: dict[str, np.ndarray]) -> None:
    arrays["fps"][0] = 60


def _bad_start(arrays: dict[str, np.ndarray]) -> None:
    arrays["start"] = arrays["start"][::-1]


def _nobody(arrays: dict[str, np.ndarray]) -> None:
    arrays["stature"][1] = np.nan


def _no_scale(arrays: dict[str, np.ndarray]) -> None:
    arrays["scale"] = np.float32(0)


def _still(arrays: dict[str, np.ndarray]) -> None:
    arrays["fps"][:] = 0


def _fewer_marks(arrays: dict[str, np.ndarray]) -> None:
    arrays["joint_valid"] = arrays["joint_valid"][:, :-1]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_nobody, "the person of clip1 is nan m tall"),
        (_no_scale, "scale must be a positive number"),
        (_still, "0 frames per second"),
        (_fewer_marks, "one column for each of the 27 joints"),
        (_nan, "not finite"),
        (_fewer_joints, "do not fit 27 joints"),
        (_no_knee, "lacks the joints left_knee"),
        (_no_field, "lacks stature"),
        (_two_rates, "mixes frame rates"),
        (_bad_start, "start must rise"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, arrays, damage, message: str) -> None:
    """Each kind of damage has its own message."""
    damage(arrays)
    np.savez(tmp_path / "c_train.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load_corpus(tmp_path, "c", "train")


ODD = [
    np.array("x"), np.array(["a", "b", "c"]), np.zeros(0), np.float64(3), np.ones((2, 2)),
    np.full(3, np.nan), np.ones(3, complex), np.zeros(3, "M8[s]"), np.array([0]), np.full(4, 2**62),
]  # fmt: skip


@pytest.mark.parametrize("field", corpus_arrays())
def test_arrays_of_another_kind_are_refused(tmp_path: Path, field: str) -> None:
    """Text for numbers, other axes, other lengths: a message that names the field, never another error."""
    right = corpus_arrays()[field]
    for odd in ODD:
        alike = odd.dtype.kind == right.dtype.kind and odd.ndim == right.ndim
        if alike and odd.shape == right.shape:
            continue  # names and numbers like any other
        np.savez(tmp_path / "c_train.npz", **corpus_arrays() | {field: odd})
        with pytest.raises(DataError, match=field):
            load_corpus(tmp_path, "c", "train")


def test_lifters_learn_at_the_rate_of_live_video(tmp_path: Path, settings: dict) -> None:
    """A corpus of 60 frames per second would make a lifter that takes live motion for half as fast."""
    for split in ("train", "val"):
        fast = corpus_arrays() | {"fps": np.full(3, 60.0, np.float32)}
        np.savez(tmp_path / f"tiny_{split}.npz", **fast)
    assert load_corpus(tmp_path, "tiny", "val").fps == 60
    config = parse_config(settings | {"corpus": {"folder": str(tmp_path), "name": "tiny"}}, "test")
    with pytest.raises(DataError, match=r"60 frames per second.*--fps 30"):
        train(config, tmp_path / "run")


def test_missing_split_names_what_is_there(corpus_dir: Path) -> None:
    """A split that does not exist gives an error that lists the files that do."""
    with pytest.raises(DataError, match=r"tiny_train\.npz"):
        load_corpus(corpus_dir, "tiny", "holdout")


def test_no_archive(tmp_path: Path) -> None:
    """A text file with the right name is a DataError too."""
    (tmp_path / "c_train.npz").write_text("hello")
    with pytest.raises(DataError, match="cannot be read"):
        load_corpus(tmp_path, "c", "train")


def test_real_corpus_splits_share_no_person(motion_dir: Path) -> None:
    """No subject of the shipped corpus is in two splits."""
    people = [set(load_corpus(motion_dir, "cmu", split).subject) for split in ("train", "val", "test")]
    assert not people[0] & people[1]
    assert not people[0] & people[2]
    assert not people[1] & people[2]
