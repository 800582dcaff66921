"""Several processes train one network: really two of them, started by torchrun, on the CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from lifting.errors import ConfigError
from training import distributed
from training.batches import BatchMaker
from training.config import parse_config
from training.corpus import load_corpus
from training.distributed import Process, data_parallel, first_process, joined
from training.trainer import Trainer, learning_rate

CPU = torch.device("cpu")
STEPS = 4
_KEEP_OWN_WEIGHTS = """
import os, sys
from pathlib import Path
from safetensors.torch import save_file
from training import trainer
from training.config import load_config

class Kept(trainer.Trainer):
    def train_step(self, batch):
        losses = super().train_step(batch)
        tensors = {n: p.detach().clone() for n, p in self.lifter.named_parameters()}
        for name, judge in self.judges.items():
            tensors |= {f"judge.{name}.{n}": t for n, t in judge.tensors().items()}
        save_file(tensors, Path(sys.argv[2]) / f"rank{os.environ['RANK']}.safetensors")
        return losses

trainer.Trainer = Kept
trainer.train(load_config(Path(sys.argv[1])), Path(sys.argv[2]) / "run")
"""
"""Trains as `sealcap train` does and also writes the weights of every process after each step."""


def two_processes(settings: dict[str, Any], folder: Path) -> list[dict[str, torch.Tensor]]:
    """Weights of both processes after a training by two."""
    (folder / "c.yaml").write_text(yaml.safe_dump(settings))
    (folder / "script.py").write_text(_KEEP_OWN_WEIGHTS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(folder / "script.py"), str(folder / "c.yaml"), str(folder)]
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=root, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return [load_file(folder / f"rank{rank}.safetensors") for rank in range(2)]


def test_two_processes_learn_what_one_does_from_both_batches(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """Both end with the same weights: those of one process that descends on the mean of both losses."""
    settings["model"]["options"]["dropout"] = 0.0
    settings["losses"] = {"position": 1.0}
    settings["optimiser"] |= {"steps": STEPS, "batch": 8, "bf16": False}
    first, second = two_processes(settings, tmp_path)
    assert all(torch.equal(first[name], second[name]) for name in first)
    config = parse_config(settings, "test")
    maker = BatchMaker(load_corpus(config.corpus.folder, "tiny", "train"), config)
    alone = Trainer(config)
    alone.lifter.train()
    for step in range(STEPS):
        for group in alone.optimiser.param_groups:
            group["lr"] = learning_rate(config, step)
        losses = [alone.terms["position"](alone.answer(maker(2 * step + rank))) for rank in range(2)]
        alone._descend(torch.stack(losses).mean())
    for name, parameter in alone.lifter.named_parameters():
        assert torch.allclose(parameter, first[name], atol=1e-6), name
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()
    assert len(list((tmp_path / "run").glob("events.*"))) == 1, "only the first process writes"


def test_judges_stay_together(settings: dict[str, Any], tmp_path: Path) -> None:
    """With SEAL, the loss-nets of both processes are the same to the last bit, and so are the lifters.

    Moments, steps and the calibrated weight are, too: the checkpoint holds those of the first process alone.
    """
    net = {"loss_net": "mlp", "options": {"width": 16, "dropout": 0.0}, "gradient_ratio": 0.1}
    settings |= {"seal": net}
    settings["optimiser"] |= {"steps": 2, "batch": 8}
    first, second = two_processes(settings, tmp_path)
    assert any(name.startswith("judge.seal.network") for name in first)
    assert first["judge.seal.calibration"][2] > 0, "the weight was measured"
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_alone_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torchrun: first of one, its batches are the steps, the network is not wrapped."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as process:
        assert process.first
        assert [process.batch_of(step) for step in range(3)] == [0, 1, 2]
        process.check_same(5)
        network = torch.nn.Linear(2, 2)
        assert data_parallel(network, CPU) is network
    assert first_process()


def test_batches_are_shared_out() -> None:
    """Three processes take every batch once."""
    taken = [Process(rank, 3, CPU).batch_of(step) for step in range(4) for rank in range(3)]
    assert taken == list(range(12))


def test_the_module_is_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m training train CONFIG` complains in one line, with the exit code of bad settings."""
    from training.__main__ import main

    monkeypatch.setattr(sys, "argv", ["training", "train", str(tmp_path / "no.yaml")])
    assert main() == 2
    assert "no.yaml" in capsys.readouterr().err


def test_other_checkpoints_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that does not see the common folder would begin at step 0: that is an error."""

    def gather(into: list[torch.Tensor], own: torch.Tensor) -> None:
        into[0].fill_(400)
        into[1].copy_(own)

    monkeypatch.setattr(distributed.distributed, "all_gather", gather)
    with pytest.raises(ConfigError, match=r"steps 400, 0\. Give --out a folder that all machines share"):
        Process(1, 2, CPU).check_same(0)
