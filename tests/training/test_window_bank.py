"""Window banks: the same for any number of threads, continued after an interruption, and never mistaken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lifting.errors import DataError
from training import window_bank
from training.batches import BatchMaker, from_hips
from training.config import TrainingConfig
from training.window_bank import BankMaker, BankRequest, WindowBank, prepare_bank


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_bank, "CHUNK", 16)


@pytest.fixture
def request_40(tiny_config: TrainingConfig) -> BankRequest:
    """Forty windows of five frames: two whole chunks and a half."""
    return BankRequest(tiny_config, "train", 40, 5)


def content(folder: Path) -> list[bytes]:
    """The arrays on disk."""
    return [path.read_bytes() for path in sorted(folder.glob("*.npy"))]


def test_threads_and_calls_do_not_matter(request_40: BankRequest, tmp_path: Path) -> None:
    """One thread and three give the same bytes; another seed and another split give other ones."""
    one, three = (prepare_bank(tmp_path / str(n), request_40, n) for n in (1, 3))
    assert content(tmp_path / "1") == content(tmp_path / "3")
    assert one.hash == three.hash
    assert len(one) == 40
    prepare_bank(tmp_path / "other", replace(request_40, seed=2))
    assert content(tmp_path / "1") != content(tmp_path / "other")


def test_an_interrupted_bank_continues(
    request_40: BankRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill only the missing chunks are made, and the result is that of an uninterrupted call."""
    prepare_bank(tmp_path / "whole", request_40)
    real, calls = BatchMaker.windows, []

    def dying(self: BatchMaker, *args: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(BatchMaker, "windows", dying)
    with pytest.raises(KeyboardInterrupt):
        prepare_bank(tmp_path / "killed", request_40)
    assert not (tmp_path / "killed").exists(), "half a bank never looks like one"
    told: list[int] = []
    prepare_bank(tmp_path / "killed", request_40, made=told.append)
    assert sum(told) == 40
    assert told[0] > 0, "rows of the first call are kept"
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_another_bank_is_refused(request_40: BankRequest, tmp_path: Path) -> None:
    """A folder made with other settings is not used silently; the message names what differs."""
    prepare_bank(tmp_path / "bank", request_40)
    camera = request_40.config.camera.model_copy(update={"roll_sd_deg": 9.0})
    other = replace(request_40, config=request_40.config.model_copy(update={"camera": camera}), count=50)
    with pytest.raises(DataError, match=r"made with another camera, count\. Delete it"):
        prepare_bank(tmp_path / "bank", other)
    corpus = request_40.config.corpus.folder / "tiny_train.npz"
    with np.load(corpus) as file:
        arrays = dict(file)
    np.savez(corpus, **(arrays | {"stature": arrays["stature"] + 0.1}))
    with pytest.raises(DataError, match="made with another corpus"):
        prepare_bank(tmp_path / "bank", request_40)


def test_damaged_banks(request_40: BankRequest, tmp_path: Path) -> None:
    """A missing array, a wrong shape and nonsense in the description are data errors."""
    prepare_bank(tmp_path / "bank", request_40)
    with pytest.raises(DataError, match="6 are needed"):
        WindowBank(tmp_path / "bank").take(np.arange(2), 6)
    np.save(tmp_path / "bank" / "gravity.npy", np.zeros((40, 3), np.float32))
    with pytest.raises(DataError, match=r"gravity.npy must be \(40, 4\) float32, got \(40, 3\)"):
        WindowBank(tmp_path / "bank")
    (tmp_path / "bank" / "gravity.npy").unlink()
    with pytest.raises(DataError, match="no whole window bank"):
        WindowBank(tmp_path / "bank")
    (tmp_path / "bank" / "bank.json").write_text("[]")
    with pytest.raises(DataError, match="no whole window bank"):
        WindowBank(tmp_path / "bank")


def test_batches_follow_from_seed_and_step(request_40: BankRequest, tmp_path: Path) -> None:
    """The same step gives the same batch, losses and networks play no part, and seeds differ."""
    bank = prepare_bank(tmp_path / "bank", request_40)
    config = request_40.config.model_copy(
        update={"optimiser": request_40.config.optimiser.model_copy(update={"batch": 12})}
    )
    first, second = BankMaker(bank, config, 2), BankMaker(bank, config, 2)
    assert torch.equal(first(7).crop.joints, second(7).crop.joints)
    other_arm = BankMaker(bank, config.model_copy(update={"losses": {"joint": 1.0}}), 1)
    assert np.array_equal(first.rows(7), other_arm.rows(7))
    assert torch.equal(first(3).target[:12], other_arm(3).target), "more frames answer before, not instead"
    other_seed = BankMaker(bank, config.model_copy(update={"seed": 5}), 2)
    assert not np.array_equal(first.rows(7), other_seed.rows(7))


def test_every_window_once_per_epoch(request_40: BankRequest, tmp_path: Path) -> None:
    """Forty windows in batches of twelve: the first forty rows are all different, the next too."""
    bank = prepare_bank(tmp_path / "bank", request_40)
    optimiser = request_40.config.optimiser.model_copy(update={"batch": 12})
    maker = BankMaker(bank, request_40.config.model_copy(update={"optimiser": optimiser}))
    drawn = np.concatenate([maker.rows(step) for step in range(7)])
    for epoch in (drawn[:40], drawn[40:80]):
        assert sorted(epoch) == list(range(40))
    assert not np.array_equal(drawn[:40], drawn[40:80])


def test_take_gives_the_newest_frames(request_40: BankRequest, tmp_path: Path) -> None:
    """Shorter windows end in the same frame; a batch's truth is that frame's joints from mid-hip."""
    bank = prepare_bank(tmp_path / "bank", request_40)
    rows = np.array([3, 1])
    long, short = bank.take(rows, 5), bank.take(rows, 3)
    assert torch.equal(long.joints_cam[:, 2:], short.joints_cam)
    assert torch.equal(long.keypoints[:, 2:], short.keypoints)
    maker = BankMaker(bank, request_40.config)
    batch = maker(0)
    truth = from_hips(bank.take(maker.rows(0), 3).joints_cam)
    assert torch.allclose(batch.target, truth)


def test_a_batch_larger_than_the_bank(request_40: BankRequest, tmp_path: Path) -> None:
    """Too few windows for one batch are refused at once."""
    bank = prepare_bank(tmp_path / "bank", replace(request_40, count=20))
    with pytest.raises(DataError, match="A batch of 32 needs more than 20 windows"):
        BankMaker(bank, request_40.config)
