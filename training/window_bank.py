"""Synthetic windows made once and kept on disk, for comparisons in which all trainings see the same data.

One split of a bank is a folder with three plain .npy files and a description:

    joints_cam.npy   (W,T,26,3) float32, metres, camera axes
    keypoints.npy    (W,T,21,3) float32, rays and confidence
    gravity.npy      (W,4)      float32, direction and flag, as the network gets it
    bank.json        the settings that decide the content, and their hash

They are read through memory maps, so that several trainings share one copy in memory. Rows are made in chunks
of fixed size, each a pure function of the settings and its number: any number of threads gives the same bank,
and an interrupted call continues with the chunks that are missing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lifting.errors import DataError
from lifting.skeleton import BODY21, SEALCAP26
from training.batches import Batch, BatchMaker, Windows, cut_batch, seeded
from training.config import TrainingConfig
from training.corpus import load_corpus

FORMAT = "sealcap-windows-1"
CHUNK = 500
SECTIONS = ("gravity_known", "gravity_sd_deg", "body", "camera", "detector")
"""Of a training configuration: what, beside the corpus, decides the content."""
_SPLIT_SEED = {"train": 11, "val": 12, "test": 13}


@dataclass(frozen=True)
class BankRequest:
    """What a split of a bank must hold."""

    config: TrainingConfig
    """Its corpus, body, camera, detector and gravity settings decide the content, nothing else."""
    split: str
    """train, val or test: a file of the corpus."""
    count: int
    """Windows or sequences."""
    frames: int
    """Frames of each."""
    seed: int = 1

    def record(self) -> dict[str, Any]:
        """The settings as plain data, with a hash of the corpus file instead of its place."""
        settings = self.config.model_dump(mode="json", include=set(SECTIONS))
        corpus = self.config.corpus
        path = corpus.folder / f"{corpus.name}_{self.split}.npz"
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        settings |= {"corpus": content, "split": self.split, "count": self.count, "frames": self.frames}
        return settings | {"seed": self.seed, "chunk": CHUNK, "format": FORMAT}


class WindowBank:
    """One split, opened for reading."""

    def __init__(self, folder: Path) -> None:
        """Raises DataError when the folder holds no whole split of a bank."""
        try:
            described = json.loads((folder / "bank.json").read_text(encoding="utf-8"))
            self.record: dict[str, Any] = described["settings"]
            self.fps = float(described["fps"])
            count, frames = int(self.record["count"]), int(self.record["frames"])
            self._arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in _shapes(count, frames)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{folder} holds no whole window bank ({error}). Delete it; it is made anew when needed."
            ) from error
        for array, (name, shape) in zip(self._arrays, _shapes(count, frames).items(), strict=True):
            if array.shape != shape or array.dtype != np.float32:
                raise DataError(
                    f"{folder / name}.npy must be {shape} float32, got {array.shape} {array.dtype}. Delete "
                    f"the folder; it is made anew when needed."
                )
        self.count, self.frames = count, frames

    @property
    def hash(self) -> str:
        """Of everything that decides the content."""
        return record_hash(self.record)

    def __len__(self) -> int:
        return self.count

    def take(self, rows: NDArray[np.int64], length: int) -> Windows:
        """The last `length` frames of some rows. Raises DataError when the bank's windows are shorter."""
        if length > self.frames:
            raise DataError(
                f"The window bank has {self.frames} frames per window; {length} are needed. Make it longer."
            )
        joints, keypoints = (np.asarray(array[rows, self.frames - length :]) for array in self._arrays[:2])
        gravity = np.asarray(self._arrays[2][rows])
        return Windows(torch.from_numpy(joints), torch.from_numpy(keypoints), torch.from_numpy(gravity))


class BankMaker:
    """The batch of any step from a bank: every window once per epoch, in an order that follows from the seed.

    A pure function of (seed, step), in which neither the network nor the losses take part: all arms of a
    comparison see the same windows in the same order. `clip_frames` as in `BatchMaker`.
    """

    def __init__(self, bank: WindowBank, config: TrainingConfig, clip_frames: int = 1) -> None:
        """Raises DataError when the bank's windows are too short or fewer than one batch."""
        self._bank, self._config, self._clip = bank, config, clip_frames
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))
        if config.optimiser.batch > len(bank):
            raise DataError(f"A batch of {config.optimiser.batch} needs more than {len(bank)} windows.")
        bank.take(np.zeros(1, np.int64), config.model.window + clip_frames - 1)

    def __call__(self, step: int) -> Batch:
        """The batch of `step`."""
        optimiser, window = self._config.optimiser, self._config.model.window
        made = self._bank.take(self.rows(step), window + self._clip - 1)
        with torch.no_grad():
            return cut_batch(made, window, round(optimiser.batch * optimiser.pairs))

    def rows(self, step: int) -> NDArray[np.int64]:
        """(B,) which windows; a batch across the end of an epoch begins the next one."""
        batch, count = self._config.optimiser.batch, len(self._bank)
        epoch, begin = divmod(step * batch, count)
        rows = self._epoch(epoch)[begin : begin + batch]
        missing = batch - len(rows)
        return np.concatenate([rows, self._epoch(epoch + 1)[:missing]]) if missing else rows

    def _epoch(self, epoch: int) -> NDArray[np.int64]:
        known, order = self._order  # read once: several threads make batches
        if known != epoch:
            order = np.random.default_rng([self._config.seed, epoch]).permutation(len(self._bank))
            self._order = (epoch, order)
        return order


