"""Progress bars for pulls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Bars:
    """One bar a download on `console`; a context manager. Where no terminal is, one line each instead."""

    def __init__(self, console: Console) -> None:
        columns: tuple[ProgressColumn, ...] = (
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            TimeRemainingColumn(compact=True), TextColumn("left"),
        )  # fmt: skip
        self._progress = Progress(*columns, console=console)
        self._console, self._task = console, TaskID(0)

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """No bars for a while, so that a question can be asked."""
        self._progress.stop()
        yield
        self._progress.start()

    def start(self, what: str, total_bytes: int) -> None:
        """A download begins."""
        if not self._console.is_terminal:
            self._console.print(f"{what} ({total_bytes / 1e6:.0f} MB)", soft_wrap=True)
        self._task = self._progress.add_task(what, total=total_bytes)

    def advance(self, done_bytes: int) -> None:
        """So much of it is there."""
        self._progress.update(self._task, completed=done_bytes)

    def note(self, text: str) -> None:
        """A step other than downloading."""
        self._progress.console.print(f"  installing {text}", soft_wrap=True)
