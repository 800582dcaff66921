"""Checkpoints that need pickle: their tensors come out, and nothing of them runs."""

from __future__ import annotations

import collections
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lifting.errors import ConfigError, ModelError
from realtime.cli import main
from realtime.models import unpack_checkpoint
from realtime.models.unpack import unpack
from realtime.models.unpack_checkpoint import Refused, tensors


class Runs:
    """Pickled, it would make a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def state() -> dict[str, torch.Tensor]:
    """Every type, a view, a transposed one, a scalar, an empty one, a shared one."""
    torch.manual_seed(0)
    base = torch.randn(6, 8)
    return collections.OrderedDict(
        {
            "base": base,
            "view": base[2:5, 1:7:2],
            "turned": base.T,
            "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
            "half": base.half(),
            "bf16": base.bfloat16(),
            "double": base.double(),
            "long": torch.arange(5),
            "bool": base > 0,
            "byte": torch.arange(7, dtype=torch.uint8),
            "scalar": torch.tensor(3.5),
            "empty": torch.zeros(0, 3),
            "parameter": torch.nn.Parameter(torch.randn(3)),
        }
    )


def test_tensors_arrive_unchanged(tmp_path: Path) -> None:
    """As torch itself reads them, out of a checkpoint with numpy and foreign classes in its meta."""
    file, out = tmp_path / "in.pth", tmp_path / "out.safetensors"
    meta = {"dataset_meta": {"sigmas": np.ones(17), "name": "coco"}, "when": np.float64(3), "path": Path("x")}
    torch.save({"meta": meta, "state_dict": state(), "optimizer": {"lr": torch.ones(2)}}, file)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(file, weights_only=True)
    done = unpack(file, out)
    got = load_file(out)
    assert done.tensors == len(got) == len(state())
    for name, expected in state().items():
        assert got[name].dtype == expected.dtype, name
        assert torch.equal(got[name], expected), name


def test_a_bare_state_dictionary(tmp_path: Path) -> None:
    """Without `state_dict` around it."""
    torch.save(dict(state()), tmp_path / "in.pth")
    assert set(tensors(tmp_path / "in.pth")) == set(state())


def test_nothing_of_a_checkpoint_runs(tmp_path: Path) -> None:
    """What would make a folder makes none, and the tensors come out all the same."""
    torch.save(
        {"state_dict": state(), "evil": Runs(tmp_path / "made")}, tmp_path / "in.pth", pickle_protocol=2
    )
    assert unpack(tmp_path / "in.pth", tmp_path / "out.safetensors").tensors == len(state())
    assert not (tmp_path / "made").exists()


def rewritten(file: Path, target: Path, index: bytes) -> Path:
    """The archive with another pickle."""
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as out:
        for info in source.infolist():
            out.writestr(info.filename, index if info.filename.endswith("data.pkl") else source.read(info))
    return target


class Reference:
    """Pickled as a call of `name` in `module` with `arguments`, whatever these are."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call, self.arguments


