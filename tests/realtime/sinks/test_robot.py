"""Robot output: people in, commands out over a real socket; and the verb that arms it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import zmq

from lifting.errors import ConfigError
from realtime.config import OutputConfig
from realtime.data import BodyPose, State
from realtime.retarget.deadman import DeadmanClient
from realtime.retarget.robot_pose import RobotPose, RobotState
from realtime.retarget.steady.control import ControlPort
from realtime.retarget.steady.intake import STALE_S
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.output import SteadyOutput
from realtime.retarget.transports.description import RobotDescription
from realtime.retarget.transports.joint_stream import COMMAND_TOPIC, JointStream, decode_command
from realtime.sinks.robot import RobotSink, seen_at
from realtime.sinks.runner import SinkRunner
from realtime.solve.rest import REST_JOINTS
from realtime.sources.camera import MAX_DRIVER_AGE_NS
from tests.realtime.retarget.steady.poses import LIMITS, N, make_pose
from tests.realtime.sinks.motions import make_motion, with_poses

ANY = "tcp://127.0.0.1:*"
CLI = "import sys; from realtime.cli import main; sys.exit(main(sys.argv[1:]))"


class Copy:
    """In place of a robot's mechanics: joints are those of the person's clock."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float, int]] = []
        self.fails = False

    def retarget(self, pose: BodyPose, capture_time_ns: int, dt_s: float, body_seq: int = -1) -> RobotPose:
        if self.fails:
            raise RuntimeError("the solver gave up")
        self.asked.append((pose.person_id, dt_s, body_seq))
        made = make_pose(capture_time_ns / 1e9, 0.3, pose.state, body_seq)
        return replace(made, capture_time_ns=capture_time_ns)


@pytest.fixture
def sink() -> Iterator[RobotSink]:
    """Self-arming, open, with a joint stream."""
    output = SteadyOutput(LIMITS, np.zeros(N), self_arming=True)
    loop = SteadyLoop(output, [JointStream(RobotDescription("toy", LIMITS, 100.0), ANY)])
    made = RobotSink("toy", Copy(), np.zeros(N), loop, ControlPort(loop, ANY), self_arming=True)
    made.open()
    yield made
    made.close()
    made.close()


def show(sink: RobotSink, seconds: float, *people: BodyPose) -> None:
    """Pictures with these people, 40 a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sink.write(with_poses(make_motion(next(_COUNT)), *people))
        time.sleep(0.025)


_COUNT = iter(range(10**9))


def person(number: int = 1, state: State = State.TRACKING) -> BodyPose:
    """Somebody."""
    return replace(make_motion().people[0], person_id=number, state=state)


def state_of(sink: RobotSink) -> RobotState:
    """As published last."""
    assert sink.loop.last is not None
    return sink.loop.last.state


def test_follows_a_person_and_stops_without(sink: RobotSink) -> None:
    """Somebody seen is followed; nobody in the picture is a loss at once."""
    show(sink, 0.6, person())
    assert state_of(sink) in (RobotState.RAMPING, RobotState.FOLLOWING)
    assert sink.loop.last is not None
    assert sink.loop.last.body_seq > 0
    show(sink, 0.2)
    assert state_of(sink) is RobotState.HOLDING


def test_the_first_person_is_kept_and_the_next_must_prove_themselves(sink: RobotSink) -> None:
    """Others beside them are not followed; when they are gone, the next one begins with a hold."""
    show(sink, 0.5, person(1), person(2))
    copy = sink._retargeter
    assert isinstance(copy, Copy)
    assert {number for number, _, _ in copy.asked} == {1}
    assert np.isnan(copy.asked[0][1])
    assert 0.01 < np.median([dt for _, dt, _ in copy.asked[1:]]) < 0.5
    sink.write(with_poses(make_motion(next(_COUNT)), person(2)))
    time.sleep(0.05)
    assert state_of(sink) is RobotState.HOLDING
    assert copy.asked[-1][0] == 2


def test_a_failing_retargeter_ends_in_stopped_messages(sink: RobotSink) -> None:
    """The runner closes the sink; what receivers hear last is a stop."""
    copy = sink._retargeter
    assert isinstance(copy, Copy)
    stream = sink.loop.outlets[0].transport
    assert isinstance(stream, JointStream)
    show(sink, 0.5, person())
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.SUBSCRIBE, COMMAND_TOPIC)
        socket.setsockopt(zmq.RCVTIMEO, 1000)
        socket.connect(stream.endpoint)
        socket.recv()
        runner = SinkRunner(_Opened(sink))
        runner.start()
        copy.fails = True
        runner.submit(with_poses(make_motion(next(_COUNT)), person()))
        heard = []
        with contextlib.suppress(zmq.Again):
            while True:
                heard.append(decode_command(socket.recv().removeprefix(COMMAND_TOPIC)))
        runner.close()
    assert runner.failure is not None
    assert "gave up" in runner.failure
    assert [c.state for c in heard[-3:]] == ["stopped"] * 3


class _Opened:
    """The sink, for a runner, without opening it once more."""

    def __init__(self, sink: RobotSink) -> None:
        self.name, self.queue = sink.name, sink.queue
        self.write, self.close = sink.write, sink.close

    def open(self) -> None:
        """Is open."""


def test_media_time_is_not_taken_for_a_clock() -> None:
    """Files count from 0: then the time of arrival counts; a camera's stamp counts where it is plausible."""
    frame = make_motion().frame
    assert seen_at(frame) == frame.capture_time_ns
    assert seen_at(replace(frame, capture_time_ns=40_000_000)) == frame.received_ns
    assert seen_at(replace(frame, capture_time_ns=frame.received_ns + 1)) == frame.received_ns


