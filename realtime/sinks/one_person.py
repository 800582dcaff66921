"""Who goes where, for receivers that know one person only."""

from __future__ import annotations

from realtime.data import BodyPose, Motion, State


class Places:
    """A fixed number of places; whoever has one keeps it until they are gone."""

    def __init__(self, count: int = 1) -> None:
        self._ids: list[int | None] = [None] * count

    def fill(self, motion: Motion) -> list[BodyPose | None]:
        """The person of each place in this frame. Newcomers take the first free place, in order of number."""
        here = {pose.person_id: pose for pose in motion.people if pose.state is not State.LOST}
        self._ids = [i if i in here else None for i in self._ids]
        waiting = iter(sorted(here.keys() - set(self._ids)))
        self._ids = [next(waiting, None) if i is None else i for i in self._ids]
        return [None if i is None else here[i] for i in self._ids]
