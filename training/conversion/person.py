"""All motion files of one person → clips. A file that cannot be read costs only itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lifting.errors import DataError
from training.conversion import cmu, generic_bvh
from training.conversion.acclaim import AcclaimMotion, AcclaimSkeleton, read_amc, read_asf
from training.conversion.actions import cmu_rate_hz
from training.conversion.bvh import read_bvh
from training.conversion.clips import Clip, cmu_takes, finish
from training.conversion.collection import Person, Recording
from training.conversion.proportions import Proportions, from_asf, from_mb, mean_proportions
from training.conversion.rigs import RigMap
from training.conversion.take import Take

AMC_FPS = 120.0
"""Of an AMC file that is not one of CMU's trials: the format does not name the rate."""

Skipped = list[tuple[Path, str]]
Index = dict[str, tuple[str, float | None]]
"""CMU trial → what is done in it, and its rate in Hz if known."""


@dataclass
class PersonResult:
    """What became of one person's files."""

    person: str
    clips: list[Clip] = field(default_factory=list)
    skipped: Skipped = field(default_factory=list)
    cut_frames: int = 0


def convert_person(person: Person, rig_map: RigMap, index: Index, fps: float) -> PersonResult:
    """All clips of one person at `fps`; files that cannot be used are in `skipped`."""
    result = PersonResult(person.name)
    # A map of joints is meant for every BVH there is, also for those that look like CMU's.
    own = {"amc"} if rig_map.joints else {"amc", "mb", "daz"}
    of_cmu = [one for one in person.recordings if one.form in own]
    others = [one for one in person.recordings if one.form not in own]
    if of_cmu:
        _from_cmu(person, of_cmu, index, fps, result)
    if others:
        _from_bvh(others, rig_map, fps, result)
    return result


def _from_cmu(
    person: Person, recordings: list[Recording], index: Index, fps: float, result: PersonResult
) -> None:
    skeleton, body = _body(person, recordings, result.skipped)
    loaded: dict[str, tuple[Take, AcclaimMotion]] = {}
    for recording in recordings:
        if recording.name in loaded:
            continue
        try:
            motion, fps_found = _motion(recording, skeleton, body)
        except DataError as error:
            result.skipped.append((recording.path, str(error)))
            continue
        loaded[recording.name] = (_facts(recording, index, fps_found), motion)
    if loaded:
        _finish(cmu_takes(list(loaded.values()), body), body.stature_m, fps, result)


def _body(
    person: Person, recordings: list[Recording], skipped: Skipped
) -> tuple[AcclaimSkeleton | None, Proportions]:
    """The person's skeleton, and proportions from it, from a BVH that has them, or of the average person."""
    skeleton = None
    if person.skeleton is not None:
        try:
            skeleton = read_asf(person.skeleton)
            return skeleton, from_asf(skeleton)
        except DataError as error:
            skipped.append((person.skeleton, str(error)))
            skeleton = None
    for recording in recordings:
        if recording.form == "mb":
            try:
                return skeleton, from_mb(read_bvh(recording.path))
            except (DataError, KeyError):
                continue  # reported when its motion is read
    return skeleton, mean_proportions()


def _motion(
    recording: Recording, skeleton: AcclaimSkeleton | None, body: Proportions
) -> tuple[AcclaimMotion, float]:
    """The movement, and its rate as far as the file knows."""
    if recording.form == "amc":
        if skeleton is None:
            raise DataError("Its .asf file cannot be used.")
        return read_amc(recording.path, skeleton), AMC_FPS
    bvh = read_bvh(recording.path)
    form = cmu.form_of(bvh)
    if form is None:
        raise DataError(f"{recording.path} lacks some of the joints of CMU's database; is it edited?")
    return cmu.from_bvh(bvh, form, body), bvh.fps


def _facts(recording: Recording, index: Index, fps: float) -> Take:
    """Name, action and rate of a trial, as a Take without frames; CMU's files name no true rate."""
    action, rate = index.get(recording.trial or "", ("", None))
    usual = cmu_rate_hz(recording.trial) if recording.trial else fps
    return Take(recording.name, action, f"cmu-{recording.form}", rate or usual, {}, {})


def _from_bvh(recordings: list[Recording], rig_map: RigMap, fps: float, result: PersonResult) -> None:
    by_rig: dict[str, list[Take]] = {}
    for recording in recordings:
        try:
            take = generic_bvh.read_take(recording.path, recording.name, rig_map)
        except DataError as error:
            result.skipped.append((recording.path, str(error)))
            continue
        by_rig.setdefault(take.source, []).append(take)
    for takes in by_rig.values():
        height_m = generic_bvh.stature_m(takes)
        _finish(generic_bvh.level(takes, height_m), height_m, fps, result)


def _finish(takes: list[Take], stature_m: float, fps: float, result: PersonResult) -> None:
    clips, cut = finish(takes, result.person, stature_m, fps)
    result.clips += clips
    result.cut_frames += cut
