"""Arrays from elsewhere: as NumPy reads them, but nothing larger than what is there, and nothing pickled."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.limits import capped
from tests.fuzz.parsers import _huge_npz
from training.plain_npz import read_arrays


def test_as_numpy_reads_them(tmp_path: Path) -> None:
    """Every kind of plain array comes back equal, in both orders and compressed or not; scalars, too."""
    arrays = {
        "f": np.arange(12, dtype=np.float32).reshape(3, 4),
        "t": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
        "s": np.array(30.0),
        "u": np.array(["pelvis", "ü"]),
        "b": np.zeros((0, 3), bool),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    for name in ("a.npz", "b.npz"):
        found = read_arrays(tmp_path / name, arrays)
        for key, array in arrays.items():
            assert found[key].dtype == array.dtype
            np.testing.assert_array_equal(found[key], array)


def test_a_header_that_lies(tmp_path: Path) -> None:
    """Two hundred bytes that claim a terabyte are refused before memory is taken."""
    (tmp_path / "huge.npz").write_bytes(_huge_npz())
    with capped(memory_bytes=100 << 20), pytest.raises(ValueError, match="does not fit"):
        read_arrays(tmp_path / "huge.npz", ["points_px"])


def test_what_is_refused(tmp_path: Path) -> None:
    """Pickled objects, missing names, files that are no archive or damaged inside."""
    np.savez(tmp_path / "o.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="pickled"):
        read_arrays(tmp_path / "o.npz", ["a"])
    with pytest.raises(KeyError, match="b"):
        read_arrays(tmp_path / "o.npz", ["b"])
    (tmp_path / "n.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="not a zip file"):
        read_arrays(tmp_path / "n.npz", ["a"])
    np.savez(tmp_path / "d.npz", a=np.arange(100))
    data = bytearray((tmp_path / "d.npz").read_bytes())
    data[300] ^= 1
    (tmp_path / "d.npz").write_bytes(data)
    with pytest.raises(ValueError, match="CRC"):
        read_arrays(tmp_path / "d.npz", ["a"])
    with zipfile.ZipFile(tmp_path / "e.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x03\x00")
    with pytest.raises(ValueError, match="version"):
        read_arrays(tmp_path / "e.npz", ["a"])
