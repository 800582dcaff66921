"""Faults of real processes: sender killed, paused, ended; deadman's program gone; garbage on its port.

`python -m benchmarks.robot_fault_processes` alone is the sender: a simulated person behind the real loop,
joint stream and control port, on ports that the system chooses and that it prints.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zmq

from benchmarks.robot_fault_world import FPS, LIMITS, RATE_HZ, ROOT, N, Person
from lifting.errors import SinkError
from realtime.retarget.deadman import PERIOD_S, DeadmanClient
from realtime.retarget.steady.control import ControlPort
from realtime.retarget.steady.loop import SteadyLoop
from realtime.retarget.steady.output import SteadyOutput
from realtime.retarget.transports.description import RobotDescription
from realtime.retarget.transports.joint_stream import (
    COMMAND_TOPIC,
    CommandMap,
    JointStream,
    decode_command,
    doubles,
)

ROOT_FOLDER = Path(__file__).resolve().parent.parent
ANY_PORT = "tcp://127.0.0.1:*"
SILENCE_S = 0.1
BUSY_S = 0.2
"""Heartbeats of ours that come so late say that the machine is busy, not that the robot's output is wrong."""
Outcome = str


class Stage:
    """A sender process, its receiver, and the operator's deadman."""

    def __init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.heard: list[CommandMap] = []
        self.heard_s: list[float] = []
        self.child: subprocess.Popen[str] | None = None
        self.worst_beat_s = 0.0
        """The longest that we ourselves took between two heartbeats, on a busy machine, since arming."""
        self._beat_s = 0.0
        self.begin()

    def begin(self) -> None:
        """Start a sender and connect to it."""
        command = [sys.executable, "-m", "benchmarks.robot_fault_processes"]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT_FOLDER)
        assert self.child.stdout is not None
        data, control = self.child.stdout.readline().split()
        self.subscriber = self.context.socket(zmq.SUB)
        self.subscriber.setsockopt(zmq.SUBSCRIBE, COMMAND_TOPIC)
        self.subscriber.setsockopt(zmq.LINGER, 0)
        self.subscriber.connect(data)
        self.client = DeadmanClient(control)
        self.control = control

    def end(self) -> None:
        """Whatever is left of it."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()
        assert self.child.stdout is not None
        self.child.stdout.close()
        self.subscriber.close()
        self.client.close()

    def watch(
        self, seconds: float, until: Callable[[CommandMap], bool] | None = None, beat: bool = True
    ) -> bool:
        """Listen, and keep the deadman pressed; True as soon as `until` holds for a command."""
        end = time.monotonic() + seconds
        next_beat = 0.0
        while (now := time.monotonic()) < end:
            if beat and now >= next_beat:
                next_beat = now + PERIOD_S
                self.worst_beat_s = max(self.worst_beat_s, now - self._beat_s)
                self._beat_s = now
                with contextlib.suppress(SinkError):
                    self.client.heartbeat()
            if not self.subscriber.poll(10):
                continue
            command = decode_command(self.subscriber.recv().removeprefix(COMMAND_TOPIC))
            self.heard.append(command)
            self.heard_s.append(time.monotonic())
            if until is not None and until(command):
                return True
        return until is None

    def armed_and_following(self) -> bool:
        """Arm; True once it follows. Once more where our own heartbeat was late meanwhile."""
        for _ in range(3):
            self.watch(1.5, lambda c: c.state in ("stopped", "disarmed"), beat=False)
            self.client.reset()
            reply = self.client.arm()
            self.worst_beat_s, self._beat_s = 0.0, time.monotonic()
            done = _follows_or_stops_after(time.monotonic_ns())
            if reply.ok and self.watch(8.0, done) and self.heard[-1].state == "following":
                return True
            if self.worst_beat_s < BUSY_S:
                return False
        return False

    def broken_limits(self) -> list[str]:
        """Of all that was heard, between messages whose numbers follow on each other."""
        found = set()
        for a, b, c in zip(self.heard, self.heard[1:], self.heard[2:], strict=False):
            if not (a.run == b.run == c.run and a.tick + 2 == b.tick + 1 == c.tick):
                continue
            qa, qb, qc = (doubles(part.q) for part in (a, b, c))
            before, after = (qb - qa) * RATE_HZ, (qc - qb) * RATE_HZ
            if (np.abs(after) > LIMITS.velocity).any():
                found.add("limit broken: velocity")
            if (np.abs(after - before) * RATE_HZ > LIMITS.acceleration).any():
                found.add("limit broken: acceleration")
            if (qc < LIMITS.lower).any() or (qc > LIMITS.upper).any():
                found.add("limit broken: position")
        return sorted(found)


def _follows_or_stops_after(armed_ns: int) -> Callable[[CommandMap], bool]:
    """What waits in the socket from before the arm says nothing."""
    return lambda c: c.t_ns > armed_ns and c.state in ("following", "stopped")


def killed(stage: Stage, _: np.random.Generator) -> list[str]:
    """The sender dies without a word; a new one must not move by itself."""
    assert stage.child is not None
    stage.child.send_signal(signal.SIGKILL)
    stage.child.wait()
    killed_s, run = time.monotonic(), stage.heard[-1].run
    stage.watch(0.5, beat=False)
    late = [t for t in stage.heard_s if t > killed_s + SILENCE_S]
    stage.end()
    stage.begin()
    stage.watch(1.0, beat=False)
    news = [command for command in stage.heard if command.run != run][-50:]
    wrong = ["spoke after its death"] if late else []
    return wrong + ([] if news and all(c.state == "disarmed" for c in news) else ["moved without an arm"])


def paused(stage: Stage, rng: np.random.Generator) -> list[str]:
    """The sender is suspended; after more than the deadman allows it must stop."""
    assert stage.child is not None
    seconds = float(rng.uniform(0.05, 1.5))
    stage.child.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    tick = stage.heard[-1].tick
    stage.child.send_signal(signal.SIGCONT)
    begin_s = time.monotonic()
    stage.watch(0.2)
    burst = stage.heard[-1].tick - tick - (time.monotonic() - begin_s) * RATE_HZ
    wrong = ["caught up in a burst"] if burst > 25 else []  # what was in the sockets is no burst
    if seconds > 0.5 and not stage.watch(1.0, lambda c: c.state == "stopped"):
        wrong.append("not stopped after a long pause")
    return wrong


def deadman_gone(stage: Stage, _: np.random.Generator) -> list[str]:
    """No more heartbeats."""
    begin_s = time.monotonic()
    if not stage.watch(2.0, lambda c: c.state == "stopped", beat=False):
        return ["not stopped without a heartbeat"]
    return [] if time.monotonic() - begin_s < 1.2 else ["stopped late"]


def ended(stage: Stage, _: np.random.Generator) -> list[str]:
    """SIGTERM: brakes, then says `stopped` several times."""
    assert stage.child is not None
    stage.child.send_signal(signal.SIGTERM)
    stage.watch(2.5)
    last = stage.heard[-3:]
    wrong = [] if all(c.state == "stopped" and not doubles(c.qd).any() for c in last) else ["no last words"]
    stage.end()
    stage.begin()
    return wrong


def stopped_by_a_stranger(stage: Stage, _: np.random.Generator) -> list[str]:
    """An emergency stop from somebody who did not arm; then only a reset and an arm help."""
    with DeadmanClient(stage.control) as stranger:
        stranger.estop()
        taken = stranger.arm().ok
    return ["armed out of an emergency stop"] if taken or not stage.watch(1.0, _is_estop) else []


def _is_estop(command: CommandMap) -> bool:
    return command.state == "estop"


def garbage(stage: Stage, rng: np.random.Generator) -> list[str]:
    """Random bytes, in ZeroMQ's frames and past them, huge ones too; it goes on following."""
    stranger = stage.context.socket(zmq.DEALER)
    stranger.setsockopt(zmq.LINGER, 0)
    stranger.connect(stage.control)
    for _ in range(200):
        parts = [rng.bytes(int(rng.integers(0, 300))) for _ in range(int(rng.integers(1, 5)))]
        stranger.send_multipart(parts, zmq.NOBLOCK)
    stranger.send(bytes(100_000))
    host, port = stage.control.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port))) as raw, contextlib.suppress(OSError):
        raw.sendall(rng.bytes(5000))
    heard = len(stage.heard)
    stage.watch(0.7)
    stranger.close()
    states = {command.state for command in stage.heard[heard:]}
    if stage.worst_beat_s >= BUSY_S:
        return []  # it may have stopped for want of a heartbeat, as it should
    return [] if states <= {"following", "ramping"} else [f"disturbed: {', '.join(sorted(states))}"]


