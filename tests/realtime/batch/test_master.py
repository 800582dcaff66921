"""Every video ends once: workers that die, hang or fail, with a crew made of paper."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.batch.crew import Died, Ended
from realtime.batch.folder import OutFolder
from realtime.batch.master import MAX_ATTEMPTS, Master
from realtime.batch.plan import Plan
from realtime.batch.records import Job, Record


class PaperCrew:
    """Answers as `fates` says, key → end of each attempt: d(one), f(ailed), k(illed), h(angs), l(ate)."""

    def __init__(self, folder: OutFolder, size: int, fates: dict[str, str]) -> None:
        self.folder, self.size, self.fates = folder, size, fates
        self.running: list[Job] = []
        self.begun: Counter[str] = Counter()
        self.most, self.stopped, self.killed = 0, False, set[str]()

    def free(self) -> int:
        return self.size - len(self.running)

    def start(self, job: Job) -> None:
        assert job.key not in {other.key for other in self.running}
        self.begun[job.key] += 1
        self.running.append(job)
        self.most = max(self.most, len(self.running))

    def finished(self) -> list[Ended]:
        ended = [(job, self._fate(job)) for job in self.running]
        self.running = [job for job, fate in ended if fate is None]
        return [(job, fate) for job, fate in ended if fate is not None]

    def _fate(self, job: Job) -> Record | Died | None:
        fate = self.fates[job.key][job.attempt - 1 : job.attempt] or "k"
        if fate == "h" and job.key not in self.killed:
            return None
        if fate in "kh":
            return Died("it was killed")
        status = "failed" if fate == "f" else "done"
        record = Record(job.key, job.name, job.stem, status, attempts=job.attempt, finished=f"{job.attempt}")
        self.folder.keep(record)
        return Died("too late") if fate == "l" else record

    def kill(self, job: Job) -> None:
        self.killed.add(job.key)

    def stop(self) -> None:
        self.stopped = True


def work(
    tmp_path: Path, fates: dict[str, str], size: int = 2, stalled_s: float = 60
) -> tuple[Master, PaperCrew]:
    """Run all of it."""
    folder = OutFolder(tmp_path)
    folder.create()
    jobs = [Job(key, f"/v/{key}.mp4", f"{key}.mp4", str(tmp_path), key, "{}", "h") for key in fates]
    crew = PaperCrew(folder, size, fates)
    master = Master(Plan(jobs), folder, crew, stalled_s)
    master.run(threading.Event())
    return master, crew


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.text("dfkl", min_size=1, max_size=4), min_size=1),
    st.integers(1, 3),
)
def test_every_video_ends_once(
    tmp_path_factory: pytest.TempPathFactory, fates: dict[str, str], size: int
) -> None:
    """Each is settled exactly once, begun again only after a death, and never more often than allowed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("realtime.batch.master.POLL_S", 0.0)
        master, crew = work(tmp_path_factory.mktemp("out"), fates, size)
    assert Counter(record.key for record in master.settled) == Counter(list(fates))
    assert crew.most <= size
    assert crew.stopped
    for record in master.settled:
        fate = fates[record.key]
        deaths = len(fate) - len(fate.lstrip("k"))
        expected = MAX_ATTEMPTS if deaths == len(fate) else min(deaths + 1, MAX_ATTEMPTS)
        assert crew.begun[record.key] == expected
        ends = fate[deaths : deaths + 1] if deaths < MAX_ATTEMPTS else ""
        assert record.status == ("done" if ends in ("d", "l") and ends else "failed")


def test_a_video_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    """The message says how often and why; the books say the same."""
    master, _ = work(tmp_path, {"a": "kkkk", "b": "d"})
    lost = next(record for record in master.settled if record.key == "a")
    assert lost.error == "Given up after 3 attempts: it was killed."
    assert OutFolder(tmp_path).record("a") == lost


def test_an_old_result_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """A worker that dies at once leaves the record of an earlier run; the video is done again."""
    folder = OutFolder(tmp_path)
    folder.create()
    folder.keep(Record("a", "a.mp4", "a", "done", attempts=1, finished="long ago"))
    _, crew = work(tmp_path, {"a": "kd"})
    assert crew.begun["a"] == 2


def test_a_worker_that_hangs_is_killed(tmp_path: Path) -> None:
    """Without progress for long enough the video goes to another."""
    master, crew = work(tmp_path, {"a": "hd"}, stalled_s=0.2)
    assert crew.killed == {"a"}
    assert master.settled[0].status == "done"


def test_stop_ends_at_once(tmp_path: Path) -> None:
    """What was not begun stays as it was, and the crew is sent home."""
    folder = OutFolder(tmp_path)
    folder.create()
    job = Job("a", "/v/a.mp4", "a.mp4", str(tmp_path), "a", "{}", "h")
    crew = PaperCrew(folder, 1, {"a": "h"})
    master, stop = Master(Plan([job]), folder, crew), threading.Event()
    master.run(stop, stop.set)
    assert crew.stopped
    assert master.settled == []
