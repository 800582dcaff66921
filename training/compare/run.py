"""Runs the cells of a comparison side by side, one process each; can be killed and started again any time."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from training.compare.cell import SPLITS, CellJob, CellResult, load_result, write_whole
from training.compare.config import CompareConfig
from training.compare.plan import Cell, Outcome, decided_cells, next_cells, table_cells
from training.window_bank import BankRequest, WindowBank, prepare_bank

_POLL_S = 0.2


class Workers(Protocol):
    """Where cells are trained: processes of this machine, or a ray cluster."""

    threads: int
    """CPU threads of each cell."""

    def free(self) -> int:
        """How many cells could start now."""

    def start(self, folder: Path) -> None:
        """Begin the cell whose cell.json is in `folder`."""

    def finished(self) -> list[tuple[Path, str | None]]:
        """Cells that ended since the last call: folder, and what went wrong."""

    def stop(self) -> None:
        """End all that still run; their checkpoints stay."""


class LocalWorkers:
    """One process per cell; with GPUs, each process sees one of those that this one sees."""

    def __init__(self, at_once: int) -> None:
        slots: list[str | None] = [*_gpus()] or [None]
        self._slots = slots * at_once
        self.threads = max(1, (os.cpu_count() or 1) // len(self._slots))
        self._running: dict[Path, tuple[subprocess.Popen[bytes], str | None]] = {}

    def free(self) -> int:
        """Slots without a process."""
        return len(self._slots)

    def start(self, folder: Path) -> None:
        """What the process says goes into `folder/log.txt`."""
        slot = self._slots.pop(0)
        environment = os.environ | {"OMP_NUM_THREADS": str(self.threads)}
        if slot is not None:
            environment["CUDA_VISIBLE_DEVICES"] = slot
        command = [sys.executable, "-m", "training.compare.cell", str(folder)]
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self._running[folder] = (process, slot)

    def finished(self) -> list[tuple[Path, str | None]]:
        """Exit codes other than 0 are errors; the log's last line says which."""
        ended = [folder for folder, (process, _) in self._running.items() if process.poll() is not None]
        found = []
        for folder in ended:
            process, slot = self._running.pop(folder)
            self._slots.append(slot)
            found.append((folder, _last_words(folder, process.returncode) if process.returncode else None))
        return found

    def stop(self) -> None:
        """Terminate and wait."""
        for process, _ in self._running.values():
            process.terminate()
        for process, _ in self._running.values():
            process.wait()
        self._running.clear()


