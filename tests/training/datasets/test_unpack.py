"""Unpacking pickled .npz files: data arrive unchanged, programs are refused and never run."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.errors import DataError
from training.datasets import unpickle
from training.datasets.unpack import unpack


class Runs:
    """Unpickling it calls `function(argument)`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def npz_with(path: Path, payload: bytes) -> Path:
    """An .npz whose only member is an object array with the given pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.npy", header.getvalue() + payload)
    return path


def nested() -> dict[str, Any]:
    """Data of every kind that the community files hold."""
    rng = np.random.default_rng(3)
    return {
        "S1": {
            "Walking 1": rng.normal(size=(5, 32, 3)).astype(np.float32),
            "Sitting": [rng.normal(size=(2, 3))],
        },
        "fps": 50,
        "share": 0.5,
        "name": "h36m",
        "symmetry": [[4, 5, 6], [1, 2, 3]],
        "big_endian": np.arange(4, dtype=">i4"),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "scalar": np.float32(2.5),
        "flags": np.array([True, False]),
    }


def leaf(data: Any, parts: list[str]) -> Any:
    for part in parts:
        data = data[int(part)] if isinstance(data, list) else data[part]
    return data


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_data_arrive_unchanged(tmp_path: Path, protocol: int) -> None:
    """Every leaf of the dictionary is there under its flat name, bit for bit, for every protocol."""
    data = nested()
    source = npz_with(tmp_path / "in.npz", pickle.dumps(np.array(data, dtype=object), protocol))
    report = unpack(source, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as plain:
        names = [name for name in plain.files if name != "source"]
        assert report.arrays == len(names) == 11
        for name in names:
            expected = leaf(data, name.split("/")[1:])
            assert np.array_equal(plain[name], expected)
        assert plain["data/S1/Walking 1"].dtype == np.float32
        assert str(plain["source"]) == f"in.npz sha256:{report.sha256}"


def test_what_numpy_writes(tmp_path: Path) -> None:
    """A file made by numpy.savez_compressed with an object array and a plain one comes out plain."""
    np.savez_compressed(
        tmp_path / "in.npz", positions_3d=np.array(nested(), dtype=object), plain=np.arange(3)
    )
    unpack(tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as plain:
        assert plain["positions_3d/S1/Walking 1"].shape == (5, 32, 3)
        assert plain["plain"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch {mark}",), "system"),
        (eval, ("open('{mark}', 'w')",), "eval"),
        (exec, ("open('{mark}', 'w')",), "exec"),
        (open, ("{mark}", "w"), "open"),
        (np.fromfile, ("{mark}",), "fromfile"),
        (getattr, (np, "load"), "getattr"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_programs_are_refused(
    tmp_path: Path, function: Any, arguments: tuple[Any, ...], named: str, protocol: int
) -> None:
    """A pickle that calls a function is refused by the name of the function; nothing ran, nothing is left."""
    mark = tmp_path / "it_ran"
    given = [a.format(mark=mark) if isinstance(a, str) else "x" for a in arguments]
    payload = pickle.dumps({"S1": Runs(function, *given)}, protocol)
    source = npz_with(tmp_path / "evil.npz", payload)
    with pytest.raises(DataError, match=named):
        unpack(source, tmp_path / "out.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["evil.npz"]


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "system"),
        (b"cnumpy\nloads\n.", "numpy.loads"),
        (b"cnumpy\nndarray.tofile\n.", "tofile"),
        (b"\x80\x02cnumpy\ndtype\n(X\x02\x00\x00\x00V8tR.", "type"),
        (b"(lp0\ng0\na.", "deep"),
        (b"garbage", "damaged"),
        (b"", "damaged"),
        (pickle.dumps(list(range(1000)))[:-20], "damaged"),
        (pickle.dumps({"a/b": 1}), "key"),
        (pickle.dumps({"..": 1}), "key"),
        (pickle.dumps({"a": 10**40}), "too large"),
        (pickle.dumps({"a": b"bytes"}), "bytes"),
        (pickle.dumps({"a": {1, 2}}), "set"),
    ],
)
def test_hostile_streams(tmp_path: Path, payload: bytes, complaint: str) -> None:
    """Forbidden names, cycles, impossible keys and damaged streams each get one clear sentence."""
    with pytest.raises(DataError, match=complaint):
        unpack(npz_with(tmp_path / "in.npz", payload), tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()


def test_array_memory_is_checked(tmp_path: Path) -> None:
    """An array whose shape does not fit its bytes is refused, so no foreign memory is ever read."""
    payload = pickle.dumps(np.zeros((2, 3)), 2).replace(b"K\x02K\x03\x86", b"K\x7fK\x03\x86")
    with pytest.raises(DataError, match="shape"):
        unpack(npz_with(tmp_path / "in.npz", payload), tmp_path / "out.npz")


def test_shared_branches_cannot_explode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists that contain the same list many times, level by level, hit the limit on the number of arrays."""
    monkeypatch.setattr(unpickle, "MAX_ARRAYS", 1000)
    level: list[Any] = [np.zeros(1)]
    for _ in range(6):
        level = [level] * 10
    source = npz_with(tmp_path / "in.npz", pickle.dumps(level))
    with pytest.raises(unpickle.Refused, match="more than 1000"):
        unpickle.convert(source, io.BytesIO(), "")


def test_truncated_and_missing_files(tmp_path: Path) -> None:
    """A download that broke off, a file that is no zip, and no file at all are told apart from data."""
    np.savez_compressed(tmp_path / "in.npz", data=np.array(nested(), dtype=object))
    whole = (tmp_path / "in.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged"):
        unpack(tmp_path / "cut.npz", tmp_path / "out.npz")
    with pytest.raises(DataError, match="no file"):
        unpack(tmp_path / "none.npz", tmp_path / "out.npz")
    with pytest.raises(DataError, match="itself"):
        unpack(tmp_path / "in.npz", tmp_path / "in.npz")
    with pytest.raises(DataError, match="folder"):
        unpack(tmp_path / "in.npz", tmp_path / "no" / "out.npz")


def test_confined_process_refuses_programs_and_network(tmp_path: Path) -> None:
    """After `confine`, a process cannot start programs, open sockets or write files, whatever asks for it."""
    import subprocess
    import sys

    script = (
        "import importlib.util as u, os, socket, subprocess, sys\n"
        f"spec = u.spec_from_file_location('w', {unpickle.__file__!r})\n"
        "w = u.module_from_spec(spec); sys.modules['w'] = w; spec.loader.exec_module(w); w.confine()\n"
        "for act in (lambda: os.system('true'), lambda: socket.socket(), lambda: open('x', 'w'),\n"
        "            lambda: subprocess.run(['true']), lambda: os.remove('y')):\n"
        "    try:\n        act()\n    except w.Refused:\n        print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stdout.split() == ["refused"] * 5, done.stderr


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9), protocol=st.integers(0, 5), changes=st.integers(1, 6))
def test_mutated_pickles_are_data_or_refused(seed: int, protocol: int, changes: int) -> None:
    """Whatever bytes are changed, reading ends in plain data or in a refusal, never in anything else."""
    rng = np.random.default_rng(seed)
    payload = bytearray(pickle.dumps(np.array(nested(), dtype=object), protocol))
    for place in rng.integers(0, len(payload), changes):
        payload[place] = rng.integers(0, 256)
    with contextlib.suppress(unpickle.Refused):
        for name, array in unpickle.flatten("data", unpickle.load_plain(io.BytesIO(payload))):
            assert isinstance(name, str)
            assert not array.dtype.hasobject
