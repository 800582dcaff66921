"""What several outputs need of the same pose, made once.

Sixty times a second each piece of code finds cold caches and runs four times slower than in a test that
repeats it. What counts is therefore how many different things are done per frame, not how many numbers pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, CONTACTS, SEALCAP26
from realtime.data import BodyPose, Float32, State
from realtime.solve.forward import world_rotations

Float64 = NDArray[np.float64]

POSES = 64
"""That are remembered: some persons, for as long as the recorder lets them wait."""
_J, _B = len(SEALCAP26), len(BONES)


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
    numbers = np.concatenate(
        (
            pose.root_world,
            pose.root_rotation,
            pose.joints_world.ravel(),
            pose.confidence,
            pose.observed,
            pose.bone_rotations.ravel(),
            pose.contacts,
        ),
        dtype="<f4",
    )
    confidence = 0.0 if pose.state is State.LOST else float(pose.confidence.mean())
    return Packed(numbers, numbers.tobytes(), bool(np.isfinite(numbers).all()), confidence)


@lru_cache(POSES)
def turned(pose: BodyPose) -> Float64:
    """(21,4) xyzw: the rotation of each bone from rest in world axes. Not to be changed."""
    world = world_rotations(pose.bone_rotations.astype(np.float64))
    world.flags.writeable = False
    return world
