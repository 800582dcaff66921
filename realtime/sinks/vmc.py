"""VMC output: avatars in VSeeFace, Warudo, VNyan, VMagicMirror, Unity (EVMC4U), Unreal, Blender.

We are a Performer: bones go to a Marionette on 39539, commands come in on 39540. The stream never falls
silent and never jumps: while nobody is seen, or no picture comes, the last pose is held, then eases into
standing, with a status that says so.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from realtime.data import BodyPose, Motion
from realtime.sinks.one_person import Places
from realtime.sinks.packed import all_finite
from realtime.sinks.rate import RateLimit
from realtime.sinks.udp import UdpSender
from realtime.solve.quaternions import conjugate, multiply, to_matrix
from realtime.vmc.commands import CommandPort, Commands
from realtime.vmc.packets import DEFAULT_PORT, Due, Encoder, Status
from realtime.vmc.presence import Figure, Presence, about_vertical, heading
from realtime.vmc.presets import PRESETS
from realtime.vmc.rigs import make_rig

Float64 = NDArray[np.float64]

DEFAULT_HOST = "127.0.0.1"
MAX_RATE_HZ = 100.0
SILENT_S = 0.5
"""Without a picture for so long, nobody is tracked."""


@dataclass(frozen=True)
class VmcOptions:
    """What the user can choose; None takes the preset's."""

    preset: str = "generic"
    offsets: str | None = None
    """rest, measured, zero, or the path of a VRM."""
    rate_hz: float | None = None
    rest_after_s: float = 3.0
    places: int = 1
    """1: one person, to PORT. More: the person in place k goes to PORT + k."""

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ConfigError(f"--vmc-preset {self.preset}: choose one of {', '.join(PRESETS)}.")
        if not 1.0 <= self.actual_rate_hz <= MAX_RATE_HZ:
            raise ConfigError(
                f"--vmc-rate {self.actual_rate_hz:g}: receivers want 1 to {MAX_RATE_HZ:g} frames per second, "
                "such as 60."
            )

    @property
    def actual_offsets(self) -> str:
        """The user's or the preset's."""
        return self.offsets if self.offsets is not None else PRESETS[self.preset].offsets

    @property
    def actual_rate_hz(self) -> float:
        """The user's or the preset's."""
        return self.rate_hz if self.rate_hz is not None else PRESETS[self.preset].rate_hz


class VmcSink:
    """Sends to one receiver, or to one receiver per person."""

    queue = 1
    never_waits = True

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        options: VmcOptions | None = None,
        commands: Commands | None = None,
        command_port: CommandPort | None = None,
    ) -> None:
        """`commands` is obeyed; `command_port`, of one output of the run, fills it.

        Raises ConfigError for a port that cannot be or an avatar's file that cannot be read.
        """
        options = options or VmcOptions()
        self.name = f"vmc {host}:{port}"
        self._commands, self._command_port = commands or Commands(), command_port
        self._places = Places(options.places)
        self._streams = [_Stream(host, port + place, options) for place in range(options.places)]
        self._limit = RateLimit(options.actual_rate_hz)
        self._begin_s: float | None = None
        self._frame, self._last_s = 0, 0.0
        self._calibrations = self._requests = 0
        self._align_wanted = threading.Event()

    def align(self) -> None:
        """The next frame in which somebody is seen puts them into the middle of the stage, facing its front,
        and their bones are measured anew. From any thread."""
        self._align_wanted.set()

    def open(self) -> None:
        """Find the receiver. Raises SinkError when its name is unknown."""
        for stream in self._streams:
            stream.udp.open()

    def write(self, motion: Motion) -> None:
        """Send one frame, unless the receiver has had enough of them this second."""
        self._last_s = time.monotonic()
        self._send(motion, self._last_s)

    def idle(self) -> None:
        """When pictures stay away, nobody is seen: the stream goes on and says so."""
        now_s = time.monotonic()
        if now_s - self._last_s >= SILENT_S and self._begin_s is not None:
            self._send(None, now_s)

    def close(self) -> None:
        """Say that nobody is tracked any more, and release the sockets; idempotent."""
        if self._command_port is not None:
            self._command_port.close()
        for stream in self._streams:
            stream.say_goodbye()
            stream.udp.close()

    def _send(self, motion: Motion | None, now_s: float) -> None:
        """One frame; None where there is no picture."""
        if self._command_port is not None:
            self._command_port.poll(now_s)
        if not self._limit.allows(now_s):
            return
        if self._begin_s is None:
            self._begin_s = now_s
        if self._commands.calibrations != self._calibrations:
            self._calibrations = self._commands.calibrations
            self._align_wanted.set()
        people = [None] * len(self._streams) if motion is None else self._places.fill(motion)
        calibrating = self._align_wanted.is_set() and any(pose is not None for pose in people)
        if calibrating:
            self._align_wanted.clear()
        due = self._due()
        state = 2 if calibrating else 1 if self._commands.waiting(now_s) else 3
        for stream, pose in zip(self._streams, people, strict=True):
            if calibrating:
                stream.calibrate()
            stream.send(pose, state, now_s, now_s - self._begin_s, due)

    def _due(self) -> Due:
        """What the receiver asked for: one of every so many frames, or everything now."""
        due = self._commands.due(self._frame)
        if self._commands.requests != self._requests:
            self._requests = self._commands.requests
            due = Due()
        self._frame += 1
        return due


