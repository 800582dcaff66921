"""The report on a collection: a table for people (Markdown) and the same for programs (JSON)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from realtime.batch.folder import OutFolder, write_whole
from realtime.batch.records import Record

PAGE, TABLE = "report.md", "batch.json"
_COLUMNS = ("video", "state", "frames", "s", "fps", "tracked %", "longest gap s", "people", "lost", "remark")


class Report(msgspec.Struct, frozen=True):
    """All of it, as it stands in batch.json."""

    collection: str
    done: int
    failed: int
    waiting: int
    frames: int
    media_s: float
    """Length of all videos that are done."""
    work_s: float
    """Time that workers spent on them, summed."""
    videos: list[Record]


def make_report(collection: Path, records: Sequence[Record]) -> Report:
    """Sum up; in the order of the videos' names."""
    ordered = sorted(records, key=lambda record: record.video)
    done = [record for record in ordered if record.status == "done"]
    return Report(
        str(collection),
        done=len(done),
        failed=sum(record.status == "failed" for record in ordered),
        waiting=sum(record.status == "waiting" for record in ordered),
        frames=sum(record.frames for record in done),
        media_s=round(sum(record.media_s for record in done), 3),
        work_s=round(sum(record.seconds for record in done), 3),
        videos=ordered,
    )


def write_report(report: Report, folder: OutFolder) -> None:
    """Into the out folder, each file whole."""
    write_whole(folder.path / TABLE, msgspec.json.format(msgspec.json.encode(report), indent=1))
    write_whole(folder.path / PAGE, markdown(report).encode())


def markdown(report: Report) -> str:
    """The page."""
    total = len(report.videos)
    lines = [f"# {_cell(report.collection)}", "", f"{report.done} of {total} videos done"]
    lines[-1] += f", {report.failed} failed" if report.failed else ""
    lines[-1] += f", {report.waiting} not begun or interrupted" if report.waiting else ""
    lines[-1] += f". {report.frames} frames, {report.media_s:.1f} s of video."
    lines += ["", _row(_COLUMNS), _row(["---", "---", *["--:"] * 7, "---"])]
    lines += [_row(_values(record)) for record in report.videos]
    return "\n".join(lines) + "\n"


def _values(record: Record) -> list[str]:
    lost = record.lost.source + record.lost.skipped + record.lost.recorder
    measured = [
        str(record.frames),
        f"{record.media_s:.1f}",
        f"{record.fps:.1f}",
        f"{record.tracked_percent:.1f}",
        f"{record.longest_gap_s:.2f}",
        str(record.people),
        str(lost),
    ]
    numbers = measured if record.status == "done" else [""] * len(measured)
    return [_cell(record.video), record.status, *numbers, _remark(record)]


def _remark(record: Record) -> str:
    words = [_cell(record.error)] if record.error else []
    if record.status == "done" and not record.people:
        words.append("nobody was seen")
    if record.attempts > 1 and record.status == "done":
        words.append(f"{record.attempts} attempts")
    return "; ".join(words)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text from outside: no cell or line ends in it, no tag begins."""
    flat = "".join(letter if letter.isprintable() else "?" for letter in text)
    for special in "\\|<`*[":
        flat = flat.replace(special, f"\\{special}")
    return flat
