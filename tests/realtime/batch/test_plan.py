"""What is done, what is done again, and what belongs to somebody else."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from realtime.batch.collection import find_videos
from realtime.batch.folder import OutFolder
from realtime.batch.plan import Wish, make_plan
from realtime.batch.records import Job
from realtime.batch.settings import hash_file
from realtime.batch.work import process

WISH = Wish("{}", "h1", (".bvh",))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two files that only look like videos."""
    folder = tmp_path / "videos"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"a" * 10)
    (folder / "sub/b.mp4").write_bytes(b"b" * 20)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> OutFolder:
    """An empty out folder."""
    folder = OutFolder(tmp_path / "out")
    folder.create()
    return folder


def jobs(videos: Path, out: OutFolder, wish: Wish = WISH) -> list[Job]:
    """What there is to do."""
    return make_plan(find_videos(videos, out.path), wish, out).jobs


def finish(job: Job, out: OutFolder) -> None:
    """As if a worker had done it."""
    record, video = out.record(job.key), Path(job.video)
    assert record is not None
    names = {suffix: [f"{job.stem}{suffix}"] for suffix in job.formats}
    session = f"{job.stem}.mcap"
    for name in (session, *(n for found in names.values() for n in found)):
        out.place(name).touch()
    stat = video.stat()
    out.keep(
        msgspec.structs.replace(
            record,
            status="done",
            input_bytes=stat.st_size,
            input_mtime_ns=stat.st_mtime_ns,
            input_sha256=hash_file(video),
            settings_hash=job.settings_hash,
            session=session,
            files=record.files | names,
        )
    )


def test_only_what_is_needed(videos: Path, out: OutFolder) -> None:
    """Largest first; nothing twice; a changed video or setting, a lost result or --again is done again."""
    first = jobs(videos, out)
    assert [job.name for job in first] == ["sub/b.mp4", "a.mp4"]
    for job in first:
        finish(job, out)
    assert jobs(videos, out) == []
    os.utime(videos / "a.mp4", (1, 1))
    assert jobs(videos, out) == [], "another date alone is no change"
    (videos / "a.mp4").write_bytes(b"A" * 10)
    assert [(job.name, job.track) for job in jobs(videos, out)] == [("a.mp4", True)]
    finish(jobs(videos, out)[0], out)
    assert {job.name for job in jobs(videos, out, Wish("{}", "h2"))} == {"a.mp4", "sub/b.mp4"}
    assert len(jobs(videos, out, Wish("{}", "h1", again=True))) == 2
    more = jobs(videos, out, Wish("{}", "h1", (".bvh", ".csv")))
    assert [(job.track, job.formats) for job in more] == [(False, (".csv",))] * 2
    (out.path / "a.bvh").unlink()
    assert [(job.name, job.track, job.formats) for job in jobs(videos, out)] == [("a.mp4", False, (".bvh",))]


def test_interrupted_work_keeps_its_name(videos: Path, out: OutFolder) -> None:
    """A session without a finished record is our own: it is replaced, not gone around."""
    (videos / "a.mov").write_bytes(b"m")
    before = {job.name: job.stem for job in jobs(videos, out)}
    assert before == {"a.mov": "a", "a.mp4": "a.mp4", "sub/b.mp4": "sub/b"}
    (out.path / "a.mcap").touch()
    (videos / "a.avi").write_bytes(b"i")
    assert {job.name: job.stem for job in jobs(videos, out)} == before | {"a.avi": "a.avi"}


def test_a_file_that_is_not_ours_stays(videos: Path, out: OutFolder) -> None:
    """Results lie beside it under a longer name."""
    (out.path / "a.mcap").write_text("a recording of mine")
    assert {job.stem for job in jobs(videos, out)} == {"a.mp4", "sub/b"}


def test_a_bad_video_is_an_answer(videos: Path, out: OutFolder) -> None:
    """The worker says what is wrong in the record, and leaves nothing behind."""
    job = jobs(videos, out)[0]
    settings = '{"detector": {"kind": "movenet", "variant": "lightning"}}'
    record = process(msgspec.structs.replace(job, settings=settings))
    assert record.status == "failed"
    assert out.record(job.key) == record
    assert record.error
    assert "\n" not in record.error
    assert list((out.books / "work").iterdir()) == []
    (videos / "sub/b.mp4").unlink()
    assert "No such file" in process(job).error


def test_a_link_in_the_out_folder_leads_nowhere(videos: Path, out: OutFolder, tmp_path: Path) -> None:
    """Converting for a result folder that is a link to elsewhere fails; nothing is written there."""
    (out.path / "sub").symlink_to(tmp_path, target_is_directory=True)
    job = msgspec.structs.replace(jobs(videos, out)[0], track=False)
    assert "leads out of" in process(job).error
    assert not list(tmp_path.glob("b.*"))
