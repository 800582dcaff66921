"""What has to be done: which videos are new or changed, which only lack a file, which are finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from realtime.batch.collection import Video, choose_stem
from realtime.batch.folder import OutFolder
from realtime.batch.records import Job, Record
from realtime.batch.settings import hash_file


@dataclass(frozen=True)
class Wish:
    """What is asked for, for every video alike."""

    settings: str
    """RunConfig as JSON."""
    settings_hash: str
    formats: tuple[str, ...] = ()
    again: bool = False


@dataclass
class Plan:
    """Jobs, the largest video first so that all cores are busy to the end; and the videos' weights."""

    jobs: list[Job] = field(default_factory=list)
    finished: list[Record] = field(default_factory=list)
    """Done before, nothing to do."""
    bytes: dict[str, int] = field(default_factory=dict)
    """Key → size of the video, by which progress is told."""


def make_plan(videos: list[Video], wish: Wish, folder: OutFolder) -> Plan:
    """Compare the collection with the books. Claims a name in the out folder for each new video."""
    plan, known = Plan(), {record.key: record for record in folder.records()}
    taken = {record.stem.casefold() for record in known.values()}

    def is_free(stem: str) -> bool:
        return stem.casefold() not in taken and folder.nothing_at(stem)

    for video in videos:
        record = known.get(video.key) or _claim(video, folder, is_free)
        taken.add(record.stem.casefold())
        plan.bytes[video.key] = max(1, video.path.stat().st_size)
        job = _job(video, record, wish, folder)
        if job is None:
            plan.finished.append(record)
        else:
            plan.jobs.append(job)
    plan.jobs.sort(key=lambda job: -plan.bytes[job.key])
    return plan


def _claim(video: Video, folder: OutFolder, is_free: Callable[[str], bool]) -> Record:
    """Written down before work begins: who is interrupted finds the same name again."""
    record = Record(video.key, video.name, choose_stem(video.name, is_free))
    folder.keep(record)
    return record


def _job(video: Video, record: Record, wish: Wish, folder: OutFolder) -> Job | None:
    track = wish.again or not _stands(video, record, wish, folder)
    missing = tuple(
        suffix
        for suffix in wish.formats
        if track or suffix not in record.files or not all(map(folder.holds, record.files[suffix]))
    )
    if not track and not missing:
        return None
    return Job(
        key=video.key,
        video=str(video.path.absolute()),
        name=video.name,
        out=str(folder.path.absolute()),
        stem=record.stem,
        settings=wish.settings,
        settings_hash=wish.settings_hash,
        formats=missing,
        track=track,
    )


def _stands(video: Video, record: Record, wish: Wish, folder: OutFolder) -> bool:
    """The session is there, made of this video with these settings. A failed one is tried again."""
    if record.status != "done" or record.settings_hash != wish.settings_hash:
        return False
    return folder.holds(record.session) and _same_input(video.path, record, folder)


def _same_input(path: Path, record: Record, folder: OutFolder) -> bool:
    stat = path.stat()
    if stat.st_size != record.input_bytes:
        return False
    if stat.st_mtime_ns == record.input_mtime_ns:
        return True
    if hash_file(path) != record.input_sha256:
        return False
    folder.keep(msgspec.structs.replace(record, input_mtime_ns=stat.st_mtime_ns))
    return True
