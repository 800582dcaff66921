"""What outputs cost: VMC, VRChat, OSC, ZeroMQ and a recording at once, 60 frames a second.

    python benchmarks/outputs.py [--seconds 20] [--fps 60]

Poses of the synthetic figure, solved before, are handed to real outputs at an exact rate, as the pipeline
does; receivers listen in a process of their own. The cost to the pipeline's thread is the time of the
hand-over; the cost to the machine is the processor time of this process, of which the row "nothing" is the
loop's own.
Prints a Markdown table. Each row twice, the outputs in turn, so that a noisy machine is seen.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zmq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from realtime.build import build_outputs
from realtime.config import OutputConfig
from realtime.data import Motion
from realtime.sinks.runner import SinkRunner
from realtime.sinks.wire import StreamInfo
from realtime.sources.synthetic import SyntheticSource
from tests.realtime.test_pipeline import Collector, TruthTracker, pipeline

VMC, VRCHAT, OSC, ZMQ = 39639, 9600, 39670, 5670
TARGET = "127.0.0.1"
OUTPUTS: dict[str, dict[str, object]] = {
    "nothing": {},
    "VMC": {"vmc": [f"{TARGET}:{VMC}"], "vmc_rate": 100.0, "vmc_commands": 0},
    "VRChat": {"vrchat": [f"{TARGET}:{VRCHAT}"], "vmc_commands": 0},
    "OSC joints": {"osc": [f"{TARGET}:{OSC}"]},
    "ZeroMQ": {"zmq": [f"tcp://{TARGET}:{ZMQ}"]},
    "recording": {"record": "session.mcap"},
}
EVERYTHING = "all five"


class Cost(NamedTuple):
    """Of one set of outputs."""

    handover_ms: np.ndarray
    """Every frame's, on the pipeline's thread."""
    core: float
    """Share of one processor core."""
    sent: int
    dropped: int


def main() -> None:
    """Measure every output alone and all together."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--fps", type=float, default=60.0)
    args = parser.parse_args()
    motions = solved()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,))
    receiver.start()
    ours.recv()
    together = {key: value for options in OUTPUTS.values() for key, value in options.items()}
    print(
        f"| outputs | hand-over p50 / p99 / most ms | core % at {args.fps:.0f} fps | frames sent | dropped |"
    )
    print("|---|---|---|---|---|")
    for name, options in {**OUTPUTS, EVERYTHING: together}.items():
        costs = [measure(options, motions, args.seconds / 2, args.fps) for _ in range(2)]
        print(row(name, costs), flush=True)
    ours.send("stop")
    receiver.join()


def solved() -> list[Motion]:
    """What the real pipeline makes of the synthetic figure, with its pictures."""
    sink = Collector()
    pipeline(SyntheticSource(30, (640, 480)), TruthTracker(), sink, lossless=True).run(threading.Event())
    return sink.motions[:240]


def measure(options: dict[str, object], motions: list[Motion], seconds: float, fps: float) -> Cost:
    """Hand `seconds` of frames over at an exact rate."""
    with tempfile.TemporaryDirectory() as folder:
        told = {k: Path(folder) / str(v) if k == "record" else v for k, v in options.items()}
        sinks = build_outputs(OutputConfig.model_validate(told), StreamInfo(source="benchmark"), people=1)
        runners = [SinkRunner(sink) for sink in sinks]
        for runner in runners:
            runner.start()
        time.sleep(0.5)
        handover_ms, begin_cpu, begin = [], time.process_time(), time.monotonic()
        for seq in range(round(seconds * fps)):
            time.sleep(max(0.0, begin + seq / fps - time.monotonic()))
            motion = stamped(motions[seq % len(motions)], seq, fps)
            before = time.perf_counter()
            for runner in runners:
                runner.submit(motion)
            handover_ms.append((time.perf_counter() - before) * 1e3)
        core = (time.process_time() - begin_cpu) / (time.monotonic() - begin)
        for runner in runners:
            runner.close()
    sent, dropped = sum(r.sent for r in runners), sum(r.dropped for r in runners)
    return Cost(np.array(handover_ms), core, sent, dropped)


def stamped(motion: Motion, seq: int, fps: float) -> Motion:
    """The same pose as the next frame of a live stream."""
    from dataclasses import replace

    now_ns = time.monotonic_ns()
    frame = replace(motion.frame, index=seq, capture_time_ns=now_ns, received_ns=now_ns)
    return replace(motion, seq=seq, frame=frame, publish_ns=now_ns, fps=fps)


def row(name: str, costs: list[Cost]) -> str:
    """One line of the table; both repeats of the core share."""
    p50, p99, most = np.percentile(np.concatenate([c.handover_ms for c in costs]), (50, 99, 100))
    core = " and ".join(f"{100 * c.core:.1f}" for c in costs)
    sent, dropped = sum(c.sent for c in costs), sum(c.dropped for c in costs)
    return f"| {name} | {p50:.3f} / {p99:.3f} / {most:.3f} | {core} | {sent} | {dropped} |"


def receive(pipe: Connection) -> None:
    """Listen on every port until told to stop."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for udp, port in zip(sockets, (VMC, VRCHAT, OSC), strict=True):
        udp.bind((TARGET, port))
        udp.setblocking(False)
    subscriber = zmq.Context.instance().socket(zmq.SUB)
    subscriber.connect(f"tcp://{TARGET}:{ZMQ}")
    subscriber.subscribe(b"")
    pipe.send("ready")
    while not pipe.poll(0.005):
        drain(sockets, subscriber)
    subscriber.close(0)


def drain(sockets: list[socket.socket], subscriber: zmq.Socket[bytes]) -> None:
    """Read what has arrived."""
    for udp in sockets:
        try:
            while True:
                udp.recv(65536)
        except BlockingIOError:
            continue
    while subscriber.poll(0):
        subscriber.recv()


if __name__ == "__main__":
    main()
