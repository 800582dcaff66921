"""What `sealcap listen vmc` understands of a VMC stream, ours or any other sender's."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

from lifting.skeleton import BONES
from realtime.osc_receiver import Message, OscReceiver

REQUIRED = frozenset(BONES.joints) - {
    "Chest",
    "Neck",
    "LeftShoulder",
    "RightShoulder",
    "LeftToes",
    "RightToes",
}
"""Every humanoid has these bones."""
SILENT_S = 1.0
MAX_BONES, MAX_PACKETS = 256, 1024
"""A frame that goes on for longer than any avatar needs is taken as it is, and another one begun."""
FORGET_S = 2.0
"""A bone not heard of for this long is missing."""


@dataclass
class VmcFrame:
    """Everything up to one `/VMC/Ext/T`, or until a bone comes again."""

    bones: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Unity's name → local position and rotation, 7 numbers."""
    root: tuple[float, ...] = ()
    time_s: float | None = None
    """Of the sender's own clock."""
    status: list[int] = field(default_factory=list)
    """loaded, calibration state, calibration mode, tracking; as many as came."""
    malformed: list[str] = field(default_factory=list)
    """Messages of wrong arguments, which some receivers never recover from."""
    packets: int = 0


def vmc_frames(receiver: OscReceiver, tick_s: float) -> Generator[VmcFrame | None, None, None]:
    """Frames as they come; None after `tick_s` seconds without a packet."""
    frame = VmcFrame()
    while True:
        messages = receiver.receive(tick_s)
        if messages is None:
            if frame.packets:
                yield frame
                frame = VmcFrame()
            yield None
            continue
        frame.packets += 1
        for message in messages:
            if _begins_another(frame, message):
                yield frame
                frame = VmcFrame()
            _add(frame, message)
            if frame.time_s is not None:
                yield frame
                frame = VmcFrame()


def _begins_another(frame: VmcFrame, message: Message) -> bool:
    """Senders that leave out `/VMC/Ext/T` begin a frame with a bone that the last one had already."""
    address, values = message
    if len(frame.bones) >= MAX_BONES or frame.packets > MAX_PACKETS:
        return True
    return address == "/VMC/Ext/Bone/Pos" and bool(values) and values[0] in frame.bones


def _add(frame: VmcFrame, message: Message) -> None:
    match message:
        case ("/VMC/Ext/T", [float(time_s)]):
            frame.time_s = time_s
        case ("/VMC/Ext/OK", [int(), *_] as values):
            frame.status = [value for value in values if isinstance(value, int)]
        case ("/VMC/Ext/Root/Pos", [str(), *numbers]) if _are_floats(numbers):
            frame.root = _floats(numbers)
        case ("/VMC/Ext/Bone/Pos", [str(name), *numbers]) if _are_floats(numbers):
            frame.bones[name] = _floats(numbers)
        case ("/VMC/Ext/T" | "/VMC/Ext/OK" | "/VMC/Ext/Root/Pos" | "/VMC/Ext/Bone/Pos" as address, values):
            kinds = ", ".join(type(value).__name__ for value in values) or "nothing"
            frame.malformed.append(f"{address} with {kinds}")


def _are_floats(values: list[object]) -> bool:
    return len(values) >= 7 and all(isinstance(value, float) for value in values[:7])


def _floats(values: list[object]) -> tuple[float, ...]:
    return tuple(value for value in values[:7] if isinstance(value, float))


class VmcArrivals:
    """Rate, status and completeness of a stream."""

    def __init__(self) -> None:
        self.frames = self.malformed = 0
        self._last = VmcFrame()
        self._example = ""
        self._times: deque[float] = deque(maxlen=120)
        self._heard: dict[str, float] = {}

    def add(self, frame: VmcFrame) -> None:
        """Take in one frame."""
        now_s = time.monotonic()
        self.frames += 1
        self.malformed += len(frame.malformed)
        self._example = next(iter(frame.malformed), self._example)
        self._last = frame
        self._times.append(now_s)
        self._heard.update(dict.fromkeys(REQUIRED & frame.bones.keys(), now_s))

    @property
    def rate(self) -> float:
        """Frames per second over the last two seconds or so."""
        span = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        return (len(self._times) - 1) / span if span > 0 else 0.0

    @property
    def missing(self) -> list[str]:
        """Bones every humanoid has of which nothing was heard lately."""
        last_s = self._times[-1] if self._times else 0.0
        return [
            bone
            for bone in BONES.joints
            if bone in REQUIRED and last_s - self._heard.get(bone, -FORGET_S) >= FORGET_S
        ]

    def line(self) -> str:
        """One line for the eye."""
        if not self.frames:
            return "waiting ..."
        silence_s = time.monotonic() - self._times[-1]
        if silence_s > SILENT_S:
            return f"silent for {silence_s:.0f} s, after {self.frames} frames"
        parts = [f"t {self._last.time_s or 0.0:.2f} s", f"{self.rate:5.1f}/s", _status(self._last.status)]
        parts.append(f"{len(self._last.bones)} bones in {self._last.packets} packets")
        for name, numbers in (("root", self._last.root), ("Hips", self._last.bones.get("Hips", ()))):
            if numbers:
                parts.append(f"{name} ({numbers[0]:+.2f} {numbers[1]:+.2f} {numbers[2]:+.2f})")
        return "  ".join([*parts, *self._complaints()])

    def summary(self) -> str:
        """What came in all."""
        complaints = "; ".join(self._complaints()) or "nothing missing"
        return f"{self.frames} frames, {self.rate:.1f} per second, {complaints}."

    def _complaints(self) -> list[str]:
        missing, out = self.missing, []
        if missing:
            out.append(f"no {', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}")
        if self.malformed:
            out.append(f"{self.malformed} malformed, such as {self._example}")
        return out


def _status(values: list[int]) -> str:
    """`/VMC/Ext/OK` in words."""
    if not values:
        return "no status"
    words = "avatar loaded" if values[0] else "no avatar loaded"
    if len(values) >= 4:
        words = "tracking" if values[3] else "lost"
    if len(values) >= 2 and values[1] != 3:
        names = {0: "not calibrated", 1: "waiting for calibration", 2: "calibrating"}
        words += f", {names.get(values[1], 'unknown calibration')}"
    return words