class Comparison:
    """The folder of a comparison: which cells it holds and what came of them."""

    def __init__(self, config: CompareConfig, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.banks: dict[str, WindowBank] = {}
        self._results: dict[Path, CellResult] = {}
        self._running: set[Path] = set()
        self._ended = 0

    @property
    def bank_folder(self) -> Path:
        """Where the window banks lie."""
        return self.config.bank.folder or self.folder / "bank"

    def prepare(self, made: Callable[[str, int], None]) -> None:
        """Make or open the window banks; `made` is told the split and how many rows have become ready."""
        self.bank_folder.mkdir(parents=True, exist_ok=True)
        cores = os.cpu_count() or 1
        for split, request in self.bank_requests().items():
            told = functools.partial(made, split)
            self.banks[split] = prepare_bank(self.bank_folder / split, request, cores, told)

    def bank_requests(self) -> dict[str, BankRequest]:
        """Windows long enough for every backbone, and sequences of them."""
        config, size = self.config, self.config.bank
        settings = [
            config.settings(backbone, arm, 0, {})
            for group in config.cells
            for backbone in group.backbones
            for arm in group.arms
        ]
        window = size.window or max(s.model.window for s in settings)
        train = window + max(s.optimiser.clip_frames for s in settings) - 1
        held_out = window + size.sequence_frames - 1
        return {
            split: BankRequest(settings[0], split, size.windows, train, size.seed)
            if split == "train"
            else BankRequest(settings[0], split, size.sequences, held_out, size.seed)
            for split in SPLITS
        }

    def place(self, cell: Cell) -> Path:
        """The folder of a cell."""
        return self.folder / cell.folder("".join(self.banks[split].hash for split in SPLITS))

    def known(self, cell: Cell) -> Outcome | str:
        """What `training.compare.plan.Known` asks for."""
        result = self.result(cell)
        if result is not None:
            return result.val.get("mpjpe_m", 0.0)  # without a knob there is no other to be better than
        return None if (self.place(cell) / "failure.txt").is_file() else ""

    def result(self, cell: Cell) -> CellResult | None:
        """Of a finished cell."""
        place = self.place(cell)
        if place not in self._results:
            result = load_result(place / "result.json")
            if result is None:
                return None
            self._results[place] = result
        return self._results[place]

    def results(self) -> list[CellResult]:
        """Of the cells that make the table, as far as they are finished."""
        found = [self.result(cell) for cell in table_cells(self.config, self.known)]
        return [result for result in found if result is not None]

    def finished(self) -> int:
        """Trainings that ended well, those of the tuning included, with these settings and data."""
        return sum(isinstance(self.known(cell), float) for cell in decided_cells(self.config, self.known))

    def progress(self) -> float:
        """Trainings that ended, and the done part of those that run."""
        return self._ended + sum(_part_done(folder) for folder in self._running)

    def failures(self) -> dict[str, str]:
        """Cell → what went wrong."""
        paths = sorted(self.folder.glob("cells/*/*/*/failure.txt"))
        return {"/".join(path.parent.parts[-3:]): path.read_text(encoding="utf-8").strip() for path in paths}

    def forget_failures(self) -> None:
        """Cells that failed get another chance."""
        for path in self.folder.glob("cells/*/*/*/failure.txt"):
            path.unlink()

    def run(self, workers: Workers, changed: Callable[[], None], tick: Callable[[], None]) -> None:
        """Train every cell that is missing; `changed` is called after each, `tick` several times a second.

        Cells that fail are recorded; the others go on. Needs `prepare` first.
        """
        running = self._running
        try:
            ready = self._look()
            while ready or running:
                for cell in [c for c in ready if self.place(c) not in running][: workers.free()]:
                    workers.start(self.write_job(cell, workers.threads))
                    running.add(self.place(cell))
                ended = workers.finished()
                for folder, error in ended:
                    running.discard(folder)
                    if error is not None:
                        write_whole(folder / "failure.txt", error)
                if ended:
                    ready = self._look()
                    changed()
                tick()
                time.sleep(_POLL_S)
        finally:
            workers.stop()

    def _look(self) -> list[Cell]:
        self._ended = sum(self.known(cell) != "" for cell in decided_cells(self.config, self.known))
        return next_cells(self.config, self.known)

    def write_job(self, cell: Cell, threads: int) -> Path:
        """Write what the cell must do into its folder, which is returned."""
        folder = self.place(cell)
        folder.mkdir(parents=True, exist_ok=True)
        job = CellJob(
            backbone=cell.backbone,
            arm=cell.arm,
            seed=cell.seed,
            tuned=dict(cell.tuned),
            indicative=cell.indicative,
            config=cell.config,
            bank=self.bank_folder.resolve(),
            bank_hash={split: bank.hash for split, bank in self.banks.items()},
            sequence_frames=self.config.bank.sequence_frames,
            threads=threads,
        )
        write_whole(folder / "cell.json", job.model_dump_json(indent=1))
        return folder


def _gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES must be for each GPU: its number, or its name in a choice that was made."""
    count, chosen = torch.cuda.device_count(), os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in chosen.split(",") if name.strip()]
    return (names or [str(i) for i in range(count)])[:count]


def _part_done(folder: Path) -> float:
    try:
        step, last = (folder / "progress").read_text(encoding="utf-8").split()
        return int(step) / int(last)
    except (OSError, ValueError):  # not begun, or just being written
        return 0.0


def _last_words(folder: Path, code: int) -> str:
    lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'It said nothing.'} (exit code {code})"
