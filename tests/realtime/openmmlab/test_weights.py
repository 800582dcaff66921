"""Weights out of checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lifting.errors import ModelError
from realtime.models.unpack import unpack
from realtime.openmmlab.weights import read_weights

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


def same(got: dict[str, torch.Tensor]) -> bool:
    """Whether these are the tensors of STATE."""
    return set(got) == set(STATE) and all(torch.equal(got[k], v) for k, v in STATE.items())


def test_plain_checkpoints(tmp_path: Path) -> None:
    """With `state_dict` and without, and as safetensors."""
    torch.save({"meta": {"epoch": 3}, "state_dict": STATE}, tmp_path / "a.pth")
    torch.save(STATE, tmp_path / "b.pth")
    save_file(STATE, tmp_path / "c.safetensors")
    assert all(same(read_weights(tmp_path / name)) for name in ("a.pth", "b.pth", "c.safetensors"))


def test_a_checkpoint_that_needs_pickle_is_refused_and_unpacks(tmp_path: Path) -> None:
    """The error prints the command; what it makes is read."""
    file = tmp_path / "full.pth"
    torch.save({"meta": {"dataset_meta": {"sigmas": np.ones(17)}}, "state_dict": STATE}, file)
    command = f"sealcap models unpack {file} {tmp_path / 'full.safetensors'}"
    with pytest.raises(ModelError) as caught:
        read_weights(file)
    assert str(caught.value).endswith(command)
    unpack(file, tmp_path / "full.safetensors")
    assert same(read_weights(tmp_path / "full.safetensors"))


@pytest.mark.parametrize(("name", "content"), [
    ("a.pth", b""), ("b.pth", b"no checkpoint"), ("c.pth", b"PK\3\4" + b"x" * 100),
    ("d.safetensors", b"\x10\0\0\0\0\0\0\0{}"), ("e.safetensors", b""),
])  # fmt: skip
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    """One sentence each."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=r"is damaged|holds more than tensors"):
        read_weights(tmp_path / name)


def test_no_weights_inside(tmp_path: Path) -> None:
    """A checkpoint of nothing, and one that is not there."""
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="holds no weights"):
        read_weights(tmp_path / "a.pth")
    with pytest.raises(ModelError, match="There is no checkpoint"):
        read_weights(tmp_path / "b.pth")
