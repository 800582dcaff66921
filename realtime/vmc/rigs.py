"""From a figure to what a receiver is told of each bone: its place and turn relative to its parent.

Many receivers write these places into the avatar. Zeros collapse it; those of our standard body give it human
proportions; its own, read from its file, leave it as it was made. The figure moves by its hips.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.avatar_file import AvatarSkeleton, read_avatar
from realtime.axes import UNITY
from realtime.data import BodyPose, State
from realtime.rest_pose import REST_HEIGHT_M, REST_OFFSETS_M, bone_heads
from realtime.solve.forward import measure_rest, world_rotations
from realtime.solve.quaternions import conjugate, multiply, to_matrix
from realtime.solve.rest import PELVIS_HEIGHT
from realtime.vmc.presence import Figure

Float64 = NDArray[np.float64]

OFFSETS = ("rest", "measured", "zero")
LEARN_SHARE = 0.3
"""Of what a frame tells about the person's bones that is believed at once."""
EAGER_FRAMES, LATER_EVERY = 90, 6
"""Bone lengths settle within seconds; after so many frames one of a few is enough to follow them."""
_HEADS: Float64 = bone_heads(np.eye(26))
_OFFSETS: Float64 = _HEADS - _HEADS[np.maximum(BONES.parents, 0)]
"""(21,26) from joints of a T-pose to the place of each bone relative to its parent."""


_TO_UNITY: Float64 = np.concatenate([UNITY.points(np.ones(3)), UNITY.rotations(np.ones(4))])
"""Unity's axes are ours but for signs."""


class Rig(Protocol):
    """Knows where the receiver's bones are."""

    @property
    def bones(self) -> Sequence[str]:
        """Unity's names of the bones that are sent, in the order of the rows."""

    def learn(self, pose: BodyPose) -> None:
        """Look at the person once per frame."""

    def forget(self) -> None:
        """Learn anew from the next frame on."""

    def rows(self, figure: Figure) -> Float64:
        """(n,7) local position and rotation (xyzw) of each bone, in Unity's axes, metres."""


def make_rig(offsets: str) -> Rig:
    """`rest`, `measured`, `zero`, or the path of a VRM. Raises ConfigError when that cannot be read."""
    match offsets:
        case "rest":
            return StandardRig()
        case "zero":
            return StandardRig(scale=0.0)
        case "measured":
            return MeasuredRig()
        case _:
            return AvatarRig(read_avatar(Path(offsets)))


class StandardRig:
    """The standard body, as tall as the person."""

    bones = BONES.joints

    def __init__(self, scale: float = 1.0) -> None:
        """`scale` 0: no places at all but that of the hips."""
        self._offsets = scale * REST_OFFSETS_M.astype(np.float64) / REST_HEIGHT_M

    def learn(self, pose: BodyPose) -> None:
        """Nothing to learn: the height comes with every figure."""

    def forget(self) -> None:
        """Nothing was learned."""

    def rows(self, figure: Figure) -> Float64:
        """See `Rig`."""
        return _rows(self._offsets * figure.height_m, figure)


class MeasuredRig:
    """The person's own bones: a receiver's joints are then exactly ours."""

    bones = BONES.joints

    def __init__(self) -> None:
        self._offsets: Float64 | None = None
        self._frames = 0

    def learn(self, pose: BodyPose) -> None:
        """See `Rig`. Guessed poses teach nothing."""
        if pose.state is not State.TRACKING and self._offsets is not None:
            return
        self._frames += 1
        if self._frames > EAGER_FRAMES and self._frames % LATER_EVERY:
            return
        rest = measure_rest(pose.bone_rotations.astype(np.float64), pose.joints_world.astype(np.float64))
        offsets = _OFFSETS @ rest
        if self._offsets is None:
            self._offsets = offsets
        else:
            self._offsets += LEARN_SHARE * (offsets - self._offsets)

    def forget(self) -> None:
        """See `Rig`."""
        self._offsets, self._frames = None, 0

    def rows(self, figure: Figure) -> Float64:
        """See `Rig`."""
        if self._offsets is None:
            return StandardRig().rows(figure)
        return _rows(self._offsets, figure)


def _rows(offsets: Float64, figure: Figure) -> Float64:
    rows = np.empty((len(offsets), 7))
    rows[:, :3], rows[:, 3:] = offsets, figure.rotations
    rows[0, :3] = figure.pelvis
    rows *= _TO_UNITY
    return rows


class AvatarRig:
    """The bones of the user's own avatar, at its own size: feet that stand on our floor stand on its floor.

    Our rotations N are relative to a rest pose without rotations. A bone that has rotation L from its parent
    and W from the model at rest is turned to L W⁻¹ N W, which for VRM 0.x avatars, whose bones have none, is
    N itself. The rotation of a bone that the avatar lacks goes into its children.
    """

    def __init__(self, avatar: AvatarSkeleton) -> None:
        self.bones = tuple(avatar.bones)
        bones = [avatar.bones[name] for name in self.bones]
        self._index = np.array([BONES.index(name) for name in self.bones])
        self._parent = np.array([_present_ancestor(name, self.bones) for name in self.bones])
        self._positions = UNITY.points(np.array([bone.offset for bone in bones]))
        self._W = np.array([bone.world for bone in bones])
        self._before = multiply(np.array([bone.local for bone in bones]), conjugate(self._W))
        hips = avatar.bones["Hips"].head
        legs = (avatar.bones["LeftUpperLeg"].head + avatar.bones["RightUpperLeg"].head) / 2
        self._legs_from_hips, self._legs_height = legs - hips, float(legs[1])
        self._to_parent = np.linalg.inv(avatar.hips_parent)

    def learn(self, pose: BodyPose) -> None:
        """Nothing to learn: the file says it all."""

    def forget(self) -> None:
        """Nothing was learned."""

    def rows(self, figure: Figure) -> Float64:
        """See `Rig`."""
        world = world_rotations(figure.rotations)
        own = world[self._index]
        above = np.where((self._parent >= 0)[:, None], world[self._parent], (0.0, 0.0, 0.0, 1.0))
        turned = multiply(multiply(self._before, multiply(conjugate(above), own)), self._W)
        scale = self._legs_height / (PELVIS_HEIGHT * figure.height_m)
        hips = scale * figure.pelvis - to_matrix(world[0]) @ self._legs_from_hips
        positions = self._positions.copy()
        positions[0] = UNITY.points(self._to_parent[:3, :3] @ hips + self._to_parent[:3, 3])
        return np.concatenate([positions, UNITY.rotations(turned)], axis=1)


def _present_ancestor(bone: str, present: Sequence[str]) -> int:
    """Row in BONES of the nearest bone above that the avatar has; -1 above the hips."""
    parent = BONES.parents[BONES.index(bone)]
    while parent >= 0 and BONES.joints[parent] not in present:
        parent = BONES.parents[parent]
    return parent
