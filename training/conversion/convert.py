"""A folder of motion files → `<name>_train.npz`, `<name>_val.npz`, `<name>_test.npz`.

People are independent of each other, so each is one task of a pool of processes. A file that cannot be read
costs only itself: it is left out and listed, with the reason.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from lifting.errors import ConfigError, DataError
from training.conversion.actions import read_index
from training.conversion.clips import Clip
from training.conversion.collection import Person, find_people
from training.conversion.corpus_file import write_corpus, write_rotations, write_whole
from training.conversion.person import Index, PersonResult, Skipped, convert_person
from training.conversion.rigs import RigMap, read_map
from training.conversion.splits import SPLITS, assign_splits, read_splits


@dataclass(frozen=True)
class Conversion:
    """What to convert and how."""

    folder: Path
    out: Path
    name: str = "cmu"
    """Files are called NAME_train.npz and so on."""
    fps: float = 30.0
    splits: Path | None = None
    """YAML with lists of people under train, val and test."""
    map: Path | None = None
    """YAML that describes a rig that is not recognised."""
    index: Path | None = None
    """CSV with what is done in CMU's trials."""
    workers: int = 1
    overwrite: bool = False


@dataclass(frozen=True)
class Report:
    """What a conversion wrote and left out."""

    files: tuple[Path, ...]
    rows: tuple[tuple[str, int, int, float], ...]
    """Split, people, clips, minutes."""
    cut_minutes: float
    skipped: tuple[tuple[Path, str], ...]
    unused: tuple[str, ...]
    """People whom the splits file leaves out."""


def convert(conversion: Conversion, progress: Callable[[int, int], None] | None = None) -> Report:
    """Convert a folder; `progress` is told how many of how many files are done.

    Raises ConfigError for impossible options and DataError when nothing can be used; nothing is written then.
    """
    _check(conversion)
    rig_map = RigMap() if conversion.map is None else read_map(conversion.map)
    index = {} if conversion.index is None else read_index(conversion.index)
    people, skipped = find_people(conversion.folder, rig_map)
    if conversion.splits is not None:
        read_splits(
            conversion.splits, (person.name for person in people)
        )  # before the long work, for its errors
    results: dict[str, PersonResult] = {}
    total = sum(len(person.recordings) for person in people)
    done = 0
    for result in _all_people(people, rig_map, index, conversion):
        results[result.person] = result
        done += next(len(person.recordings) for person in people if person.name == result.person)
        if progress is not None:
            progress(done, total)
    ordered = [results[person.name] for person in people]
    skipped += [reason for result in ordered for reason in result.skipped]
    return _write(conversion, ordered, skipped)


def _check(conversion: Conversion) -> None:
    if not 5 <= conversion.fps <= 240 or conversion.workers < 1:
        raise ConfigError("--fps must be 5 to 240 and --workers at least 1.")
    if not conversion.name.replace("-", "").replace("_", "").isalnum():
        raise ConfigError(f"--name {conversion.name!r} must be letters, digits, - and _; it names files.")
    old = [path.name for split in SPLITS if (path := _path(conversion, split)).exists()]
    if old and not conversion.overwrite:
        raise ConfigError(
            f"{conversion.out} already holds {', '.join(old)}. Choose another --name, or add --overwrite."
        )


def _path(conversion: Conversion, split: str, what: str = "") -> Path:
    return conversion.out / f"{conversion.name}_{split}{what}.npz"


def _all_people(
    people: Sequence[Person], rig_map: RigMap, index: Index, conversion: Conversion
) -> Iterator[PersonResult]:
    if conversion.workers == 1 or len(people) == 1:
        for person in people:
            yield convert_person(person, rig_map, index, conversion.fps)
        return
    pool = ProcessPoolExecutor(min(conversion.workers, len(people)), mp_context=get_context("spawn"))
    try:
        longest_first = sorted(people, key=lambda person: -len(person.recordings))
        tasks = [
            pool.submit(convert_person, person, rig_map, index, conversion.fps) for person in longest_first
        ]
        for task in as_completed(tasks):
            yield task.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _write(conversion: Conversion, results: list[PersonResult], skipped: Skipped) -> Report:
    here = [result.person for result in results if result.clips]
    if not here:
        first = f" The first: {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise DataError(
            f"No clip of a second or more could be made; {len(skipped)} files were left out.{first}"
        )
    chosen = assign_splits(here) if conversion.splits is None else read_splits(conversion.splits, here)
    files, rows, table = [], [], []
    for split in SPLITS:
        clips = [clip for one in results if chosen.get(one.person) == split for clip in one.clips]
        for stale in (_path(conversion, split), _path(conversion, split, "_rotations")):
            stale.unlink(missing_ok=True)
        if not clips:
            continue
        write_corpus(_path(conversion, split), clips)
        files.append(_path(conversion, split))
        if write_rotations(_path(conversion, split, "_rotations"), clips):
            files.append(_path(conversion, split, "_rotations"))
        frames = sum(len(clip.positions) for clip in clips)
        rows.append((split, len({clip.subject for clip in clips}), len(clips), frames / conversion.fps / 60))
        table += [(split, clip) for clip in clips]
    files.append(_write_table(conversion, table))
    cut = sum(result.cut_frames for result in results) / conversion.fps / 60
    unused = tuple(person for person in here if person not in chosen)
    return Report(tuple(files), tuple(rows), cut, tuple(skipped), unused)


def _write_table(conversion: Conversion, table: list[tuple[str, Clip]]) -> Path:
    """One line per clip, for people to look through."""
    path = conversion.out / f"{conversion.name}_clips.csv"

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(
                ("split", "name", "subject", "category", "action", "seconds", "stature_m", "source")
            )
            for split, clip in table:
                seconds = round(len(clip.positions) / clip.fps, 2)
                stature = round(clip.stature_m, 2)
                facts = (clip.name, clip.subject, clip.category, clip.action, seconds, stature, clip.source)
                lines.writerow((split, *facts))

    write_whole(path, write)
    return path
