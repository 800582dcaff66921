"""VMC (`/VMC/Ext/...`): messages in, persons out. Needs no Blender.

VMC speaks of one person in Unity's left-handed axes and has no frame numbers. A frame ends with `/T`, or when
a bone comes that it already has. Of a frame whose hips were lost on the way the rest is kept until something
newer comes: some senders tell the time in the middle of a frame. `/VMC/Ext/VRM`, which asks receivers to open
a file, is never obeyed.
"""

from __future__ import annotations

from collections.abc import Sequence

from .body import MAX_M, PARENTS
from .osc import Message
from .person import Person
from .turns import IDENTITY, Quat, Vec, add, multiply, rotate, unit

PREFIX = "/VMC/Ext/"
PERSON_ID = 0


class VmcStream:
    """Puts the packets of one sender together."""

    def __init__(self) -> None:
        self.frames = 0
        self.lost = 0
        """Always 0: the protocol has no way to tell."""
        self._root: tuple[Vec, Quat] = ((0.0, 0.0, 0.0), IDENTITY)
        self._places: dict[str, Vec] = {}
        self._rotations: dict[str, Quat] = {}
        self._left_over: set[str] = set()
        """Bones that came before the last `/T`, without hips."""
        self._tracking = True
        self._time_s: float | None = None

    def take(self, messages: Sequence[Message], received_s: float) -> list[Person]:
        """Persons that are whole with this packet."""
        done: list[Person] = []
        for address, arguments in messages:
            if address == PREFIX + "Bone/Pos":
                done += self._bone(arguments, received_s)
            elif address == PREFIX + "Root/Pos":
                placed = _placed(arguments)
                self._root = (placed[1], placed[2]) if placed else self._root
            elif address == PREFIX + "OK":
                self._status(arguments)
            elif address == PREFIX + "T":
                done += self._end(received_s, self._time(arguments))
        return done

    def _time(self, arguments: tuple[object, ...]) -> float | None:
        """The sender's clock, as long as it runs: some send a constant."""
        time_s = arguments[0] if arguments else None
        before, self._time_s = self._time_s, time_s if isinstance(time_s, float) else None
        return self._time_s if self._time_s is not None and self._time_s > (before or 0.0) else None

    def _status(self, arguments: tuple[object, ...]) -> None:
        """Loaded, and in later versions tracked or not."""
        lost = arguments[:1] == (0,) or arguments[3:4] == (0,)
        self._tracking = not lost

    def _bone(self, arguments: tuple[object, ...], received_s: float) -> list[Person]:
        placed = _placed(arguments)
        if placed is None or placed[0] not in PARENTS:
            return []
        again = placed[0] in self._rotations and placed[0] not in self._left_over
        done = self._end(received_s) if again else []
        self._left_over.discard(placed[0])
        self._places[placed[0]], self._rotations[placed[0]] = placed[1], placed[2]
        return done

    def _end(self, received_s: float, time_s: float | None = None) -> list[Person]:
        self._left_over = set() if "Hips" in self._rotations else set(self._rotations)
        if not self._tracking:
            self._rotations, self._left_over = {}, set()
            return [Person(PERSON_ID, "lost", time_s, received_s)]
        if "Hips" not in self._rotations:
            return []
        at, turn = self._root
        rotations, places = self._rotations, self._places
        self._rotations, self._places = {}, {}
        hips = add(at, rotate(turn, places.pop("Hips")))
        rotations["Hips"] = multiply(turn, rotations["Hips"])
        self.frames += 1
        return [Person(PERSON_ID, "tracking", time_s, received_s, hips, rotations, joints={}, offsets=places)]


def _placed(arguments: tuple[object, ...]) -> tuple[str, Vec, Quat] | None:
    """Name, place and rotation in the sender's world as `body.py` has it, from Unity's."""
    if len(arguments) < 8 or not isinstance(arguments[0], str):
        return None
    numbers = [a for a in arguments[1:8] if isinstance(a, float)]
    if len(numbers) < 7 or max(abs(n) for n in numbers) > MAX_M:
        return None
    x, y, z, qx, qy, qz, qw = numbers
    rotation = unit((qx, -qy, -qz, qw))
    return None if rotation is None else (arguments[0], (-x, y, z), rotation)
