"""A robot's commands in a session, read by the published message classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader

from lifting.errors import SinkError
from realtime.recovery import recover
from realtime.retarget.robot_pose import RobotState
from realtime.session import read_poses
from realtime.sinks.recorder import SessionRecorder
from realtime.sinks.robot_track import LONGEST, RobotTrack
from tests.realtime.retarget.transports.commands import command, describe
from tests.realtime.sessions import motion_at

NAMES = ("hip", "knee")


def rows(path: Path, topic: str) -> list[tuple[int, bytes]]:
    """(sequence, data) on a topic."""
    with path.open("rb") as file:
        return [(m.sequence, m.data) for _, _, m in make_reader(file).iter_messages(topics=[topic])]


def track() -> RobotTrack:
    """Open, of a robot with two joints."""
    made = RobotTrack()
    made.description = describe(*NAMES)
    made.open()
    return made


def fill(path: Path) -> Path:
    """Thirty frames with a hundred commands, some of them left after the last frame."""
    robot = track()
    recorder = SessionRecorder(path, robot=robot)
    recorder.open()
    for i in range(100):
        robot.send(command(2, i, RobotState.RAMPING if i < 40 else RobotState.FOLLOWING))
        if i % 3 == 0 and i < 90:
            recorder.write(motion_at(i // 3, i / 100))
    recorder.close()
    return path


def test_every_command_is_in_the_session(tmp_path: Path) -> None:
    """In order, by tick; the base, and each change of state; poses as ever."""
    schemas = pytest.importorskip("foxglove_schemas_protobuf.JointStates_pb2", reason="pip install it")
    path = fill(tmp_path / "take.mcap")
    found = rows(path, "/robot/joint_states")
    assert [tick for tick, _ in found] == list(range(100))
    states = schemas.JointStates.FromString(found[7][1])
    assert [(j.name, j.position, j.velocity) for j in states.joints] == [("hip", 0, 0), ("knee", 0.01, 0.1)]
    assert len(rows(path, "/robot/tf")) == 100
    said = [json.loads(data) for _, data in rows(path, "/robot/state")]
    assert [(s["state"], s["tick"], s["robot"]) for s in said] == [
        ("ramping", 0, "g1"),
        ("following", 40, "g1"),
    ]
    assert len(list(read_poses(path))) == 30


def test_recovery_keeps_the_robot(tmp_path: Path) -> None:
    """A cut session is rescued with it."""
    whole = fill(tmp_path / "take.mcap")
    cut = tmp_path / "cut.mcap.partial"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.9)])
    recover(cut, tmp_path / "again.mcap")
    assert len(rows(tmp_path / "again.mcap", "/robot/joint_states")) > 0


def test_without_a_robot_there_are_no_channels_of_one(tmp_path: Path) -> None:
    """The file of a run without --robot is as it was."""
    recorder = SessionRecorder(tmp_path / "take.mcap")
    recorder.open()
    recorder.write(motion_at(0, 0))
    recorder.close()
    with (tmp_path / "take.mcap").open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    assert not [c for c in summary.channels.values() if c.topic.startswith("/robot")]


def test_what_waits_is_bounded_and_finite() -> None:
    """Nobody takes: the oldest go. Nobody said which robot: an error."""
    robot = track()
    bad = command(2)
    bad.position[0] = np.nan
    robot.send(bad)
    assert not robot.take()
    for i in range(LONGEST):
        robot.send(command(2, i))
    assert len(robot.take()) == LONGEST
    assert not robot.take()
    with pytest.raises(SinkError):
        RobotTrack().open()
    fixed = track()
    fixed.description = replace(describe(*NAMES), floating=False)
    fixed.send(command(2))
    assert [row.topic for row in fixed.take()] == ["/robot/joint_states", "/robot/state"]
