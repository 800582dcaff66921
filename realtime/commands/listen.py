"""`sealcap listen`: prints what arrives, to see whether and how well poses come through."""

from __future__ import annotations

import contextlib
import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol, TypeVar

import tyro
from rich.console import Console
from rich.live import Live
from rich.text import Text

from lifting.errors import ConfigError
from lifting.skeleton import SEALCAP26
from realtime.client import Subscriber
from realtime.commands.listen_vmc import VmcArrivals, VmcFrame, vmc_frames
from realtime.commands.run import stop_on_signal
from realtime.curve import ClientKeys, client_keys
from realtime.exposure import is_loopback
from realtime.keyring import DEFAULT_NAME
from realtime.osc_receiver import OscReceiver
from realtime.sinks.osc import DEFAULT_HOST, DEFAULT_PORT, NOBODY
from realtime.sinks.zmq import DEFAULT_ENDPOINT
from realtime.vmc.packets import DEFAULT_PORT as VMC_PORT

HINT_AFTER_S = 3.0
MAX_PEOPLE = 64
SHOWN = ("pelvis", "left_wrist", "right_wrist")
_TICK_S = 0.25
_SHOWN_INDEX = SEALCAP26.indices(*SHOWN)
_WHERE = {
    "zmq": DEFAULT_ENDPOINT,
    "osc": f"{DEFAULT_HOST}:{DEFAULT_PORT}",
    "vmc": f"{DEFAULT_HOST}:{VMC_PORT}",
}
_Frame = TypeVar("_Frame", contravariant=True)


class Counting(Protocol[_Frame]):
    """Counts what came, and tells of it."""

    frames: int

    def add(self, frame: _Frame, /) -> None:
        """Take in one frame."""

    def line(self) -> str:
        """One line for the eye."""

    def summary(self) -> str:
        """What came in all."""


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

    def summary(self) -> str:
        """What came in all."""
        return (
            f"{self.frames} frames, {self.lost} lost, {self.rate:.1f} per second, "
            f"{self.latency_ms:.1f} ms from capture to here."
        )

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
    what: tyro.conf.Positional[Literal["zmq", "osc", "vmc"]],
    endpoint: tyro.conf.Positional[str | None] = None,
    /,
    count: Annotated[int | None, tyro.conf.arg(help="Stop after so many frames.")] = None,
    duration: Annotated[float | None, tyro.conf.arg(help="Stop after so many seconds.")] = None,
    server_key: Annotated[
        str | None, tyro.conf.arg(help="zmq: public key of a sender with --lan, or its file or name.")
    ] = None,
    lan: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Allow osc and vmc from other machines.")
    ] = False,
    key: Annotated[str, tyro.conf.arg(help="With --server-key: own pair (sealcap keys new).")] = DEFAULT_NAME,
) -> int:
    """Print what arrives until Ctrl-C.

    Args:
        what: zmq, osc or vmc.
        endpoint: zmq: tcp://HOST:PORT where the sender publishes; osc, vmc: HOST:PORT where we receive.
    """
    if server_key is not None and what != "zmq":
        raise ConfigError(f"{what} knows no keys. Leave out --server-key.")
    keys = None if server_key is None else client_keys(server_key, key)
    console, where = Console(), endpoint or _WHERE[what]
    ends = _Ends(_hint(what, where, keys), count, duration)
    console.print(f"Listening to {what} at {where}. Ctrl-C ends.")
    if what == "vmc":
        return _listen(_vmc_frames(where, lan), VmcArrivals(), console, ends)
    samples = _zmq_samples(where, keys) if what == "zmq" else _osc_samples(where, lan)
    return _listen(samples, Arrivals(), console, ends)


@dataclass(frozen=True)
class _Ends:
    """When to say what, and when to stop."""

    hint: str
    count: int | None
    duration: float | None


_Item = TypeVar("_Item")


def _listen(
    frames: Generator[_Item | None, None, None], arrivals: Counting[_Item], console: Console, ends: _Ends
) -> int:
    stopped = threading.Event()
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(frames), stop_on_signal(stopped):
        _watch(_until(stopped, frames), arrivals, console, ends)
    if not arrivals.frames:
        console.print(f"Nothing came. {ends.hint}")
        return 1
    console.print(arrivals.summary())
    return 0


def _until(stopped: threading.Event, frames: Iterable[_Item | None]) -> Iterator[_Item | None]:
    """Asked between two frames: an interrupt that is raised anywhere may be lost inside a library."""
    for frame in frames:
        if stopped.is_set():
            return
        yield frame


def _watch(frames: Iterator[_Item | None], arrivals: Counting[_Item], console: Console, ends: _Ends) -> None:
    """Until count or duration is reached. A terminal gets one line that changes, a file a line a second."""
    begin = time.monotonic()
    shown, hinted = begin, False
    with Live(Text(""), console=console, auto_refresh=False, transient=True) as live:
        for frame in frames:
            now = time.monotonic()
            if frame is not None:
                arrivals.add(frame)
            if console.is_terminal and now - shown >= 0.1:
                live.update(Text(arrivals.line(), no_wrap=True, overflow="ellipsis"), refresh=True)
                shown = now
            elif not console.is_terminal and arrivals.frames and now - shown >= 1.0:
                console.print(arrivals.line(), soft_wrap=True, markup=False, highlight=False)
                shown = now
            if not arrivals.frames and not hinted and now - begin >= HINT_AFTER_S:
                console.print(f"Nothing yet. {ends.hint}")
                hinted = True
            if (ends.count is not None and arrivals.frames >= ends.count) or (
                ends.duration is not None and now - begin >= ends.duration
            ):
                return


def _hint(what: str, where: str, keys: ClientKeys | None) -> str:
    if keys is None:
        return f"Is a sender running with --{what} {where}?"
    # ZeroMQ tells nobody that a key was refused.
    return (
        f"Is a sender running with --lan at {where}, is its key right, and does it know ours? There: "
        f"sealcap keys allow '{keys.pair.public}' NAME"
    )


def _zmq_samples(endpoint: str, keys: ClientKeys | None) -> Generator[Sample | None, None, None]:
    """Frames as they come; None four times a second while nothing does."""
    with Subscriber(endpoint, newest_only=False, keys=keys) as subscriber:
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


def _osc_samples(address: str, lan: bool) -> Generator[Sample | None, None, None]:
    """As `_zmq_samples`. A frame is handed on when the first packet of the next one arrives."""
    current: Sample | None = None
    person = NOBODY
    with _receiver(address, lan) as receiver:
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
                        if person != NOBODY and len(current.people) < MAX_PEOPLE:
                            current.people[person] = state
                    case ("/mocap/v1/joint", [str(name), float(x), float(y), float(z), float()]):
                        first = current is not None and person == next(iter(current.people), NOBODY)
                        if current is not None and first and name in SHOWN:
                            current.joints[name] = (x, y, z)


def _vmc_frames(address: str, lan: bool) -> Generator[VmcFrame | None, None, None]:
    with _receiver(address, lan) as receiver:
        yield from vmc_frames(receiver, _TICK_S)


def _receiver(address: str, lan: bool) -> OscReceiver:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"{address}: give HOST:PORT, such as {DEFAULT_HOST}:{DEFAULT_PORT}.")
    if not (lan or is_loopback(host.strip("[]"))):
        raise ConfigError(
            f"{address} would let other machines send to this one. "
            f"Use {DEFAULT_HOST}:{port}, or add --lan to allow it."
        )
    return OscReceiver(host.strip("[]"), int(port))
