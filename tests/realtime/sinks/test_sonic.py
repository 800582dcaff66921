"""SONIC, versions 2 and 3: what its receiver reads of a person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import zmq

from lifting.errors import ConfigError
from realtime.data import State
from realtime.retarget import smpl
from realtime.sinks.sonic import GAP_NS, STEP_NS, Grid, SonicSink
from tests.realtime.retarget.transports.sonic_reader import Session, read
from tests.realtime.sessions import motion_at
from tests.realtime.sinks.motions import make_motion, spoiled, with_poses


def turned(angle: float) -> np.ndarray:
    """(1,4) a turn about x."""
    return np.array([[np.sin(angle / 2), 0, 0, np.cos(angle / 2)]])


def turned_body(angle: float) -> np.ndarray:
    """(21,4) all bones in rest, the pelvis turned about x."""
    out = np.tile(np.array([0, 0, 0, 1], np.float32), (21, 1))
    out[0] = turned(angle)[0]
    return out


def angles(frames: np.ndarray) -> np.ndarray:
    """(N,) of frames made of `turned`."""
    return 2 * np.arctan2(frames[:, 0, 0], frames[:, 0, 3])


@pytest.mark.parametrize("fps", [15, 24, 29.97, 30, 50, 60, 120])
def test_any_camera_gives_50_frames_a_second_on_the_grid(fps: float) -> None:
    """A steady turn comes out steady, frame by frame, none twice, none left out."""
    grid, out = Grid(), []
    start_ns = 7_123_456_789
    for i in range(int(4 * fps)):
        time_ns = start_ns + round(i / fps * 1e9)
        q = turned(0.5 * (time_ns - start_ns) * 1e-9)
        out.append(grid.offer(time_ns, q if i % 3 else -q))  # the same rotation
    frames = np.concatenate(out)
    assert len(frames) == pytest.approx(4 * 50, abs=5)
    steps = np.diff(angles(frames)[1:])
    assert np.allclose(steps, 0.5 / 50, atol=2e-5)


def test_nothing_waits_for_the_next_picture() -> None:
    """The newest frame is never older than one step of the grid."""
    grid = Grid()
    for i in range(90):
        time_ns = 10**9 + i * 33_333_333
        frames = grid.offer(time_ns, turned(time_ns * 1e-10))
        if len(frames):
            lag_ns = (time_ns * 1e-10 - angles(frames)[-1]) * 1e10
            assert -1000 <= lag_ns <= STEP_NS + 1000


def test_after_a_gap_the_robot_is_joined_slowly() -> None:
    """From the pose it kept to the new one within a second, and never with a step."""
    grid = Grid()
    first = grid.offer(10**9, turned(0.0))
    back = [grid.offer(2 * GAP_NS + 10**9 + i * STEP_NS, turned(2.0)) for i in range(60)]
    found = angles(np.concatenate([first, *back]))
    assert found[0] == 0
    assert found[1] == pytest.approx(0, abs=1e-3)
    assert found[-1] == pytest.approx(2.0)
    assert np.abs(np.diff(found)).max() < 0.09
    assert (np.diff(found) >= 0).all()


def test_another_person_is_joined_as_slowly_without_a_gap() -> None:
    """One goes and the next is there in the very next picture: no step either, and no frame is left out."""
    grid = Grid()
    frames = [grid.offer(10**9 + i * STEP_NS, turned(0.0)) for i in range(10)]
    frames += [grid.offer(10**9 + i * STEP_NS, turned(2.0), anew=i == 10) for i in range(10, 70)]
    found = angles(np.concatenate(frames))
    assert len(found) == 70
    assert found[-1] == pytest.approx(2.0)
    assert np.abs(np.diff(found)).max() < 0.09


def test_the_sink_tells_one_person_from_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is lost as the second is seen: what is sent begins where the first was."""
    wire, session = Wire(monkeypatch, 3), Session()
    for seq in range(90):
        motion = motion_at(seq, seq / 50, people=2)
        first, second = motion.people
        first = replace(
            first, bone_rotations=turned_body(0.0), state=State.TRACKING if seq < 10 else State.LOST
        )
        wire.sink.write(with_poses(motion, first, replace(second, bone_rotations=turned_body(2.0))))
    for message in wire.sent:
        session.take(message)
    sent = np.array([frame["body_quat"] for frame in session.frames])
    cosines = np.abs(np.vecdot(sent[1:], sent[:-1]))
    assert 2 * np.arccos(min(cosines.min(), 1.0)) < 0.09
    assert 2 * np.arccos(abs(sent[0] @ sent[-1])) == pytest.approx(2.0, abs=1e-3)


class Wire:
    """A sink without its socket."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
        self.sent: list[bytes] = []
        self.sink = SonicSink("127.0.0.1:5556", version=version)
        monkeypatch.setattr(self.sink._publisher._out, "_socket", self)

    def getsockopt(self, _option: int) -> int:
        """As a socket."""
        return 0

    def send(self, message: bytes, _flags: int) -> None:
        """As a socket."""
        self.sent.append(message)


@pytest.mark.parametrize("version", [2, 3])
def test_the_receiver_reads_the_person(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Rotations and joints of the last frame are the pose's; the rules of the page hold throughout."""
    wire, session = Wire(monkeypatch, version), Session()
    motions = [motion_at(s, s / 50) for s in range(20)]
    for motion in motions:
        wire.sink.write(motion)
    for message in wire.sent:
        session.take(message)
    assert session.version == version
    assert [f["frame_index"][0] for f in session.frames] == list(range(len(session.frames)))
    local = motions[-1].people[0].bone_rotations.astype(np.float64)
    last = session.frames[-1]
    assert motions[-1].frame.capture_time_ns % STEP_NS == 0
    assert last["smpl_pose"] == pytest.approx(smpl.body_pose(local).ravel(), abs=1e-4)
    assert last["smpl_joints"] == pytest.approx(smpl.joints(local).ravel(), abs=1e-4)
    assert np.linalg.norm(last["body_quat"]) == pytest.approx(1, abs=1e-5)
    assert ("joint_pos" in last) == (version == 3)
    assert not any(last.get("joint_pos", []))
    assert not any(last.get("joint_vel", []))


def test_nothing_is_sent_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost, gone, or broken: the stream pauses."""
    wire = Wire(monkeypatch, 3)
    motion = make_motion()
    pose = motion.people[0]
    for people in ((), (replace(pose, state=State.LOST),), (spoiled(pose, "bone_rotations"),)):
        wire.sink.write(with_poses(motion, *people))
    assert not wire.sent


def test_over_a_real_socket() -> None:
    """One part, subscribed by topic."""
    sink = SonicSink("sonic://127.0.0.1:0", version=2)
    sink.open()
    with zmq.Context() as context, context.socket(zmq.SUB) as receiver:
        receiver.setsockopt(zmq.LINGER, 0)
        receiver.setsockopt(zmq.SUBSCRIBE, b"pose")
        receiver.connect(sink.name.removeprefix("sonic "))
        for s in range(600):
            sink.write(motion_at(s, s / 50))
            if receiver.poll(10):
                break
        assert read(receiver.recv())[0] == 2
    sink.close()
    sink.close()


def test_other_machines_only_when_asked() -> None:
    """SONIC has no keys, so both words are needed."""
    with pytest.raises(ConfigError, match="--sonic"):
        SonicSink("0.0.0.0:5556", lan=True)
    SonicSink("0.0.0.0:5556", lan=True, insecure=True)
