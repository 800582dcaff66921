"""A take in the making: who came when. Needs no Blender.

Frames are kept with the times at which the camera took them, and poses are asked for at whole frames of the
scene, so neither the sender's rate nor a Blender that stutters changes the timing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from .person import Person, between

GAP_S = 0.25
"""Across a longer pause nothing is interpolated: the pose before it is held."""
DRIFT_S = 2.0
"""When the sender's clock leaves ours by more, it has jumped (a clip began anew) and ours is followed."""
MAX_FRAMES = 1_000_000
"""Of one take, everybody together: four and a half hours of one person at 60 Hz."""


@dataclass
class Clock:
    """Seconds since the take began, from whichever time a person comes with."""

    _offset: float | None = None
    _begin: float | None = None

    def seconds(self, person: Person) -> float:
        """Capture time where the sender tells it, else the time of arrival."""
        if person.time_s is None:
            at = person.received_s
        else:
            offset = person.received_s - person.time_s
            if self._offset is None or abs(offset - self._offset) > DRIFT_S:
                self._offset = offset
            at = person.time_s + self._offset
        if self._begin is None:
            self._begin = at
        return at - self._begin


@dataclass
class Track:
    """One armature's part of a take."""

    times_s: list[float] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    def add(self, time_s: float, person: Person) -> None:
        """Times rise; a frame that goes back is left out."""
        if person.posed and time_s >= 0 and (not self.times_s or time_s > self.times_s[-1]):
            self.times_s.append(time_s)
            self.people.append(person)

    def at(self, time_s: float) -> Person:
        """The pose at a time; before the first and after the last, these."""
        after = bisect_right(self.times_s, time_s)
        if after == 0 or after == len(self.times_s):
            return self.people[min(after, len(self.people) - 1)]
        begin, end = self.times_s[after - 1], self.times_s[after]
        if end - begin > GAP_S:
            return self.people[after - 1]
        return between(self.people[after - 1], self.people[after], (time_s - begin) / (end - begin))

    def frames(self, fps: float) -> Iterator[tuple[int, Person]]:
        """(frame counted from the take's begin, pose) for every whole frame that lies within the track."""
        first = math.ceil(self.times_s[0] * fps - 1e-6)
        last = max(first, math.floor(self.times_s[-1] * fps + 1e-6))
        for frame in range(first, last + 1):
            yield frame, self.at(frame / fps)


class Recording:
    """A take while it is being made."""

    def __init__(self, name: str, start_frame: int) -> None:
        self.name, self.start_frame = name, start_frame
        self.tracks: dict[str, Track] = {}
        """By name of the armature."""
        self.full = False
        """True when nothing more is kept."""
        self._clock = Clock()
        self._count = 0

    @property
    def seconds(self) -> float:
        """Length so far."""
        return max((t.times_s[-1] for t in self.tracks.values() if t.times_s), default=0.0)

    def add(self, armature: str, person: Person) -> None:
        """Keep one person's frame for an armature."""
        self.full = self._count >= MAX_FRAMES
        if person.posed and not self.full:
            self.tracks.setdefault(armature, Track()).add(self._clock.seconds(person), person)
            self._count += 1