class _Stream:
    """One person's way to one port."""

    def __init__(self, host: str, port: int, options: VmcOptions) -> None:
        self.udp = UdpSender("--vmc", host, port, f"{DEFAULT_HOST}:{DEFAULT_PORT}")
        self._rig = make_rig(options.actual_offsets)
        self._encoder = Encoder(self._rig.bones)
        self._presence = Presence(options.rest_after_s)
        self._stage = Stage(PRESETS[options.preset].centred)
        self._time_s = 0.0

    def calibrate(self) -> None:
        """The person's next place is the stage's middle; their bones are learned anew."""
        self._rig.forget()
        self._stage.calibrate()

    def send(self, pose: BodyPose | None, calibration: int, now_s: float, time_s: float, due: Due) -> None:
        """One frame."""
        shown = self._presence.update(pose, now_s)
        rows = None
        if shown is not None:
            if shown.tracking and pose is not None:
                self._rig.learn(pose)
            rows = self._rig.rows(self._stage.place(shown.figure))
            if not all_finite(rows):
                rows = None
        status = Status(shown is not None and shown.tracking, calibration)
        self.udp.send(self._encoder.packets(rows, status, time_s, due))
        self._time_s = time_s

    def say_goodbye(self) -> None:
        """Tell the receiver that tracking is over; it may keep the last pose."""
        if self.udp.is_open and self._time_s > 0.0:
            self.udp.send(self._encoder.packets(None, Status(False), self._time_s, Due()))


class Stage:
    """Where on the receiver's stage the person stands."""

    def __init__(self, centred: bool) -> None:
        """`centred`: the first place seen is the stage's middle."""
        self._wanted: str | None = "place" if centred else None
        self._middle: Float64 = np.zeros(3)
        self._turn: Float64 | None = None

    def calibrate(self) -> None:
        """The next place and heading seen are the stage's middle and its front."""
        self._wanted = "place and heading"

    def place(self, figure: Figure) -> Figure:
        """The same figure on the stage."""
        if self._wanted is not None:
            self._middle = figure.pelvis * (1.0, 0.0, 1.0)
            if self._wanted == "place and heading":
                self._turn = conjugate(about_vertical(heading(figure.rotations[0])))
            self._wanted = None
        if self._turn is None:
            return Figure(figure.rotations, figure.pelvis - self._middle, figure.height_m)
        rotations = figure.rotations.copy()
        rotations[0] = multiply(self._turn, rotations[0])
        pelvis = to_matrix(self._turn) @ (figure.pelvis - self._middle)
        return replace(figure, rotations=rotations, pelvis=pelvis)
