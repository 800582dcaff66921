"""Time from a BodyPose to the first published target that uses it: real threads, real ZeroMQ, a real robot.

    python -m benchmarks.robot_latency [--robot g1] [--rate 100] [--seconds 30]

A person who stands and sways is submitted 30 times a second, at times that drift against the ticks. A
receiver notes when the first command with that pose's number arrives. Pictures and networks take no part.
"""

from __future__ import annotations

import argparse
import os
import threading
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import zmq

from lifting.skeleton import BONES, CONTACTS, SEALCAP26
from realtime.config import OutputConfig
from realtime.data import BodyPose, Frame, Motion, State
from realtime.retarget.build import build_robot
from realtime.retarget.transports.joint_stream import COMMAND_TOPIC, JointStream, decode_command
from realtime.sinks.robot import RobotSink
from realtime.sinks.runner import SinkRunner
from realtime.solve.rest import REST_JOINTS

FPS = 30.3
IMAGE = np.zeros((8, 8, 3), np.uint8)


def person(t: float) -> BodyPose:
    """Somebody who stands and sways, arms too."""
    joints = np.asarray(REST_JOINTS, np.float32) + np.array([0.05 * np.sin(2 * t), 0.9, 0], np.float32)
    for name, phase in (("left_wrist", 0.0), ("right_wrist", 1.0)):
        joints[SEALCAP26.index(name)] += np.float32(0.05 * np.sin(3 * t + phase))
    count = len(SEALCAP26)
    identity = np.array([0, 0, 0, 1], np.float32)
    return BodyPose(
        person_id=1,
        state=State.TRACKING,
        joints_world=joints.astype(np.float32),
        joints_cam=np.zeros((count, 3), np.float32),
        raw_joints_cam=np.zeros((count, 3), np.float32),
        root_cam=np.zeros(3, np.float32),
        root_world=joints[0].astype(np.float32),
        root_rotation=identity,
        bone_rotations=np.tile(identity, (len(BONES), 1)),
        confidence=np.ones(count, np.float32),
        observed=np.ones(count, np.bool_),
        contacts=np.ones(len(CONTACTS), np.float32),
        height_m=1.7,
    )


def motion(seq: int, t: float) -> Motion:
    """Stamped now."""
    now_ns = time.monotonic_ns()
    frame = Frame(IMAGE, seq, now_ns, now_ns, 0)
    return Motion(seq, frame, (), (person(t),), now_ns, FPS)


class Receiver:
    """Notes when each pose's number was first heard, nanoseconds."""

    def __init__(self, endpoint: str) -> None:
        self.first_ns: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(endpoint,))
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._ended.set()
        self._thread.join()

    def _run(self, endpoint: str) -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.setsockopt(zmq.SUBSCRIBE, COMMAND_TOPIC)
            socket.connect(endpoint)
            while not self._ended.is_set():
                if socket.poll(100):
                    message = socket.recv()
                    heard_ns = time.monotonic_ns()
                    seq = decode_command(message.removeprefix(COMMAND_TOPIC)).body_seq
                    self.first_ns.setdefault(seq, heard_ns)


def measure(sink: RobotSink, seconds: float) -> np.ndarray:
    """Milliseconds for every pose that came through."""
    runner = SinkRunner(sink)
    runner.start()
    stream = sink.loop.outlets[0].transport
    assert isinstance(stream, JointStream)
    receiver = Receiver(stream.endpoint)
    sent_ns: dict[int, int] = {}
    begin = time.monotonic()
    for seq in range(round(seconds * FPS)):
        time.sleep(max(0.0, begin + seq / FPS - time.monotonic()))
        made = motion(seq, seq / FPS)
        sent_ns[seq] = time.monotonic_ns()
        runner.submit(made)
    time.sleep(0.2)
    runner.close()
    receiver.close()
    warm = round(2 * FPS)
    both = [seq for seq in sent_ns if seq in receiver.first_ns and seq > warm]
    return np.array([(receiver.first_ns[seq] - sent_ns[seq]) / 1e6 for seq in both])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="latency from pose to target")
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    anywhere = "tcp://127.0.0.1:*"
    sink = build_robot(
        OutputConfig(
            robot=options.robot, robot_out=[anywhere], robot_rate=options.rate, robot_control=anywhere,
            robot_armed=True,
        )
    )  # fmt: skip
    ms = measure(sink, options.seconds)
    p50, p95, p99 = np.percentile(ms, [50, 95, 99])
    what = f"{options.robot} at {options.rate:g} Hz, {len(ms)} poses"
    print(f"{what}: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms")
    print(sink.loop.punctuality)


if __name__ == "__main__":
    main()
