"""One video, from file to session to formats. Runs in a worker process, here or on another machine."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from lifting.errors import SealcapError, SinkError, SourceError
from realtime.batch.coverage import Coverage
from realtime.batch.folder import SESSION, OutFolder
from realtime.batch.records import Job, Lost, Record, decode_job
from realtime.batch.settings import hash_file
from realtime.config import RunConfig
from realtime.sources.opencv import open_capture
from realtime.takes.formats import FORMATS
from realtime.takes.load import load_takes
from realtime.takes.take import Take
from realtime.timing import Summary


@dataclass(frozen=True)
class _Tracked:
    """A session that lies in the workplace."""

    session: Path
    summary: Summary
    coverage: Coverage


def process_text(job: str) -> str:
    """`process`, from JSON to JSON."""
    return msgspec.json.encode(process(decode_job(job))).decode()


def process(job: Job) -> Record:
    """Do one video and write down what became of it; a video that fails is an answer, not an exception."""
    folder = OutFolder(Path(job.out))
    before = folder.record(job.key) or Record(job.key, job.name, job.stem)
    try:
        record = _process(job, folder, before)
    except (SealcapError, OSError) as error:
        record = msgspec.structs.replace(before, status="failed", error=_one_line(error))
    record = msgspec.structs.replace(
        record,
        settings_hash=job.settings_hash,
        attempts=job.attempt,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    folder.keep(record)
    return record


def _process(job: Job, folder: OutFolder, before: Record) -> Record:
    workplace = folder.workplace(job.key)
    try:
        return (
            _new_session(job, folder, before, workplace)
            if job.track
            else _more_files(job, folder, before, workplace)
        )
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
        folder.progress(job.key).unlink(missing_ok=True)


def _new_session(job: Job, folder: OutFolder, before: Record, workplace: Path) -> Record:
    video, began = Path(job.video), time.monotonic()
    stat, digest = video.stat(), hash_file(video)
    done = _track(job, folder, workplace)
    files = _make_files(job, done.session, workplace) if done.coverage.frames else {}
    named = _deliver(job, folder, files)
    session = f"{job.stem}{SESSION}"
    os.replace(done.session, folder.place(session))
    old = [name for names in before.files.values() for name in names]
    new = {name for names in named.values() for name in names}
    folder.remove([name for name in old if name not in new])
    seconds = time.monotonic() - began
    return Record(
        job.key,
        job.name,
        job.stem,
        status="done",
        input_bytes=stat.st_size,
        input_mtime_ns=stat.st_mtime_ns,
        input_sha256=digest,
        session=session,
        files=named,
        frames=done.summary.published,
        media_s=round(done.coverage.media_s, 3),
        seconds=round(seconds, 3),
        fps=round(done.summary.fps, 2),
        people=done.coverage.people,
        tracked_percent=round(done.coverage.tracked_percent, 2),
        longest_gap_s=round(done.coverage.longest_gap_s, 3),
        lost=_lost(done.summary),
    )


def _more_files(job: Job, folder: OutFolder, before: Record, workplace: Path) -> Record:
    files = _make_files(job, folder.place(f"{job.stem}{SESSION}"), workplace)
    named = _deliver(job, folder, files)
    return msgspec.structs.replace(before, status="done", error="", files=before.files | named)


def _track(job: Job, folder: OutFolder, workplace: Path) -> _Tracked:
    from realtime.build import build_pipeline
    from realtime.commands.run import needed_models
    from realtime.models import store

    session = workplace / f"{Path(job.stem).name}{SESSION}"
    config = RunConfig.model_validate_json(job.settings)
    out = config.out.model_copy(update={"record": session})
    config = config.model_copy(update={"source": str(Path(job.video).absolute()), "out": out})
    store.ensure(needed_models(config))
    coverage = Coverage(folder.progress(job.key), _expected(Path(job.video)))
    summary = build_pipeline(config, extra_sinks=(coverage,)).run(threading.Event())
    for sink in summary.sinks:
        if sink.failure is not None:
            raise SinkError(sink.failure)
    if not session.is_file():
        raise SourceError(f"{job.name} holds no frame that can be read. Record or copy it again.")
    return _Tracked(session, summary, coverage)


def _expected(video: Path) -> int:
    """Frames by the file's index, 0 where it does not say."""
    import cv2

    capture = open_capture(str(video.resolve()), cv2.CAP_FFMPEG)
    if capture is None:
        return 0
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    return int(count) if 0 < count < 1e9 else 0


def _make_files(job: Job, session: Path, workplace: Path) -> dict[str, list[tuple[str, Path]]]:
    """Suffix → end of the name and the file, of all formats; none of a session without anybody."""
    if not job.formats or not _somebody(session):
        return {suffix: [] for suffix in job.formats}
    takes = load_takes(session)
    return {suffix: list(_make(takes, suffix, workplace)) for suffix in job.formats}


def _somebody(session: Path) -> bool:
    from realtime.session import read_poses

    return any(person.state != "lost" for message in read_poses(session) for person in message.people)


def _make(takes: list[Take], suffix: str, workplace: Path) -> Iterator[tuple[str, Path]]:
    kind = FORMATS[suffix]
    if kind.several or len(takes) == 1:
        path = workplace / f"all{suffix}"
        kind.load()(takes if kind.several else takes[0], path)
        yield suffix, path
        return
    for take in takes:
        path = workplace / f"{take.person_id}{suffix}"
        kind.load()(take, path)
        yield f".person{take.person_id}{suffix}", path


def _deliver(job: Job, folder: OutFolder, files: dict[str, list[tuple[str, Path]]]) -> dict[str, list[str]]:
    """Everything is made before the first file appears; each appears whole."""
    named: dict[str, list[str]] = {}
    for suffix, made in files.items():
        named[suffix] = []
        for end, path in made:
            os.replace(path, folder.place(f"{job.stem}{end}"))
            named[suffix].append(f"{job.stem}{end}")
    return named


def _lost(summary: Summary) -> Lost:
    dropped = sum(sink.dropped for sink in summary.sinks if sink.name != Coverage.name)
    return Lost(summary.missed, summary.overwritten + summary.unprocessed, dropped)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'The disk'}: {error.strerror}."
    return " ".join(str(error).split())
