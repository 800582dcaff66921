"""Typing mistakes, said in one line before anything is parsed: the flag, and what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Literal, get_args, get_origin

from lifting.errors import ConfigError
from realtime.flags import REQUIRED, Flag

UNITS = {"METRES", "DEGREES", "SECONDS"}
"""Names of values that say in what they count."""


def check_words(verb: str, flags: Sequence[Flag], words: Sequence[str]) -> None:
    """Raises ConfigError for an unknown flag, a value that is none, and what is missing or too much."""
    given: set[str] = set()
    loose: list[str] = []
    for name, flag, value in _pairs(verb, flags, words):
        if flag is None:
            loose.append(name)
        else:
            given.add(flag.name)
            _check(name, flag, value)
    _check_loose(verb, [flag for flag in flags if flag.positional], loose)
    for flag in flags:
        if flag.default is REQUIRED and not flag.positional and flag.name not in given:
            raise ConfigError(f"{flag.typed} is missing: {flag.help} See: sealcap {verb} --help")


def _pairs(
    verb: str, flags: Sequence[Flag], words: Sequence[str]
) -> Iterator[tuple[str, Flag | None, str | None]]:
    """(name as typed, flag, value); flag None for words that belong to no flag, value None for switches."""
    known = {
        name: flag for flag in flags for name in (flag.name, flag.off, flag.short) if not flag.positional
    }
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        flag = known.get(name.replace("_", "-")) if name.startswith("-") else None
        if flag is None and name.startswith("--"):
            raise _unknown(verb, name, [name for name in known if name])
        if flag is None:
            yield word, None, None
        elif flag.kind is bool:
            yield name, flag, None
        elif equals:
            yield name, flag, value
        elif not rest or rest[0].partition("=")[0] in known:
            raise ConfigError(f"{name} needs a value: {flag.typed}. {flag.help}")
        else:
            yield name, flag, rest.pop(0)


def _unknown(verb: str, name: str, known: Sequence[str]) -> ConfigError:
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.7)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"All there are: sealcap {verb} --help-all"
    return ConfigError(f"There is no flag {name[:60]}. {hint}")


def _check(name: str, flag: Flag, value: str | None) -> None:
    if value is None or value == "None":
        return
    if get_origin(flag.kind) is Literal:
        choices = [str(choice) for choice in get_args(flag.kind)]
        if value not in choices:
            raise ConfigError(f"{name} {value[:60]}: give one of {', '.join(choices)}.")
    patterns = [pattern for rule in flag.rules if (pattern := getattr(rule, "pattern", None))]
    if not all(re.search(pattern, value) for pattern in patterns):
        raise ConfigError(f"{name} {value[:60]} is not possible. {flag.help}")
    if flag.kind not in (int, float):
        return
    unit = f" of {flag.value.lower()}" if flag.value in UNITS else ""
    what = "a whole number" if flag.kind is int else f"a number{unit}"
    try:
        number = flag.kind(value)
    except ValueError:
        raise ConfigError(f"{name} {value[:60]}: give {what}{_range(flag)}.") from None
    for rule in flag.rules:
        low, above = getattr(rule, "ge", number), getattr(rule, "gt", number - 1)
        high, below = getattr(rule, "le", number), getattr(rule, "lt", number + 1)
        if not (low <= number <= high and above < number < below):
            raise ConfigError(f"{name} {value[:60]}: give {what}{_range(flag)}.")


def _range(flag: Flag) -> str:
    if not flag.limits:
        return ""
    return f" {flag.limits}" if flag.limits.startswith(("from", "above", "below")) else f" from {flag.limits}"


def _check_loose(verb: str, places: Sequence[Flag], loose: Sequence[str]) -> None:
    for flag, word in zip(places, loose, strict=False):
        _check(flag.name, flag, word)
    missing = [flag for flag in places[len(loose) :] if flag.default is REQUIRED]
    if missing:
        words = (f.name if f.default is REQUIRED else f"[{f.name}]" for f in places)
        usage = " ".join(["sealcap", verb, *words])
        what = f": {missing[0].help}" if missing[0].help else "."
        raise ConfigError(f"{missing[0].name} is missing{what} Type: {usage}")
    if len(loose) > len(places) and not any(flag.repeats for flag in places):
        extra = loose[len(places)]
        raise ConfigError(f"{extra[:60]!r} is too much. See: sealcap {verb} --help")
