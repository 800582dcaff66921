"""What is done in a clip: the collection's own words, and a rough category guessed from them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from lifting.errors import ConfigError

# First match wins: "sword dance" is a dance.
_KEYWORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("dance", ("danc", "pirouette", "jete", "moonwalk", "arabesque", "lambada", "salsa", "ballet")),
    ("climb", ("climb", "playground", "ladder", "vault", "pull-up")),
    ("gesture", ("signal", "traffic")),
    ("sport", ("ball", "soccer", "golf", "dribble", "swing", "tennis", "throw", "skate")),
    ("combat", ("box", "punch", "sword", "kick", "karate", "bassai", "empi", "heian", "fight", "martial")),
    ("acrobatics", ("cartwheel", "somersault", "summersault", "handstand", "flip")),
    ("ground", ("crawl", "lie", "lying", "roll", "ground")),
    ("sit", ("sit ", "sit,", "sitting", "stool", "seat", "chair")),
    ("gesture", ("wave", "bow", "bye", "point", "laugh", "drink", "wash", "sweep", "mop", "gesture", "talk")),
    ("exercise", ("jumping jack", "squat", "stretch", "twist", "exercise", "push-up")),
    ("jump", ("jump", "hop", "leap")),
    ("run", ("run", "jog", "sprint", "dash")),
    ("walk", ("walk", "step", "stride", "march", "navigate")),
)

# Recorded at 60 Hz although the conversions of the database say 120.
_CMU_60HZ_SUBJECTS = frozenset({33, 34, 42, 60, 61, 62, 74, 75, 77, 79, 80, 87, 88, 89})
_CMU_60HZ_TRIALS = frozenset({"136_19"})
_LINE = re.compile(r"^(\d{1,3})_(\d{1,3})\s+(\S.*)$")
_MAX_INDEX_BYTES = 16 * 2**20


def category_of(words: str) -> str:
    """A guess from the description or the file name: walk, sit, dance … or "other"."""
    text = words.lower()
    return next((name for name, keys in _KEYWORDS if any(key in text for key in keys)), "other")


def cmu_rate_hz(trial: str) -> float:
    """Capture rate of a CMU trial ("05_02"), which AMC files do not name."""
    slow = int(trial.split("_")[0]) in _CMU_60HZ_SUBJECTS or trial in _CMU_60HZ_TRIALS
    return 60.0 if slow else 120.0


def read_index(path: Path) -> dict[str, tuple[str, float | None]]:
    """Trial → (description, rate in Hz if given).

    From a CSV with columns subject, trial, description and, perhaps, rate; or from lines `05_02 description`.
    Raises ConfigError when the file is neither.
    """
    try:
        if path.stat().st_size > _MAX_INDEX_BYTES:
            raise ConfigError(f"{path} is too large for an index of trials.")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = list(csv.reader(lines))
    except (OSError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read as an index of trials: {error}.") from error
    index: dict[str, tuple[str, float | None]] = {}
    for match in filter(None, map(_LINE.match, lines)):
        index[trial_name(match.group(1), match.group(2))] = (match.group(3).strip(), None)
    for row in rows:
        if len(row) > 2 and row[0].strip().isdecimal() and row[1].strip().isdecimal():
            rate = row[3].strip() if len(row) > 3 else ""
            known = float(rate) if rate.isdecimal() and 10 <= int(rate) <= 1000 else None
            index[trial_name(row[0], row[1])] = (row[2].strip(), known)
    if not index:
        raise ConfigError(f"{path} lists no trial; its columns must be subject, trial, description, rate.")
    return index


def trial_name(subject: str, trial: str) -> str:
    """CMU's name of a trial with at least two digits each: "05_02"."""
    return f"{int(subject):02d}_{int(trial):02d}"
