"""What a person sees of a run: a bar with the time left, and curves and skeletons in TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sized
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column
from torch.utils.tensorboard import SummaryWriter

from lifting.skeleton import Skeleton
from training.skeleton_picture import skeleton_picture

_EVERY = 20
B = TypeVar("B", bound=Sized)


class Progress:
    """Context manager; totals are shown smoothed, curves are written every few steps.

    One that is not `shown`, for all but the first of several processes, does nothing.
    """

    def __init__(self, run: Path, first: int, last: int, *, shown: bool = True) -> None:
        self._writer = SummaryWriter(str(run)) if shown else None
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(16, table_column=Column(no_wrap=True)),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("left"),
            # what is too long for the terminal is cut here, and not from the time left
            TextColumn(
                "{task.fields[note]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
            expand=True,
            refresh_per_second=2,
            disable=not shown,
        )
        self._task = self._bar.add_task("training", total=last, completed=first, note="")
        self._loss: float | None = None
        self._validation = self._speed = ""
        self._began, self._waited, self._windows = time.monotonic(), 0.0, 0

    def timed(self, batches: Iterator[B]) -> Iterator[B]:
        """The same batches, sized by their windows; measures how long the training waits for them."""
        asked = time.monotonic()
        for batch in batches:
            self._waited += time.monotonic() - asked
            self._windows += len(batch)
            yield batch
            asked = time.monotonic()

    def step(self, step: int, losses: dict[str, float]) -> None:
        """Losses of the step just made."""
        total = losses["total"]
        self._loss = total if self._loss is None else 0.98 * self._loss + 0.02 * total
        if step % _EVERY == 0:
            self._write("loss", step, losses)
            self._throughput(step)
        note = f"loss {self._loss:.4f}{self._speed}{self._validation}"
        self._bar.update(self._task, completed=step + 1, note=note)

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Measures on people the network has not seen."""
        self._write("validation", step, values)
        self._validation = f"  validation {1000 * values['mpjpe_m']:.1f} mm"

    def poses(
        self, step: int, predicted: NDArray[np.float32], truth: NDArray[np.float32], skeleton: Skeleton
    ) -> None:
        """Some poses (N,J,3) as a picture, see `training.skeleton_picture`."""
        if self._writer is not None:
            picture = skeleton_picture(predicted, truth, skeleton)
            self._writer.add_image("poses", picture, step, dataformats="HWC")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def _throughput(self, step: int) -> None:
        """Windows per second and the share of time spent waiting for data, since the last call."""
        now = time.monotonic()
        passed = max(now - self._began, 1e-9)
        rate, share = self._windows / passed, self._waited / passed
        self._write("throughput", step, {"windows_per_s": rate, "data_share": share})
        self._speed = f"  {rate:.0f} windows/s"
        self._began, self._waited, self._windows = now, 0.0, 0

    def _write(self, group: str, step: int, values: dict[str, float]) -> None:
        if self._writer is None:
            return
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
