"""`sealcap data check` and `sealcap data unpack`, as they are typed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import DataError
from realtime.cli import main
from training.datasets.check import check_data, complete


def states(kind: str, folder: Path) -> dict[str, str]:
    return {finding.file: finding.state for finding in check_data(kind, folder)}


@pytest.mark.parametrize("kind", ["h36m", "3dhp", "h3wb"])
def test_complete_folders(
    data_folders: dict[str, Path], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole data sets are good, and their terms are told."""
    assert complete(check_data(kind, data_folders[kind]))
    assert main(["data", "check", kind, str(data_folders[kind])]) == 0
    assert "non-commercial" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("h36m", "data_3d_h36m.npz"),
        ("3dhp", "data_train_3dhp.npz"),
        ("3dhp", "data_test_3dhp.npz"),
        ("h3wb", "2Dto3D_train.json"),
        ("h3wb", "2Dto3D_test_3d.json"),
    ],
)
def test_missing_and_cut_files(
    data_folders: dict[str, Path], kind: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, the name of the file, and where to get it; the same for a download that broke off."""
    path = data_folders[kind] / file
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    assert "wrong" in states(kind, path.parent).values()
    path.unlink()
    assert states(kind, path.parent)[file] == "missing"
    assert main(["data", "check", kind, str(path.parent)]) == 1
    out = capsys.readouterr().out
    assert file in out.replace("\n", "")
    assert "http" in out


def test_one_kind_of_2d_is_enough(h36m_folder: Path) -> None:
    """Of Human3.6M's 2D files any one will do."""
    (h36m_folder / "data_2d_h36m_gt.npz").unlink()
    found = states("h36m", h36m_folder)
    assert found["data_2d_h36m_cpn_ft_h36m_dbb.npz"] == "good"
    assert found["data_2d_h36m_gt.npz"] == "not there, not needed"
    assert complete(check_data("h36m", h36m_folder))
    (h36m_folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz").unlink()
    assert states("h36m", h36m_folder)["data_2d_h36m_gt.npz"] == "missing"


def test_files_that_do_not_belong_together(h36m_folder: Path, damage: Any) -> None:
    """2D that is not the projection of the 3D is found, although each file is sound by itself."""

    def shift(arrays: dict[str, np.ndarray]) -> None:
        for name in arrays:
            arrays[name] = arrays[name] + np.float32(30)

    damage(h36m_folder / "data_2d_h36m_gt.npz", shift)
    found = check_data("h36m", h36m_folder)
    assert found[-1].state == "wrong"
    assert "pixels apart" in found[-1].note
    assert not complete(found)


def test_folders_and_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that does not exist is an error of its own; an empty one lacks every file."""
    assert main(["data", "check", "h36m", str(tmp_path / "nowhere")]) == 1
    assert "no folder" in capsys.readouterr().err
    assert main(["data", "check", "3dhp", str(tmp_path)]) == 1
    with pytest.raises(DataError, match="h36m, 3dhp, h3wb"):
        check_data("coco", tmp_path)


def test_from_a_pickled_download_to_a_good_folder(
    mpi_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pickled file is told from a plain one; unpacked with the command of the message, it is good."""
    plain = mpi_folder / "data_test_3dhp.npz"
    with np.load(plain) as file:
        nested: dict[str, Any] = {}
        for name in file.files:
            _, sequence, field = name.split("/")
            nested.setdefault(sequence, {})[field] = file[name]
    before = check_data("3dhp", mpi_folder)
    np.savez_compressed(plain, data=np.array(nested, dtype=object))
    [finding] = [f for f in check_data("3dhp", mpi_folder) if f.file == plain.name]
    assert finding.state == "wrong"
    assert "sealcap data unpack" in finding.note
    assert main(["data", "unpack", str(plain), str(tmp_path / "new.npz")]) == 0
    assert "sha256" in capsys.readouterr().out
    os.replace(tmp_path / "new.npz", plain)
    after = check_data("3dhp", mpi_folder)
    assert [f.state for f in after] == [f.state for f in before] == ["good", "good"]


def test_malicious_file_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, one line, nothing ran."""

    class Runs:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path}/it_ran",)

    np.savez(tmp_path / "bad.npz", data=np.array({"S1": Runs()}, dtype=object))
    assert b"system" in (tmp_path / "bad.npz").read_bytes()
    assert pickle.HIGHEST_PROTOCOL >= 4
    assert main(["data", "unpack", str(tmp_path / "bad.npz"), str(tmp_path / "out.npz")]) == 1
    assert "system" in capsys.readouterr().err
    assert not (tmp_path / "it_ran").exists()
    assert not (tmp_path / "out.npz").exists()
