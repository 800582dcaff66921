"""The corpus loader maps joints by name and refuses what it cannot trust."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.errors import DataError
from lifting.skeleton import SEALCAP26
from training.bodies import ancestor_matrix
from training.corpus import load_corpus


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


@pytest.mark.parametrize(
    ("damage", "message"),
    [
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
