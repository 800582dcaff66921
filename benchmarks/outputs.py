"""What outputs cost: VMC, VRChat, OSC, ZeroMQ and a recording, alone and together, 60 frames a second.

    python -m benchmarks.outputs [--seconds 20] [--fps 60]

A part of `make bench`. Poses of the synthetic figure, solved before, are handed to real outputs at an exact
rate, as the pipeline does; receivers listen in a process of their own. The cost to the pipeline's thread is
the time of the hand-over; the cost to the machine is the processor time of this process, of which the row
"nothing" is the loop's own. All rows are measured in turn, then all again, so that a noisy machine is seen.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zmq
from numpy.typing import NDArray

from benchmarks.soak import free_ports
from benchmarks.solver_report import table
from realtime.build import build_outputs, build_people, open_camera
from realtime.config import CameraConfig, OutputConfig, RunConfig
from realtime.data import Motion
from realtime.pipeline import Pipeline
from realtime.sinks.runner import SinkRunner
from realtime.sinks.wire import StreamInfo
from realtime.sources.synthetic import SyntheticSource
from tests.realtime.pipeline_rig import Collector, TruthTracker

TARGET = "127.0.0.1"
PORTS = 4
Options = dict[str, object]
FPS, SECONDS = 60.0, 20.0


class Cost(NamedTuple):
    """Of one set of outputs."""

    handover_ms: NDArray[np.float64]
    """Every frame's, on the pipeline's thread."""
    core: float
    """Share of one processor core."""
    sent: int
    dropped: int


@dataclass(frozen=True)
class Outputs:
    """Cost by set of outputs, each measured twice, far apart in time."""

    costs: dict[str, list[Cost]]
    fps: float

    def text(self) -> str:
        """Each output alone, then ever more of them."""
        columns = [
            "outputs",
            "hand-over p50 / p99 / most, ms",
            f"% of a core at {self.fps:.0f} fps, twice",
            "frames sent",
            "dropped",
        ]
        return table(columns, [row(name, costs) for name, costs in self.costs.items()])

    def growth(self) -> dict[int, float]:
        """Share of a core by number of outputs."""
        singles = (len(self.costs) + 2) // 2
        rows = list(self.costs.values())
        together = [*rows[:2], *rows[singles:]]  # nothing, the first, two, three ...
        return {count: statistics.mean(c.core for c in costs) for count, costs in enumerate(together)}


def single(ports: Sequence[int]) -> dict[str, Options]:
    """No output, then each one alone."""
    vmc, vrchat, osc, zeromq = ports
    return {
        "nothing": {},
        "VMC": {"vmc": [f"{TARGET}:{vmc}"], "vmc_rate": 100.0, "vmc_commands": 0},
        "VRChat": {"vrchat": [f"{TARGET}:{vrchat}"], "vmc_commands": 0},
        "OSC joints": {"osc": [f"{TARGET}:{osc}"]},
        "ZeroMQ": {"zmq": [f"tcp://{TARGET}:{zeromq}"]},
        "recording": {"record": "session.mcap"},
    }


def together(alone: dict[str, Options]) -> dict[str, Options]:
    """The first two outputs, the first three, up to all of them."""
    names = list(alone)[1:]
    sets: dict[str, Options] = {}
    for count in range(2, len(names) + 1):
        options = {key: value for name in names[:count] for key, value in alone[name].items()}
        sets[f"{count}: {names[0]} to {names[count - 1]}"] = options
    return sets


def measure(seconds: float = SECONDS, fps: float = FPS) -> Outputs:
    """Every output alone and ever more of them together, `seconds` each, in two rounds."""
    motions, ports = solved(), free_ports(PORTS)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    receiver = spawn.Process(target=receive, args=(theirs, ports))
    receiver.start()
    try:
        ours.recv()
        alone = single(ports)
        sets = alone | together(alone)
        rounds = [{k: cost(v, motions, seconds / 2, fps) for k, v in sets.items()} for _ in range(2)]
        ours.send("stop")
        receiver.join(10)
    finally:
        receiver.kill()
    return Outputs({name: [r[name] for r in rounds] for name in sets}, fps)


class Pictures(Collector):
    """Keeps what it gets, with its pictures: an output whose queue is longer gets none."""

    queue = 1


def solved() -> list[Motion]:
    """What the real pipeline makes of the synthetic figure, with its pictures; eight seconds."""
    sink, camera = Pictures(), partial(open_camera, CameraConfig(), None)
    source, people = SyntheticSource(30, (640, 480)), build_people(RunConfig())
    Pipeline(source, TruthTracker(), people, camera, [sink], lossless=True, frames=240).run(threading.Event())
    return sink.motions


def cost(options: Options, motions: list[Motion], seconds: float, fps: float) -> Cost:
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
    now_ns = time.monotonic_ns()
    frame = replace(motion.frame, index=seq, capture_time_ns=now_ns, received_ns=now_ns)
    return replace(motion, seq=seq, frame=frame, publish_ns=now_ns, fps=fps)


def row(name: str, costs: list[Cost]) -> list[str]:
    """One line of the table; both repeats of the core share."""
    p50, p99, most = np.percentile(np.concatenate([c.handover_ms for c in costs]), (50, 99, 100))
    core = " and ".join(f"{100 * c.core:.1f}" for c in costs)
    sent, dropped = sum(c.sent for c in costs), sum(c.dropped for c in costs)
    return [name, f"{p50:.3f} / {p99:.3f} / {most:.3f}", core, str(sent), str(dropped)]


def receive(pipe: Connection, ports: Sequence[int]) -> None:
    """Listen on every port until told to stop."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for udp, port in zip(sockets, ports[:-1], strict=True):
        udp.bind((TARGET, port))
        udp.setblocking(False)
    subscriber: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    subscriber.connect(f"tcp://{TARGET}:{ports[-1]}")
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--fps", type=float, default=FPS)
    given = parser.parse_args()
    print(measure(given.seconds, given.fps).text())


if __name__ == "__main__":
    main()
