"""Our own OSC joints (`/mocap/v1/...`): messages in, whole persons out. Needs no Blender.

A person's frame comes in several packets. Each begins with `/mocap/v1/frame i seq, i seconds, i nanoseconds,
i person, s state, f confidence`; the root, the joints and the bones follow in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .body import JOINTS, MAX_M, SENT
from .osc import Argument, Message
from .person import STATES, Person
from .turns import Quat, Vec, unit

PREFIX = "/mocap/v1/"
NOBODY = -1
MAX_PEOPLE = 64
LATE_FRAMES = 8
"""A number smaller by no more than this is a late packet; by more, a sender that began anew."""
_JOINT_NAMES = frozenset(JOINTS) | {"pelvis"}
_BONE_NAMES = frozenset(SENT)


@dataclass
class _Partial:
    """What has come of one person's frame."""

    id: int
    state: str
    time_s: float
    received_s: float
    rotations: dict[str, Quat] = field(default_factory=dict)
    joints: dict[str, Vec] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return len(self.rotations) == len(_BONE_NAMES) and len(self.joints) == len(_JOINT_NAMES)

    def person(self) -> Person:
        hips = self.joints.get("pelvis", (0.0, 0.0, 0.0))
        return Person(
            self.id, self.state, self.time_s, self.received_s, hips, dict(self.rotations), dict(self.joints)
        )


class JointsStream:
    """Puts the packets of one sender together."""

    def __init__(self) -> None:
        self.frames = 0
        """Numbers seen."""
        self.lost = 0
        """Frames of which nothing or not everything came."""
        self._newest: int | None = None
        self._partial: dict[int, _Partial] = {}
        self._taken: set[int] = set()
        """Persons of the newest frame that were whole: a packet of theirs that comes twice begins nothing."""

    def take(self, messages: Sequence[Message], received_s: float) -> list[Person]:
        """Persons that are whole with this packet."""
        if not messages or not self._begins(messages[0], received_s):
            return []
        person_id = int(messages[0][1][3])
        if person_id == NOBODY:
            return []
        partial = self._partial[person_id]
        if partial.state == "lost":
            return [self._finish(partial)]
        for address, arguments in messages[1:]:
            _read(partial, address, arguments)
        if not partial.whole:
            return []
        return [self._finish(partial)]

    def _finish(self, partial: _Partial) -> Person:
        del self._partial[partial.id]
        self._taken.add(partial.id)
        return partial.person()

    def _begins(self, message: Message, received_s: float) -> bool:
        """Whether the packet belongs to the newest frame, whose number and persons this keeps."""
        address, arguments = message
        kinds = tuple(type(a) for a in arguments[:6])
        if address != PREFIX + "frame" or kinds != (int, int, int, int, str, float):
            return False
        seq, seconds, nanoseconds, person_id, state = arguments[:5]
        assert isinstance(seq, int)
        assert isinstance(person_id, int)
        assert isinstance(state, str)
        if state not in STATES or seq < 0 or person_id < NOBODY or not self._count(seq):
            return False
        if person_id in self._taken:
            return False
        if person_id not in self._partial and person_id != NOBODY:
            if len(self._partial) >= MAX_PEOPLE:
                return False
            time_s = float(seconds) + 1e-9 * float(nanoseconds)
            self._partial[person_id] = _Partial(person_id, state, time_s, received_s)
        return True

    def _count(self, seq: int) -> bool:
        """Keep account of numbers; False for a packet that comes too late to be of use."""
        newest, self._newest = self._newest, seq
        if newest == seq:
            return True
        if newest is not None and newest - LATE_FRAMES <= seq < newest:
            self._newest = newest
            return False
        self.lost += bool(self._partial)
        self._partial.clear()
        self._taken.clear()
        self.frames += 1
        if newest is not None and seq > newest:
            self.lost += seq - newest - 1
        return True


def _read(partial: _Partial, address: str, arguments: tuple[Argument, ...]) -> None:
    if len(arguments) < 5 or not isinstance(arguments[0], str):
        return
    name, numbers = arguments[0], [a for a in arguments[1:5] if isinstance(a, float)]
    if len(numbers) < 4:
        return
    x, y, z, w = numbers
    if address == PREFIX + "joint" and name in _JOINT_NAMES and max(map(abs, numbers)) < MAX_M:
        partial.joints[name] = (x, y, z)
    elif address == PREFIX + "bone" and name in _BONE_NAMES:
        rotation = unit((x, y, z, w))
        if rotation is not None:
            partial.rotations[name] = rotation
