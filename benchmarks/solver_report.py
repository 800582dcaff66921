"""Tables and verdicts of a benchmark, as Markdown between markers of a page."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Check:
    """One requirement and what was measured; no better than `limit` means missed."""

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """False for a value that is not finite as well."""
        return bool(self.value >= self.limit if self.at_least else self.value <= self.limit)

    def row(self) -> list[str]:
        sign = "≥" if self.at_least else "≤"
        return [
            self.what,
            f"{self.value:.3g} {self.unit}",
            f"{sign} {self.limit:g} {self.unit}",
            "yes" if self.met else "**no**",
        ]


@dataclass
class Section:
    """A heading with text, one table and the requirements that it decides."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    note: str = ""
    checks: list[Check] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """One row; numbers with three significant digits."""
        self.rows.append([cell(c) for c in cells])

    def markdown(self) -> str:
        note = [self.note, ""] if self.note else []
        return "\n".join([f"### {self.title}", "", *note, table(self.columns, self.rows), ""])


def cell(value: object) -> str:
    """As it stands in a table."""
    if isinstance(value, float | np.floating):
        return "-" if not np.isfinite(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def report(sections: Sequence[Section]) -> str:
    """Requirements first, then every table."""
    checks = [check.row() for section in sections for check in section.checks]
    head = f"Measured {datetime.date.today().isoformat()}, {device()}."
    parts = [head, "", "### Requirements", "", table(["what", "measured", "required", "met"], checks), ""]
    return "\n".join(parts + [section.markdown() for section in sections])


def device() -> str:
    """The machine in a few words."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith("model name")
        ]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"


def write_between(page: Path, text: str, name: str = "numbers") -> None:
    """Put `text` between the page's markers of this name. Raises ValueError where they are missing."""
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = page.read_text(encoding="utf-8")
    before, begin, rest = old.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"{page} needs the lines {first} and {last}")
    page.write_text(f"{before}{first}\n{text.rstrip()}\n{last}{after}", encoding="utf-8")
