"""Takes: names that stay in their folder, recordings that come and go with the run going on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifting.errors import ConfigError
from realtime.cockpit.recording import checked
from realtime.session import read_poses
from realtime.take_report import take_report
from tests.realtime.web.cockpit_rig import running, settings, wait_for

BAD = ["", "a" * 65, "../x", "a/b", "a\\b", ".hidden", "-x", "a b", "ü", "a\0", "a\n", "C:x", "..", "a;b"]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_name_is_refused(name: str) -> None:
    """Nothing that could leave the folder, hide, or be an option."""
    with pytest.raises(ConfigError, match="take-001"):
        checked(name)


@pytest.mark.parametrize("name", ["take-001", "A", "_x", "a" * 64, "a.b", "2026-11-21_walk"])
def test_names_are_taken(name: str) -> None:
    """Ordinary names."""
    assert checked(name) == name


def test_takes_come_and_go_while_the_run_goes_on(tmp_path: Path) -> None:
    """Two takes hold what was published between start and stop, whole; the books of the run still balance."""
    with running(settings(tmp_path / "takes"), size=(160, 120)) as rig:
        recording = rig.cockpit.recording
        assert recording is not None
        for name in ("one", "two"):
            assert recording.start(name)
            assert not recording.start("three")  # one at a time
            wait_for(lambda: recording.runner is not None and recording.runner.sent >= 10)
            assert recording.stop() == name
        assert not recording.start("one")
        assert "exists already" in recording.failure
        assert not recording.start("../one")
        assert recording.stop() == ""
        takes = {take.name: take for take in recording.takes()}
        assert recording.next_name("one") == "one-001"
    assert set(takes) == {"one", "two"}
    for name in takes:
        path = tmp_path / "takes" / f"{name}.mcap"
        numbers = [pose.seq for pose in read_poses(path)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len(numbers) >= 10
        assert take_report(path).whole
    summary = rig.pipeline.summary(1.0)
    assert summary.accounted
    assert [sink.name.startswith("record") for sink in summary.sinks].count(True) == 2


def test_a_take_under_way_is_finished_with_the_run(tmp_path: Path) -> None:
    """Whoever ends the run without stopping loses nothing."""
    with running(settings(tmp_path), size=(160, 120)) as rig:
        recording = rig.cockpit.recording
        assert recording is not None
        assert recording.start("last")
        wait_for(lambda: recording.runner is not None and recording.runner.sent >= 5)
    assert take_report(tmp_path / "last.mcap").whole
    assert not recording.start("after")
    assert "run is over" in recording.failure


def test_numbers_go_on(tmp_path: Path) -> None:
    """The next name is the next number that is free, as wide as the last."""
    with running(settings(tmp_path), size=(160, 120)) as rig:
        recording = rig.cockpit.recording
        assert recording is not None
        (tmp_path / "take-002.mcap").touch()
        (tmp_path / "take-003.mcap.partial").touch()
        assert recording.next_name("take-001") == "take-004"
        assert recording.next_name("take-099") == "take-100"
        assert [t.whole for t in sorted(recording.takes(), key=lambda t: t.name)] == [True, False]
