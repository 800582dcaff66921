"""One finding of `sealcap doctor`, and a bound on how long finding it may take."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

LIMIT_S = 8.0


class Grade(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    """Works, but something is missing or slow."""
    FAIL = "fail"
    """`sealcap run` cannot work as things are."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    grade: Grade
    detail: str
    fix: str = ""
    """What to do about it; empty when fine."""


def within(name: str, look: Callable[[], list[Check]], limit_s: float = LIMIT_S) -> list[Check]:
    """What `look` finds; a warning where it takes longer, so that a driver that hangs holds up nothing."""
    found: list[Check] = []
    done = threading.Event()

    def work() -> None:
        try:
            found.extend(look())
        finally:
            done.set()

    threading.Thread(target=work, name=f"doctor {name}", daemon=True).start()
    if done.wait(limit_s):
        return found
    fix = "A driver or a disk may hang. Restart the machine if that stays so."
    return [Check(name, Grade.WARN, f"no answer within {limit_s:.0f} seconds", fix)]
