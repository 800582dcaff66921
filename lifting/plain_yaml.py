"""YAML that people write: plain values, of little depth.

No anchors, of which a few lines can make gigabytes. Brackets that are never closed make PyYAML's scanner take
quadratic time, so nesting is counted before anything is parsed.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DEPTH = 32

_BRACKET = re.compile(r"[\[\]{}]")


class _PlainLoader(yaml.SafeLoader):
    """Refuses what is nested too deeply, and aliases."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.YAMLError("it is nested too deeply")
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("anchors and aliases (& and *) are not used here; write the values out")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def parse_yaml(text: str) -> Any:
    """The values of a YAML text. Raises yaml.YAMLError."""
    depth = 0
    for found in _BRACKET.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(depth - 1, 0)
        if depth > MAX_DEPTH:
            raise yaml.YAMLError("it is nested too deeply")
    try:
        return yaml.load(text, _PlainLoader)
    except ValueError as error:  # a date that is none
        raise yaml.YAMLError(str(error)) from error


def problem(error: Exception) -> str:
    """What is wrong, in one short line: PyYAML's messages are many lines with an arrow."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split()).rstrip(".")[:200]
