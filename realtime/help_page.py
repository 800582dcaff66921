"""Help that fits on a screen: what a verb is for, its flags with the most used first, and what to type."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from realtime.flags import REQUIRED, Flag

MARGIN, MAX_COLUMN, MIN_WIDTH, MAX_WIDTH = 2, 24, 60, 110


@dataclass(frozen=True)
class HelpPage:
    """All that is said about one verb."""

    verb: str
    about: str
    flags: list[Flag]
    sections: dict[str, Sequence[str]] = field(default_factory=dict)
    """Title → flags that most people use; empty for verbs with so few that all are shown."""
    examples: Sequence[str] = ()
    """Command lines without `sealcap` before them."""

    def short(self, width: int) -> str:
        """The most used flags, in their sections."""
        if not self.sections:
            return self.full(width)
        by_name = {flag.name: flag for flag in self.flags}
        parts = {title: [by_name[name] for name in names] for title, names in self.sections.items()}
        words = [flag for flag in self.flags if flag.positional]
        rest = len(self.flags) - len(words) - sum(map(len, parts.values()))
        more = f"And {rest} more: sealcap {self.verb} --help-all    Explained: docs/reference-config.md"
        return self._page(width, {"": words, **parts}, more)

    def full(self, width: int) -> str:
        """Every flag."""
        parts: dict[str, list[Flag]] = {"": []}
        for flag in self.flags:
            parts.setdefault(flag.section.capitalize(), []).append(flag)
        parts[""].sort(key=lambda flag: not flag.positional)
        return self._page(width, parts, "")

    def _page(self, width: int, parts: dict[str, list[Flag]], more: str) -> str:
        width = min(max(width, MIN_WIDTH), MAX_WIDTH)
        column = min(MAX_COLUMN, max((len(_left(f)) for flags in parts.values() for f in flags), default=0))
        blocks = [self._usage(), *_paragraphs(self.about, width)]
        for title, flags in parts.items():
            rows = "\n".join(_row(flag, column, width) for flag in flags)
            if rows:
                blocks.append(f"{title}\n{rows}" if title else rows)
        if self.examples:
            blocks.append("Such as\n" + "\n".join(f"  sealcap {example}" for example in self.examples))
        return "\n\n".join([*blocks, more] if more else blocks) + "\n"

    def _usage(self) -> str:
        words = [
            flag.name if flag.default is REQUIRED else f"[{flag.name}]"
            for flag in self.flags
            if flag.positional
        ]
        needed = [flag.typed for flag in self.flags if not flag.positional and flag.default is REQUIRED]
        options = ["[FLAGS]"] if any(not flag.positional for flag in self.flags) else []
        return " ".join(["sealcap", self.verb, *words, *needed, *options])


def default_text(value: Any) -> str:
    """How a default is written down; empty where there is nothing to say."""
    if value is REQUIRED or value is None or value is False or value in ("", [], ()):
        return ""
    if isinstance(value, bool):
        return "on"
    if isinstance(value, float):
        return f"{value:g}"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _left(flag: Flag) -> str:
    """A long list of words is left to the text."""
    return flag.name if len(flag.typed) > MAX_COLUMN and not flag.off and "|" in flag.value else flag.typed


def _row(flag: Flag, column: int, width: int) -> str:
    left, text = _left(flag), flag.help
    if flag.repeats and "may be repeated" not in text and not flag.positional:
        text += " May be repeated."
    if left != flag.typed and not all(word in text for word in flag.value.split("|")):
        text += f" One of: {flag.value.replace('|', ', ')}."
    if shown := default_text(flag.default):
        text += f" [{_short_path(shown)}]"
    elif flag.default is REQUIRED and not flag.positional:
        text += " Needed."
    indent = " " * (MARGIN + column + 2)
    lines = textwrap.wrap(text, width - len(indent), break_long_words=False, break_on_hyphens=False) or [""]
    head = " " * MARGIN + left.ljust(column + 2)
    if len(left) > column:
        return "\n".join([head.rstrip(), *(indent + line for line in lines)])
    return "\n".join([(head + lines[0]).rstrip(), *(indent + line for line in lines[1:])])


def _short_path(text: str) -> str:
    home = str(Path.home())
    return f"~{text[len(home) :]}" if text.startswith(f"{home}/") else text


def _paragraphs(text: str, width: int) -> Iterable[str]:
    for paragraph in text.split("\n\n"):
        yield textwrap.fill(
            " ".join(paragraph.split()), width, break_long_words=False, break_on_hyphens=False
        )