def saved(content: Any, pid: Any) -> bytes:
    """A pickle in which the text `numbers` is the persistent id `pid`."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            return pid if isinstance(value, str) and value == "numbers" else None

    out = io.BytesIO()
    Pickler(out, 2).dump(content)
    return out.getvalue()


REBUILD = torch._utils._rebuild_tensor_v2
GOOD_PID = ("storage", torch.FloatStorage, "0", "cpu", 48)


@pytest.mark.parametrize(("arguments", "pid", "complaint"), [
    (("numbers", 0, (100,), (1,), False, None), GOOD_PID, "leaves its"),
    (("numbers", 40, (6, 8), (8, 1), False, None), GOOD_PID, "leaves its"),
    (("numbers", 0, (-1,), (1,), False, None), GOOD_PID, "impossible shape"),
    (("numbers", 0, (4,), (-1,), False, None), GOOD_PID, "impossible shape"),
    (("numbers", 0, (1 << 60,), (0,), False, None), GOOD_PID, "impossible shape"),
    (("numbers", 0, (1 << 31, 1 << 10), (0, 0), False, None), GOOD_PID, "larger than"),
    (("numbers", 0, (2, 2), (1,), False, None), GOOD_PID, "leaves its"),
    (("numbers", True, (2,), (1,), False, None), GOOD_PID, "impossible shape"),
    (("numbers", 0, [2], (1,), False, None), GOOD_PID, "damaged"),
    (("text", 0, (2,), (1,), False, None), GOOD_PID, "without numbers"),
    (("numbers", 0, (2,), (1,), False, None), ("storage", torch.FloatStorage, "../x", "cpu", 4), "storage"),
    (("numbers", 0, (2,), (1,), False, None), ("storage", torch.FloatStorage, "77", "cpu", 4), "damaged"),
    (("numbers", 0, (2,), (1,), False, None), ("module", "x"), "no storage"),
    (("numbers", 0, (2,), (1,), False, None), ("storage", os.mkdir, "0", "cpu", 4), "no storage"),
])  # fmt: skip
def test_hostile_tensors(tmp_path: Path, arguments: tuple[Any, ...], pid: Any, complaint: str) -> None:
    """Shapes, strides and storages are checked before any memory is touched."""
    torch.save({"w": torch.randn(6, 8)}, tmp_path / "good.pth")
    index = saved({"w": Reference(REBUILD, *arguments)}, pid)
    with pytest.raises(Refused, match=complaint):
        tensors(rewritten(tmp_path / "good.pth", tmp_path / "bad.pth", index))


def test_the_crafted_pickle_itself_is_fine(tmp_path: Path) -> None:
    """With right numbers the same construction reads: the test above fails for the reason it names."""
    torch.save({"w": torch.arange(48.0)}, tmp_path / "good.pth")
    index = saved({"w": Reference(REBUILD, "numbers", 1, (2, 3), (8, 1), False, None)}, GOOD_PID)
    found = tensors(rewritten(tmp_path / "good.pth", tmp_path / "new.pth", index))
    assert np.frombuffer(found["w"].content, "<f4").tolist() == [1, 2, 3, 9, 10, 11]


def test_shared_branches_cannot_explode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten levels of ten references to the level below are ten thousand million leaves."""
    torch.save({"w": torch.ones(2)}, tmp_path / "good.pth")
    level: Any = {"x": 1}
    for _ in range(10):
        level = dict.fromkeys("abcdefghij", level)
    monkeypatch.setattr(unpack_checkpoint, "MAX_VISITS", 10_000)
    with pytest.raises(Refused, match="nested too deeply"):
        tensors(rewritten(tmp_path / "good.pth", tmp_path / "bad.pth", pickle.dumps(level)))


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x80\2}q\0.", b"x" * 100])
def test_what_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    """One sentence, and no file appears."""
    (tmp_path / "in.pth").write_bytes(content)
    with pytest.raises(ModelError, match="was not unpacked"):
        unpack(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["in.pth"]


def test_a_cut_checkpoint(tmp_path: Path) -> None:
    """Half an archive is none."""
    torch.save({"w": torch.randn(1000)}, tmp_path / "in.pth")
    (tmp_path / "in.pth").write_bytes((tmp_path / "in.pth").read_bytes()[:2000])
    with pytest.raises(ModelError, match="damaged"):
        unpack(tmp_path / "in.pth", tmp_path / "out.safetensors")


def test_the_old_format_is_named(tmp_path: Path) -> None:
    """A zip without torch's index."""
    with zipfile.ZipFile(tmp_path / "in.pth", "w") as out:
        out.writestr("something", b"else")
    with pytest.raises(ModelError, match=r"no checkpoint of torch 1\.6 or newer"):
        unpack(tmp_path / "in.pth", tmp_path / "out.safetensors")


def test_wrong_paths(tmp_path: Path) -> None:
    """Missing input, foreign suffix, missing folder."""
    with pytest.raises(ConfigError, match="There is no checkpoint"):
        unpack(tmp_path / "in.pth", tmp_path / "out.safetensors")
    torch.save(dict(state()), tmp_path / "in.pth")
    for out in (tmp_path / "out.pth", tmp_path / "no" / "out.safetensors"):
        with pytest.raises(ConfigError, match=r"ends in \.safetensors"):
            unpack(tmp_path / "in.pth", out)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the error of a refused checkpoint prints it."""
    torch.save({"state_dict": state(), "evil": Runs(tmp_path / "made")}, tmp_path / "in.pth")
    assert main(["models", "unpack", str(tmp_path / "in.pth"), str(tmp_path / "out.safetensors")]) == 0
    assert f"{len(state())} tensors" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
