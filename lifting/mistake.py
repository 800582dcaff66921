"""What is wrong with settings and files, in our own words rather than in those of pydantic and the system."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

MAX_CHARS = 80
"""Of a value that is shown; it may come from anywhere."""


def first_mistake(error: ValidationError) -> str:
    """The first one, to stand after a file's name: `smooth should be less than or equal to 1, not 3`."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part)[:60] for part in first["loc"])
    if first["type"] == "missing":
        return f"{place} is missing"
    text = first["msg"].removeprefix("Value error, ").rstrip(".")
    given = _shown(first["input"])
    if first["type"] == "string_pattern_mismatch":
        return f"{place or 'it'} cannot be {given}"
    _, should, rest = text.partition(" should ")
    if should:
        return f"{place or 'it'} should {rest}, not {given}"
    return f"{place}: {text}" if place else text


def _shown(value: object) -> str:
    try:
        return repr(value)[:MAX_CHARS]
    except ValueError:  # Python refuses to write down numbers of more than 4300 digits
        return "a number without end"


def unread(path: Path, error: OSError) -> str:
    """Why a file could not be read: `There is no file walk.mcap`, `walk is a folder` ... without the stop."""
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}"
    if path.is_dir():  # which Windows calls "permission denied"
        return f"{path} is a folder"
    return f"{path} cannot be read: {error.strerror or error}"
