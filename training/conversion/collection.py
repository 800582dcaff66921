"""Which files of a folder are motion, and whose.

CMU's trials are called SUBJECT_TRIAL ("05_02.amc") in every form, and belong to "cmu05"; a trial present in
several forms counts once, in the best: AMC, then MotionBuilder-friendly, then Daz-friendly BVH. Other files
belong to whom `subject…` in their name says, else to the folder they are in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import DataError
from training.conversion.actions import trial_name
from training.conversion.rigs import RigMap

MAX_FILES = 200_000
_TRIAL = re.compile(r"^(\d{1,3})_(\d{1,3})$")
_SUBJECT = re.compile(r"((?:subject|person|actor)[ _-]?\d+)", re.IGNORECASE)
_FORMS = ("amc", "mb", "daz", "bvh")
_HEAD_BYTES = 16384


@dataclass(frozen=True)
class Recording:
    """One motion file."""

    path: Path
    name: str
    """What its clips will be called."""
    form: str
    """amc, mb, daz (the two conversions of CMU's database to BVH) or bvh."""
    skeleton: Path | None = None
    """The ASF file of an AMC file."""
    trial: str | None = None
    """"05_02" where the file is called as CMU calls its trials."""


@dataclass(frozen=True)
class Person:
    """All recordings of one person; of a trial in several forms all are here, the best first."""

    name: str
    recordings: tuple[Recording, ...]
    skeleton: Path | None = None
    """Their ASF file, if there is one."""


def find_people(folder: Path, rig_map: RigMap) -> tuple[list[Person], list[tuple[Path, str]]]:
    """People under a folder, by name, and files that cannot be used with the reason.

    Raises DataError when the folder is none, or holds no motion file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give the one that the motion files were unpacked into.")
    files = _files(folder)
    skeletons = [path for path in files if path.suffix.lower() == ".asf"]
    by_person: dict[str, list[Recording]] = defaultdict(list)
    skipped: list[tuple[Path, str]] = []
    for path in files:
        kind = path.suffix.lower()
        if kind == ".asf":
            continue
        skeleton = skeleton_of(path, skeletons)
        if kind == ".amc" and skeleton is None:
            skipped.append((path, "there is no .asf file for it"))
            continue
        recording = _recording(path, folder, skeleton)
        by_person[person_of(recording, folder, rig_map)].append(recording)
    if not by_person:
        raise DataError(
            f"{folder} holds no motion that can be used: no .bvh file, and no .amc with its .asf."
        )
    people = [_person(name, recordings) for name, recordings in sorted(by_person.items())]
    return people, skipped


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        if (
            path.suffix.lower() in (".bvh", ".amc", ".asf")
            and path.is_file()
            and not path.name.startswith(".")
        ):
            found.append(path)
        if len(found) > MAX_FILES:
            raise DataError(
                f"{folder} holds more than {MAX_FILES} motion files; convert its parts one by one."
            )
    return found


def skeleton_of(path: Path, skeletons: Iterable[Path]) -> Path | None:
    """The ASF file of a motion: the longest whose name begins the motion's, the nearest of these; or the only
    one in its folder."""
    named = [s for s in skeletons if re.match(rf"{re.escape(s.stem)}(?![0-9])", path.stem, re.IGNORECASE)]
    if named:
        return max(named, key=lambda s: (len(s.stem), s.parent == path.parent))
    beside = [s for s in skeletons if s.parent == path.parent]
    return beside[0] if len(beside) == 1 and path.suffix.lower() == ".amc" else None


def person_of(recording: Recording, folder: Path, rig_map: RigMap) -> str:
    """Who moves in a file: by the map, CMU's number, "subject…" in the name, or the folder."""
    path = recording.path
    if rig_map.subject is not None:
        found = re.search(rig_map.subject, path.relative_to(folder).as_posix())
        if found and found.group(1):
            return found.group(1)
    if recording.trial is not None:
        return f"cmu{int(recording.trial.split('_')[0]):02d}"
    named = _SUBJECT.search(path.stem)
    if named:
        return re.sub(r"[ _-]", "", named.group(1).lower())
    return path.parent.name or folder.resolve().name


def _recording(path: Path, folder: Path, skeleton: Path | None) -> Recording:
    form, trial = _form_of(path), _TRIAL.match(path.stem)
    if trial and form != "bvh":
        name = trial_name(*trial.groups())
        return Recording(path, name, form, skeleton, name)
    return Recording(path, path.relative_to(folder).with_suffix("").as_posix(), form, skeleton)


def _form_of(path: Path) -> str:
    """From joint names near the beginning; a file that cannot be opened is reported when it is read."""
    if path.suffix.lower() == ".amc":
        return "amc"
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return "bvh"
    return "mb" if b"LHipJoint" in head else "daz" if b"lButtock" in head else "bvh"


def _person(name: str, recordings: list[Recording]) -> Person:
    ordered = sorted(recordings, key=lambda one: (one.name, _FORMS.index(one.form), str(one.path)))
    skeleton = next((one.skeleton for one in ordered if one.skeleton is not None), None)
    return Person(name, tuple(ordered), skeleton)