@pytest.mark.parametrize("age_ns", [STALE_S * 1e9, 0.5e9, MAX_DRIVER_AGE_NS - 1])
def test_old_pictures_of_a_camera_stay_old(age_ns: float) -> None:
    """What waited in a driver's buffers while it hung is not followed as if it were now."""
    frame = make_motion().frame
    old = replace(frame, capture_time_ns=frame.received_ns - round(age_ns))
    assert seen_at(old) == old.capture_time_ns


def test_a_way_out_needs_a_robot() -> None:
    """--robot-out alone says what is missing; a robot that does not exist, which there are."""
    pytest.importorskip("mujoco")
    from realtime.retarget.build import build_robot

    with pytest.raises(ConfigError, match="--robot g1"):
        build_robot(OutputConfig(robot_out=["tcp://127.0.0.1:5571"]))
    with pytest.raises(ConfigError, match="g1"):
        build_robot(OutputConfig(robot="g2"))


def test_a_real_robot_is_moved() -> None:
    """gymnasium's Humanoid through the real retargeter: it leaves home and stays inside its limits."""
    pytest.importorskip("mujoco")
    pytest.importorskip("mink")
    pytest.importorskip("gymnasium")
    from realtime.retarget.build import build_robot

    sink = build_robot(OutputConfig(robot="humanoid", robot_out=[ANY], robot_control=ANY, robot_armed=True))
    sink.open()
    try:
        home = sink._home
        somebody = replace(person(), root_world=np.array([0, 0.9, 0], np.float32))
        for i in range(40):
            pose = replace(somebody, joints_world=standing(i))
            sink.write(with_poses(make_motion(next(_COUNT)), pose))
            time.sleep(0.03)
        command = sink.loop.last
        assert command is not None
        assert command.state in (RobotState.RAMPING, RobotState.FOLLOWING)
        assert np.abs(command.position - home).max() > 0.02
    finally:
        sink.close()


def standing(i: int) -> np.ndarray:
    """(26,3) somebody who stands and sways."""
    sway = 0.02 * np.sin(i / 5)
    return (np.asarray(REST_JOINTS, np.float32) + np.array([sway, 0.9, 0], np.float32)).astype(np.float32)


def test_the_verb_arms_and_any_end_of_it_stops() -> None:
    """`sealcap robot arm` as a program: armed while it runs, stopped by its SIGTERM and by its SIGKILL."""
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [])
    control = ControlPort(loop, ANY)
    control.open()
    loop.start()
    try:
        for number, reasons in ((signal.SIGTERM, {"stop asked for"}), (signal.SIGKILL, {"no heartbeat"})):
            program = _arm(control.endpoint)
            assert _wait(control.endpoint, "holding"), program.stdout
            program.send_signal(number)
            out, _ = program.communicate(timeout=10)
            assert _wait(control.endpoint, "stopped")
            with DeadmanClient(control.endpoint) as client:
                assert client.status().reason in reasons, out
        with DeadmanClient(control.endpoint) as client:
            client.estop()
        refused = _arm(control.endpoint)
        out, _ = refused.communicate(timeout=30)
        assert refused.returncode == 1
        assert "--reset" in out
    finally:
        loop.close()
        control.close()


def _arm(endpoint: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLI, "robot", "arm", endpoint],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _wait(endpoint: str, state: str) -> bool:
    end = time.monotonic() + 20
    with DeadmanClient(endpoint) as client:
        while time.monotonic() < end:
            if client.status().state == state:
                return True
            time.sleep(0.05)
    return False


@contextlib.contextmanager
def armed_in_a_terminal() -> Iterator[tuple[str, int, subprocess.Popen[bytes]]]:
    """`sealcap robot arm` in a terminal, armed: its control port, the terminal's other end, the program."""
    if not hasattr(os, "openpty"):
        pytest.skip("needs a Unix terminal")
    loop = SteadyLoop(SteadyOutput(LIMITS, np.zeros(N)), [])
    control = ControlPort(loop, ANY)
    control.open()
    loop.start()
    master, slave = os.openpty()
    hands = os.dup(master)
    try:
        program = subprocess.Popen(
            [sys.executable, "-c", CLI, "robot", "arm", control.endpoint],
            stdin=slave, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(slave)
        os.close(master)
        assert _wait(control.endpoint, "holding")
        yield control.endpoint, hands, program
    finally:
        with contextlib.suppress(OSError):
            os.close(hands)
        program.kill()
        program.wait()
        loop.close()
        control.close()


@pytest.mark.parametrize("typed", [b" ", b"q b"])
def test_space_is_the_emergency_stop(typed: bytes) -> None:
    """Typed in a terminal, without Enter; also by a hand that falls on the keyboard."""
    with armed_in_a_terminal() as (endpoint, hands, program):
        os.write(hands, typed)
        assert program.wait(10) == 1
        assert _wait(endpoint, "estop")


def test_a_terminal_that_is_gone_stops() -> None:
    """Also where its hang-up reaches nobody: who cannot press a key any more holds nothing."""
    with armed_in_a_terminal() as (endpoint, hands, program):
        os.close(hands)
        assert program.wait(10) == 0
        assert _wait(endpoint, "stopped")
