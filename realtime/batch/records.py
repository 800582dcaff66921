"""What is asked of a worker, and what becomes of a video: both travel and are kept as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from lifting.errors import DataError


class Job(msgspec.Struct, frozen=True):
    """One video to be done."""

    key: str
    """Names the record; made of the video's path in the collection."""
    video: str
    """Path of the file."""
    name: str
    """The same, as seen from the collection's folder."""
    out: str
    """The out folder."""
    stem: str
    """Where the results go: path in the out folder without a suffix."""
    settings: str
    """A `realtime.config.RunConfig` as JSON; source and record are filled in by the worker."""
    settings_hash: str
    formats: tuple[str, ...] = ()
    """Suffixes of the files to be made of the session."""
    track: bool = True
    """False: the session stands, only files are missing."""
    attempt: int = 1


class Lost(msgspec.Struct, frozen=True):
    """Frames of a video that did not come into its session, by the place where."""

    source: int = 0
    """Damaged in the video."""
    skipped: int = 0
    """Read but not processed; 0 at full speed."""
    recorder: int = 0
    """Processed but not stored."""


class Record(msgspec.Struct, frozen=True):
    """One video of the collection and what became of it."""

    key: str
    video: str
    stem: str
    status: Literal["waiting", "done", "failed"] = "waiting"
    input_bytes: int = 0
    input_mtime_ns: int = 0
    input_sha256: str = ""
    settings_hash: str = ""
    session: str = ""
    """Path in the out folder."""
    files: dict[str, list[str]] = {}
    """Suffix → files made of the session, as paths in the out folder; one per person for most formats."""
    frames: int = 0
    media_s: float = 0.0
    """How long the video is."""
    seconds: float = 0.0
    """How long it took."""
    fps: float = 0.0
    """Frames per second of work."""
    people: int = 0
    tracked_percent: float = 0.0
    """Frames in which somebody was seen."""
    longest_gap_s: float = 0.0
    """Longest time without anybody seen."""
    lost: Lost = Lost()
    error: str = ""
    attempts: int = 0
    """How many times a worker began with it, since it was last asked for."""
    worker: str = ""
    """Machine and process."""
    finished: str = ""
    """Date and time, UTC."""


def decode_job(data: bytes | str) -> Job:
    """Raises DataError for anything else."""
    try:
        return msgspec.json.decode(data, type=Job)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"Not a job of `sealcap batch`: {error}.") from error


def decode_record(data: bytes | str) -> Record:
    """Raises DataError for anything else."""
    try:
        return msgspec.json.decode(data, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"Not a record of `sealcap batch`: {error}.") from error
