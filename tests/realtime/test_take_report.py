"""The take report, on sessions of which the answers are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mcap.writer import CompressionType, Writer

from lifting.errors import WireError
from realtime.cli import main
from realtime.data import State
from realtime.sinks import session_schema as schema
from realtime.sinks.wire import encode_pose
from realtime.take_report import _Gathered, take_report
from tests.realtime.sessions import motion_at, record


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 frames at 50 Hz with a pause of two seconds; recorder numbers 40..44 missing; states known."""
    motions = []
    for seq in [*range(40), *range(45, 105)]:
        motion = motion_at(seq, seq / 50 + (2.0 if seq >= 60 else 0.0), people=2)
        first, second = motion.people
        state = State.PREDICTED if seq < 10 else State.HELD if seq < 15 else State.TRACKING
        people = (replace(first, state=state), second) if seq >= 45 else (replace(first, state=state),)
        stages = {"detect": 10.0 + seq, "lift": 1.0}
        motions.append(replace(motion, people=people, stage_ms=stages))
    motions.append(replace(motion_at(105, 4.1), people=()))
    return record(tmp_path_factory.mktemp("take") / "take.mcap", motions)


def test_rate_gaps_and_evenness(take: Path) -> None:
    """By the median interval 50 a second; one pause of two seconds stands out."""
    report = take_report(take)
    assert report.frames == 101
    assert report.seconds == pytest.approx(4.1)
    assert report.fps == pytest.approx(50.0)
    assert report.mean_fps == pytest.approx(100 / 4.1)
    assert report.intervals_ms is not None
    assert report.intervals_ms.median == pytest.approx(20.0)
    assert report.intervals_ms.worst == pytest.approx(2020.0)
    assert report.gaps == 1
    assert report.longest_gap is not None
    assert report.longest_gap.seconds == pytest.approx(2.02)
    assert report.longest_gap.at_s == pytest.approx(59 / 50)


def test_losses_by_stage(take: Path) -> None:
    """Counters of the run as they were last told, and holes in the recording."""
    report = take_report(take)
    assert report.captured == 105 + 3
    assert (report.drops.source, report.drops.skipped, report.drops.recorder) == (1, 2, 5)
    assert report.drops.outputs == {"osc somewhere": 4}


def test_people_and_how_well_they_were_seen(take: Path) -> None:
    """Each person's frames, time and share of every state; frames without anybody."""
    first, second = take_report(take).people
    assert (first.id, first.frames, second.id, second.frames) == (1, 100, 2, 60)
    assert first.percent == {"tracking": 85.0, "predicted": 10.0, "held": 5.0, "lost": 0.0}
    assert second.percent["tracking"] == 100.0
    assert second.first_s == pytest.approx(0.9)
    assert take_report(take).empty_percent == pytest.approx(100 / 101)


def test_times_of_all_frames_are_in_the_percentiles(take: Path) -> None:
    """Not percentiles of percentiles: the worst frame is there."""
    stages = take_report(take).stages_ms
    assert stages["detect"].worst == 114.0
    assert stages["detect"].p50 == pytest.approx(64.0, abs=2.0)
    assert stages["latency"].p99 == pytest.approx(12.0)


def test_origin(take: Path) -> None:
    """Source, networks, versions and settings are those of the run."""
    report = take_report(take)
    assert report.source == "walk.mp4"
    assert report.models == {"lifter": "ab" * 32}
    assert report.settings == "a: 1\n"
    assert "sealcap" in report.versions
    assert report.whole
    assert report.damaged == 0


def test_a_session_cut_off_is_said_to_be(take: Path, tmp_path: Path) -> None:
    """What stands is reported, with the way to make it whole."""
    cut = tmp_path / "take.mcap.partial"
    cut.write_bytes(take.read_bytes()[:-20_000])
    report = take_report(cut)
    assert not report.whole
    assert 0 < report.frames <= 101


def test_older_and_empty_sessions_have_reports_too(tmp_path: Path) -> None:
    """Without statistics losses are unknown, not zero; without frames nothing is divided."""
    for name, frames in (("old", 5), ("empty", 0)):
        with (tmp_path / name).open("wb") as file:
            writer = Writer(file, compression=CompressionType.ZSTD)
            writer.start()
            channel = writer.register_channel(schema.POSE, "msgpack", 0)
            bad = writer.register_channel(schema.STATS, "json", 0)
            for seq in range(frames):
                writer.add_message(channel, seq, encode_pose(motion_at(seq, seq / 30)), 0, seq)
            writer.add_message(bad, 9, b'{"seq": "x"}', 0, 0)
            writer.finish()
    old, empty = take_report(tmp_path / "old"), take_report(tmp_path / "empty")
    assert (old.frames, old.captured, old.drops.source, old.drops.recorder) == (5, None, None, 0)
    assert old.damaged == 1
    assert (empty.frames, empty.fps, empty.people) == (0, None, [])
    assert main(["info", str(tmp_path / "empty")]) == 0


def test_the_command_prints_it(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people, and as JSON with the same numbers."""
    assert main(["info", str(take)]) == 0
    text = capsys.readouterr().out
    for words in (
        "50.00 frames per second",
        "one gap, longest 2.02 s",
        "skipped for a newer one 2",
        "latency",
    ):
        assert words in text
    assert main(["info", str(take), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["longest_gap"]["seconds"] == pytest.approx(2.02)
    assert told["people"][0]["percent"]["held"] == 5.0


def test_statistics_nested_too_deeply(tmp_path: Path) -> None:
    """A message of statistics that would exhaust the stack counts as damage; the report goes on."""
    found = _Gathered()
    with pytest.raises(WireError, match="Not a message of statistics"):
        found.add_stats(b'{"seq": 1, "frames": 1, "fps": 1, "x": ' + b"[" * 100_000)
