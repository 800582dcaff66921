"""One cell: `python -m training.compare.cell FOLDER` trains what FOLDER/cell.json says and measures it.

Writes FOLDER/result.json as the last thing, whole or not at all; until then FOLDER/checkpoint.safetensors
lets an interrupted cell continue as if it had not been.
"""

from __future__ import annotations

import datetime
import os
import platform
import sys
import time
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from lifting.errors import DataError, SealcapError
from lifting.models.ray_lifter import RayLifter
from training.batches import feed
from training.checkpoint import load_checkpoint, save_checkpoint
from training.compare.measure import measure
from training.config import TrainingConfig
from training.devices import best_device
from training.trainer import Trainer
from training.window_bank import BankMaker, WindowBank

SPLITS = ("train", "val", "test")


class CellJob(BaseModel):
    """What a cell must do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str
    arm: str
    seed: int
    tuned: dict[str, float]
    """Dotted key → value of every knob that was turned."""
    indicative: bool
    config: TrainingConfig
    bank: Path
    """Folder with one window bank per split."""
    bank_hash: dict[str, str]
    """Split → hash of the bank that must be there."""
    sequence_frames: int
    """Answers per held-out sequence."""
    threads: int
    """Of the CPU, for this cell."""


class CellResult(BaseModel):
    """What came out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str
    arm: str
    seed: int
    tuned: dict[str, float]
    indicative: bool
    val: dict[str, float]
    """Measures on the validation split, which chooses the values of the knobs; else empty."""
    test: dict[str, float]
    """The same on the test split, which is what the tables show."""
    losses: dict[str, float]
    """Mean over the last tenth of the steps, gradient ratios of judges included."""
    steps: int
    batch: int
    parameters: int
    """Of the network that is exported."""
    seconds: float
    """Of training."""
    windows_per_s: float
    data_share: float
    """Share of the training time spent waiting for data, 0..1."""
    device: str
    threads: int
    date: str


def run_cell(folder: Path) -> CellResult:
    """Train, measure and write the result. Raises DataError when the job or its bank is not as it must be."""
    job = _job(folder / "cell.json")
    torch.set_num_threads(job.threads)
    banks = {split: _bank(job, split) for split in SPLITS}
    run = _Run(job, folder, BankMaker)
    run.train(banks["train"])
    lifter = run.trainer.averaged()
    if not isinstance(lifter, RayLifter):
        raise DataError("Comparisons run on motion corpora; set corpus.kind to motion.")
    wanted = SPLITS[1:] if job.tuned else SPLITS[2:]
    errors = {s: measure(lifter, banks[s], job.sequence_frames, run.trainer.device) for s in wanted}
    optimiser = job.config.optimiser
    result = CellResult(
        backbone=job.backbone,
        arm=job.arm,
        seed=job.seed,
        tuned=job.tuned,
        indicative=job.indicative,
        val=errors.get("val", {}),
        test=errors["test"],
        losses=run.mean_losses(),
        steps=optimiser.steps,
        batch=optimiser.batch,
        parameters=sum(p.numel() for p in lifter.parameters()),
        seconds=round(run.seconds, 1),
        windows_per_s=round(optimiser.batch * run.made / max(run.here, 1e-9), 1),
        data_share=round(run.waited / max(run.here, 1e-9), 4),
        device=device_name(run.trainer.device),
        threads=job.threads,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    write_whole(folder / "result.json", result.model_dump_json(indent=1))
    return result


def load_result(path: Path) -> CellResult | None:
    """The result of a finished cell; None when there is none. Raises DataError when it is damaged."""
    if not path.is_file():
        return None
    try:
        return CellResult.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no result of this version. Delete it to train the cell anew.") from error


def write_whole(path: Path, text: str) -> None:
    """Replace `path` so that a reader sees the old text or the new one, never half of it."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def device_name(device: torch.device) -> str:
    """What did the work, for the record."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


class _Run:
    """The training loop of a cell with its clock."""

    def __init__(self, job: CellJob, folder: Path, maker: type[BankMaker]) -> None:
        self._job, self._folder, self._maker = job, folder, maker
        self.trainer = Trainer(job.config, best_device())
        self._path = folder / "checkpoint.safetensors"
        self._before = 0.0
        self.here = self.waited = 0.0
        self.made = 0
        self._sums: dict[str, float] = {}
        self._counted = 0
        if self._path.is_file():
            checkpoint = load_checkpoint(self._path)
            self.trainer.restore(checkpoint)
            self._before = checkpoint.seconds

    @property
    def seconds(self) -> float:
        """Of training, interrupted calls included."""
        return self._before + self.here

    def train(self, bank: WindowBank) -> None:
        """To the last step."""
        config, trainer = self._job.config, self.trainer
        last = config.optimiser.steps
        maker = self._maker(bank, config, trainer.clip_frames)
        begin = asked = time.monotonic()
        for batch in feed(maker, trainer.step, last):
            self.waited += time.monotonic() - asked
            self._count(trainer.train_step(batch), last)
            self.here = time.monotonic() - begin
            if trainer.step % config.checkpoint_every == 0 or trainer.step == last:
                save_checkpoint(self._path, trainer.checkpoint(self.seconds, {}))
            if trainer.step % 20 == 0 or trainer.step == last:
                (self._folder / "progress").write_text(f"{trainer.step} {last}", encoding="utf-8")
            asked = time.monotonic()

    def mean_losses(self) -> dict[str, float]:
        """Over the last tenth of the steps, as far as they were made by this call."""
        return {name: value / max(self._counted, 1) for name, value in self._sums.items()}

    def _count(self, losses: dict[str, float], last: int) -> None:
        self.made += 1
        if self.trainer.step > 0.9 * last:
            self._counted += 1
            for name, value in losses.items():
                self._sums[name] = self._sums.get(name, 0.0) + value


def _job(path: Path) -> CellJob:
    try:
        return CellJob.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no cell of a comparison: {error}") from error


def _bank(job: CellJob, split: str) -> WindowBank:
    bank = WindowBank(job.bank / split)
    if bank.hash != job.bank_hash[split]:
        raise DataError(
            f"{job.bank / split} holds other data than when this comparison was planned. Start it again."
        )
    return bank


def main(argv: list[str]) -> int:
    """Returns the exit code; the last line of stderr says what went wrong."""
    try:
        run_cell(Path(argv[0]))
    except SealcapError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
