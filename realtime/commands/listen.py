"""`sealcap listen`: prints what arrives, to see whether and how well poses come through."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.live import Live
from rich.text import Text

from lifting.errors import ConfigError
from lifting.skeleton import SEALCAP26
from realtime.client import Subscriber
from realtime.osc_receiver import OscReceiver
from realtime.sinks.osc import DEFAULT_HOST, DEFAULT_PORT, NOBODY
from realtime.sinks.zmq import DEFAULT_ENDPOINT

HINT_AFTER_S = 3.0
SHOWN = ("pelvis", "left_wrist", "right_wrist")
_TICK_S = 0.25
_SHOWN_INDEX = SEALCAP26.indices(*SHOWN)


@dataclass
class Sample:
    """One frame, whichever way it came."""

    seq: int
    capture_wall_ns: int
    people: dict[int, str] = field(default_factory=dict)
    """Person → state."""
    joints: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """World positions of the first person's shown joints, metres."""
    arrived_wall_ns: int = field(default_factory=time.time_ns)


class Arrivals:
    """Counts and rates of what came."""

    def __init__(self) -> None:
        self.frames = self.lost = 0
        self._last: Sample | None = None
        self._times: deque[float] = deque(maxlen=120)
        self._latency_ms: deque[float] = deque(maxlen=120)

    def add(self, sample: Sample) -> None:
        """Take in one frame. A number that does not grow is a sender that started anew."""
        if self._last is not None and sample.seq > self._last.seq:
            self.lost += sample.seq - self._last.seq - 1
        self.frames += 1
        self._last = sample
        self._times.append(time.monotonic())
        self._latency_ms.append((sample.arrived_wall_ns - sample.capture_wall_ns) / 1e6)

    @property
    def rate(self) -> float:
        """Frames per second over the last two seconds or so."""
        span = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        return (len(self._times) - 1) / span if span > 0 else 0.0

    @property
    def latency_ms(self) -> float:
        """Median from capture to here by the wall clock; NaN before the first frame."""
        return statistics.median(self._latency_ms) if self._latency_ms else math.nan

    def line(self) -> str:
        """One line for the eye."""
        if self._last is None:
            return "waiting ..."
        people = ", ".join(f"{person} {state}" for person, state in self._last.people.items()) or "nobody"
        joints = "  ".join(
            f"{name} ({x:+.2f} {y:+.2f} {z:+.2f})" for name, (x, y, z) in self._last.joints.items()
        )
        return (
            f"#{self._last.seq}  {self.rate:5.1f}/s  {self.latency_ms:6.1f} ms  "
            f"lost {self.lost}  person {people}  {joints}"
        )


def listen(
    what: tyro.conf.Positional[Literal["zmq", "osc"]],
    endpoint: tyro.conf.Positional[str | None] = None,
    /,
    count: Annotated[int | None, tyro.conf.arg(help="Stop after so many frames.")] = None,
    duration: Annotated[float | None, tyro.conf.arg(help="Stop after so many seconds.")] = None,
) -> int:
    """Print what arrives until Ctrl-C.

    ENDPOINT is tcp://HOST:PORT for zmq (where the sender publishes), HOST:PORT for osc (where we receive).
    """
    console, arrivals = Console(), Arrivals()
    where = endpoint or (DEFAULT_ENDPOINT if what == "zmq" else f"{DEFAULT_HOST}:{DEFAULT_PORT}")
    samples = _zmq_samples(where) if what == "zmq" else _osc_samples(where)
    console.print(f"Listening to {what} at {where}. Ctrl-C ends.")
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(samples):
        _watch(samples, arrivals, console, _hint(what, where), count, duration)
    if not arrivals.frames:
        console.print(f"Nothing came. {_hint(what, where)}")
        return 1
    console.print(
        f"{arrivals.frames} frames, {arrivals.lost} lost, {arrivals.rate:.1f} per second, "
        f"{arrivals.latency_ms:.1f} ms from capture to here."
    )
    return 0


def _watch(
    samples: Iterator[Sample | None],
    arrivals: Arrivals,
    console: Console,
    hint: str,
    count: int | None,
    duration: float | None,
) -> None:
    """Until count or duration is reached. A terminal gets one line that changes, a file a line a second."""
    begin = time.monotonic()
    shown, hinted = begin, False
    with Live(Text(""), console=console, auto_refresh=False, transient=True) as live:
        for sample in samples:
            now = time.monotonic()
            if sample is not None:
                arrivals.add(sample)
            if console.is_terminal and now - shown >= 0.1:
                live.update(Text(arrivals.line(), no_wrap=True, overflow="ellipsis"), refresh=True)
                shown = now
            elif not console.is_terminal and arrivals.frames and now - shown >= 1.0:
                console.print(arrivals.line(), soft_wrap=True, markup=False, highlight=False)
                shown = now
            if not arrivals.frames and not hinted and now - begin >= HINT_AFTER_S:
                console.print(f"Nothing yet. {hint}")
                hinted = True
            if (count is not None and arrivals.frames >= count) or (
                duration is not None and now - begin >= duration
            ):
                return


def _hint(what: str, where: str) -> str:
    return f"Is a sender running with --{what} {where}?"


def _zmq_samples(endpoint: str) -> Generator[Sample | None, None, None]:
    """Frames as they come; None four times a second while nothing does."""
    with Subscriber(endpoint, newest_only=False) as subscriber:
        while True:
            message = subscriber.receive(_TICK_S)
            if message is None:
                yield None
                continue
            people = message.people
            yield Sample(
                seq=message.seq,
                capture_wall_ns=message.capture_time_ns + message.wall_offset_ns,
                people={person.id: person.state for person in people},
                joints={
                    name: (float(xyz[0]), float(xyz[1]), float(xyz[2]))
                    for name, xyz in zip(SHOWN, people[0].joints[_SHOWN_INDEX], strict=True)
                }
                if people
                else {},
            )


def _osc_samples(address: str) -> Generator[Sample | None, None, None]:
    """As `_zmq_samples`. A frame is handed on when the first packet of the next one arrives."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"{address}: give HOST:PORT, such as {DEFAULT_HOST}:{DEFAULT_PORT}.")
    current: Sample | None = None
    person = NOBODY
    with OscReceiver(host.strip("[]"), int(port)) as receiver:
        while True:
            messages = receiver.receive(_TICK_S)
            if messages is None:
                done, current = current, None
                yield done
            for message in messages or ():
                match message:
                    case ("/mocap/v1/frame", [int(seq), int(seconds), int(ns), int(person), str(state), _]):
                        if current is not None and current.seq != seq:
                            yield current
                            current = None
                        current = current or Sample(seq, seconds * 10**9 + ns)
                        if person != NOBODY:
                            current.people[person] = state
                    case ("/mocap/v1/joint", [str(name), float(x), float(y), float(z), float()]):
                        first = current is not None and person == next(iter(current.people), NOBODY)
                        if current is not None and first and name in SHOWN:
                            current.joints[name] = (x, y, z)
