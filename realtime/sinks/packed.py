"""What several outputs need of the same pose, made once.

Sixty times a second each piece of code finds cold caches and runs five to ten times slower than in a test
that repeats it. What counts is therefore how many different functions are called per frame, not how many
numbers pass; for some dozens of them plain Python is faster than numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, CONTACTS, SEALCAP26
from realtime.data import BodyPose, Float32, State
from realtime.solve.plain_turns import Quaternion, multiply

POSES = 64
"""That are remembered: some persons, for as long as the recorder lets them wait."""
_J, _B = len(SEALCAP26), len(BONES)
_FLOAT = np.dtype("<f4")


def _columns(*counts: int) -> list[slice]:
    ends = np.cumsum(counts).tolist()
    return [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]


ROOT_P, ROOT_Q, JOINTS, CONFIDENCE, OBSERVED, BONES_Q, CONTACT = _columns(
    3, 4, 3 * _J, _J, _J, 4 * _B, len(CONTACTS)
)
"""Where what is in `Packed.numbers`."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """All that is sent of a pose."""

    numbers: Float32
    """(225,) little-endian; the columns are above."""
    data: bytes
    """The same."""
    finite: bool
    """False when one of them is NaN or infinite."""
    confidence: float
    """Mean of the joints', in 0..1; 0 for a lost person."""

    def part(self, column: slice) -> bytes:
        """Of `data`."""
        return self.data[4 * column.start : 4 * column.stop]


@lru_cache(POSES)
def packed(pose: BodyPose) -> Packed:
    """A pose is never changed, so that its numbers can be remembered."""
    arrays = (
        pose.root_world,
        pose.root_rotation,
        pose.joints_world,
        pose.confidence,
        pose.observed,
        pose.bone_rotations,
        pose.contacts,
    )
    data = b"".join([array.astype(_FLOAT, copy=False).tobytes() for array in arrays])
    mean = 0.0 if pose.state is State.LOST else float(np.add.reduce(pose.confidence)) / _J
    numbers = np.frombuffer(data, _FLOAT)
    return Packed(numbers, data, all_finite(numbers), mean)


def all_finite(numbers: NDArray[np.floating]) -> bool:
    """The same as np.isfinite(numbers).all() in half the time."""
    return 0 not in np.isfinite(numbers).tobytes()


@lru_cache(POSES)
def turned(pose: BodyPose) -> list[Quaternion]:
    """The rotation of each bone from rest in world axes; not to be changed. As `forward.world_rotations`."""
    world: list[Quaternion] = []
    for parent, (x, y, z, w) in zip(BONES.parents, pose.bone_rotations.tolist(), strict=True):
        local = x, y, z, w
        world.append(local if parent < 0 else multiply(world[parent], local))
    return world