FAULTS: dict[str, Callable[[Stage, np.random.Generator], list[str]]] = {
    "sender's process killed": killed,
    "sender's process suspended": paused,
    "deadman's program gone": deadman_gone,
    "sender ended by a signal": ended,
    "emergency stop by a stranger": stopped_by_a_stranger,
    "garbage on the real control port": garbage,
}


def inject(count: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """`count` faults in turn; outcomes by kind, and complaints."""
    tally: dict[str, Counter[str]] = {kind: Counter() for kind in FAULTS}
    wrong: list[str] = []
    stage = Stage()
    try:
        for i in range(count):
            kind = list(FAULTS)[i % len(FAULTS)]
            found = [] if stage.armed_and_following() else ["did not follow"]
            before = len(stage.heard)
            found += FAULTS[kind](stage, np.random.default_rng([5, i]))
            states = [command.state for command in stage.heard[before:]]
            tally[kind][_outcome(states)] += 1
            tally[kind]["wrong"] += bool(found)
            wrong += [f"process run {i}, {kind}: {text}" for text in found]
        if limits := stage.broken_limits():
            wrong += limits
    finally:
        stage.end()
        stage.context.term()
    return tally, wrong


def _outcome(states: list[str]) -> Outcome:
    if {"stopped", "disarmed", "estop"} & set(states):
        return "stopped"
    if "holding" in states:
        return "held"
    return "ramped" if "ramping" in states else "followed"


def main() -> None:
    """The sender."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    output = SteadyOutput(LIMITS, np.zeros(N), RATE_HZ, root=ROOT)
    stream = JointStream(RobotDescription("simulated", LIMITS, RATE_HZ), ANY_PORT)
    loop = SteadyLoop(output, [stream])
    control = ControlPort(loop, ANY_PORT)
    control.open()
    loop.start()
    print(stream.endpoint, control.endpoint, flush=True)
    rng = np.random.default_rng(1)
    person, begin_ns, seq = Person(rng), time.monotonic_ns(), 0
    while not ended.wait(1 / FPS):
        now_ns = time.monotonic_ns()
        loop.offer(person.pose((now_ns - begin_ns) / 1e9, seq, rng), now_ns)
        seq += 1
    loop.close()
    control.close()


if __name__ == "__main__":
    main()
