"""Who is in train, val and test: whole people, never parts of one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import yaml

from lifting.errors import ConfigError
from lifting.plain_yaml import parse_yaml, problem

SPLITS = ("train", "val", "test")
HELD_OUT = 0.1
"""Part of the people in val, and in test."""

CMU_SPLITS = {
    "val": ("cmu08", "cmu64", "cmu135"),
    "test": ("cmu10", "cmu11", "cmu12", "cmu14", "cmu93", "cmu131"),
}
"""Held out in the corpus that the shipped lifter was trained on; everybody else trains."""


def assign_splits(subjects: Iterable[str]) -> dict[str, str]:
    """Subject → split, the same for the same set of people, in whatever order.

    CMU's subjects go where the shipped corpus has them, if that leaves nobody's split empty. Otherwise people
    are put in the order of a hash of their names; the first tenth (at least one) is test and the next tenth
    val. One person alone trains; of two one is val.
    """
    people = sorted(set(subjects))
    fixed = {person: split for split, names in CMU_SPLITS.items() for person in names}
    if {"val", "test"} <= {fixed[person] for person in people if person in fixed}:
        return {person: fixed.get(person, "train") for person in people}
    people.sort(key=lambda person: hashlib.sha256(person.encode()).digest())
    held = max(1, round(HELD_OUT * len(people)))
    val, test = (held if len(people) > 1 else 0), (held if len(people) > 2 else 0)
    roles = ["test"] * test + ["val"] * val + ["train"] * (len(people) - val - test)
    return dict(zip(people, roles, strict=True))


def read_splits(path: Path, subjects: Iterable[str]) -> dict[str, str]:
    """Subject → split from a YAML file with lists `train`, `val` and `test`; who is in none is left out.

    Raises ConfigError when it is not such a file, names nobody who is here, or puts somebody into two splits.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as a list of splits: {problem(error)}.") from error
    if not isinstance(content, dict) or not set(content) <= set(SPLITS):
        raise ConfigError(f"{path} must hold lists of people under train, val and test, and nothing else.")
    assigned: dict[str, str] = {}
    for split, people in content.items():
        if not isinstance(people, list) or not all(isinstance(person, str) for person in people):
            raise ConfigError(f"{path}: {split} must be a list of names; quote those that look like numbers.")
        twice = [person for person in people if assigned.setdefault(person, split) != split]
        if twice:
            raise ConfigError(f"{path}: {', '.join(twice)} would be in two splits.")
    here = sorted(set(subjects))
    chosen = {person: assigned[person] for person in here if person in assigned}
    if not chosen:
        raise ConfigError(f"{path} names none of the people found: {', '.join(here)}.")
    return chosen
