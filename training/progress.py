"""What a person sees of a run: a bar with the time left, and curves in TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch.utils.tensorboard import SummaryWriter

_EVERY = 20


class Progress:
    """Context manager; totals are shown smoothed, curves are written every few steps."""

    def __init__(self, run: Path, first: int, last: int) -> None:
        self._writer = SummaryWriter(str(run))
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            refresh_per_second=2,
        )
        self._task = self._bar.add_task("training", total=last, completed=first, note="")
        self._loss: float | None = None
        self._validation = ""

    def step(self, step: int, losses: dict[str, float]) -> None:
        """Losses of the step just made."""
        total = losses["total"]
        self._loss = total if self._loss is None else 0.98 * self._loss + 0.02 * total
        self._bar.update(self._task, completed=step + 1, note=f"loss {self._loss:.4f}{self._validation}")
        if step % _EVERY == 0:
            self._write("loss", step, losses)

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Measures on people the network has not seen."""
        self._write("validation", step, values)
        self._validation = f"  validation {1000 * values['mpjpe_m']:.1f} mm"

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._writer.close()

    def _write(self, group: str, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