def prepare_bank(
    folder: Path, request: BankRequest, workers: int = 1, made: Callable[[int], None] | None = None
) -> WindowBank:
    """Open `folder`, or make it first; `made` is told the number of rows of each chunk that is there.

    Raises DataError for a bad corpus, or when the folder holds a bank of other settings.
    """
    record = request.record()
    if folder.is_dir():
        bank = WindowBank(folder)
        changed = sorted(key for key in record if bank.record.get(key) != record[key])
        if changed:
            raise DataError(
                f"{folder} was made with another {', '.join(changed)}. Delete it to make it anew, or choose "
                f"another folder for this bank."
            )
        return bank
    partial = folder.with_name(f"{folder.name}.partial-{record_hash(record)[:10]}")
    fps = _fill(partial, request, workers, made or (lambda _: None))
    (partial / "done.npy").unlink()
    described = {"settings": record, "hash": record_hash(record), "fps": fps}
    (partial / "bank.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
    os.replace(partial, folder)
    return WindowBank(folder)


def record_hash(record: dict[str, Any]) -> str:
    """Hexadecimal digits that change with any setting."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _fill(partial: Path, request: BankRequest, workers: int, made: Callable[[int], None]) -> float:
    """Write the chunks that `done.npy` does not list yet; returns the corpus's frame rate."""
    place = request.config.corpus
    corpus = load_corpus(place.folder, place.name, request.split)
    maker = BatchMaker(corpus, request.config)
    partial.mkdir(parents=True, exist_ok=True)
    arrays = [
        _open(partial / f"{name}.npy", shape, np.float32)
        for name, shape in _shapes(request.count, request.frames).items()
    ]
    starts = range(0, request.count, CHUNK)
    done = _open(partial / "done.npy", (len(starts),), np.uint8)

    def work(chunk: int) -> int:
        torch.set_num_threads(1)
        rows = slice(starts[chunk], min(starts[chunk] + CHUNK, request.count))
        parts = _chunk(maker, request, chunk, rows.stop - rows.start)
        for array, part in zip(arrays, parts, strict=True):
            array[rows] = part.numpy()
        return int(rows.stop - rows.start)

    missing = [chunk for chunk in range(len(starts)) if not done[chunk]]
    made(sum(min(CHUNK, request.count - starts[chunk]) for chunk in range(len(starts)) if done[chunk]))
    with ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(work, chunk): chunk for chunk in missing}
        try:
            for future in as_completed(running):
                rows = future.result()
                for array in arrays:
                    array.flush()  # before the chunk is listed as done
                done[running[future]] = 1
                made(rows)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return corpus.fps


def _chunk(maker: BatchMaker, request: BankRequest, chunk: int, size: int) -> list[Tensor]:
    """Exactly `size` rows: windows in which nobody can be seen are left out, so some more are made."""
    parts: list[Windows] = []
    there, attempt = 0, 0
    while there < size:
        seed = (request.seed * 100 + _SPLIT_SEED.get(request.split, 17)) * 1000 + attempt
        with torch.no_grad():
            part = maker.windows(size - there + size // 20 + 1, request.frames, seeded(seed, chunk))
        parts.append(part)
        there, attempt = there + len(part.gravity), attempt + 1
        if attempt > 100:
            raise DataError(
                "The camera settings of the bank show next to nobody: 100 attempts gave too few windows. "
                "Widen camera.distance_m or camera.pitch_deg."
            )
    return [
        torch.cat([getattr(part, name) for part in parts])[:size]
        for name in ("joints_cam", "keypoints", "gravity")
    ]


def _open(path: Path, shape: tuple[int, ...], kind: type[np.generic]) -> np.memmap[Any, Any]:
    """The array on disk, new ones filled with zeros."""
    if path.is_file():
        return np.load(path, mmap_mode="r+")  # type: ignore[no-any-return]
    return np.lib.format.open_memmap(path, "w+", dtype=kind, shape=shape)


def _shapes(count: int, frames: int) -> dict[str, tuple[int, ...]]:
    return {
        "joints_cam": (count, frames, len(SEALCAP26), 3),
        "keypoints": (count, frames, len(BODY21), 3),
        "gravity": (count, 4),
    }
