"""Joint rotations from joint positions.

Every bone's world frame is built from two directions of the pose and compared with the same two
directions of the rest pose; its rotation is the one that takes rest to now. Which two:

Hips, Spine, Chest, Neck   up the trunk and across it (hips, shoulders, ears)
Head                       across the ears, out of the face
Shoulder (clavicle)        chest → shoulder, no twist of its own: the smallest turn from the chest
UpperArm, LowerArm         along the bone; twist from the plane the elbow bends in (`bend_planes.py`)
UpperLeg, LowerLeg         along the bone; twist from the plane the knee bends in
Foot                       heel → toe; twist from the knee's axis and the ankle's place above the sole
Hand, Toes                 follow forearm and foot: nothing is seen of their own, their pose is neutral

Joints that float freely are more than rotations can say: hips and lowest spine are one rigid bone here, so
are the face and each foot. So the figure is first put on such a skeleton
(`_stand`: from the pelvis outwards every bone is aimed at the joint it should reach), then turned into
rotations, these are kept within anatomical limits, and what comes out are rotations and the joints they
put there. Both say the same, whichever of them a receiver takes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.bend_planes import FRAME_S, BendPlanes
from realtime.solve.forward import place_joints, world_rotations
from realtime.solve.limits import limit
from realtime.solve.quaternions import (
    IDENTITY,
    carry,
    conjugate,
    cross,
    frame,
    from_matrix,
    length,
    multiply,
    same_sign,
    to_matrix,
    unit,
)
from realtime.solve.rest import PARENTS, REST_JOINTS
from realtime.solve.shape import BodyShape
from realtime.solve.soles import put_soles

Float64 = NDArray[np.float64]

SHORTEST_M = 1e-3
"""A shorter link has no direction; the last pose's is taken instead."""
KNEE_SHARE = 0.1
"""What the knee's axis counts in a foot's; it decides where heel, toe and ankle lie in one line."""

_J = SEALCAP26.index
_B = BONES.index

# From → to: the directions a pose is read by, in rows of one (D,3) array.
_DIRECTIONS = (
    ("pelvis", "spine"), ("spine", "chest"), ("chest", "neck"), ("neck", "head"),
    ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder"), ("right_ear", "left_ear"),
    ("chest", "left_shoulder"), ("chest", "right_shoulder"),
    ("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow"),
    ("left_hip", "left_knee"), ("right_hip", "right_knee"),
    ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"),
    ("left_knee", "left_ankle"), ("right_knee", "right_ankle"),
    ("left_heel", "left_toe"), ("right_heel", "right_toe"),
)  # fmt: skip
_FROM = np.array([_J(a) for a, _ in _DIRECTIONS])
_TO = np.array([_J(b) for _, b in _DIRECTIONS])
_ACROSS = slice(4, 7)
_CLAVICLES, _NEAR, _FAR, _FEET = slice(7, 9), slice(9, 13), slice(13, 17), slice(17, 19)
_LIMBS = slice(9, 19)
_FACE = np.array([_J("nose"), _J("left_eye"), _J("right_eye")])
_EARS = np.array([_J("left_ear"), _J("right_ear")])
_HIPS = np.array([_J("left_hip"), _J("right_hip")])
_SPINE, _CHEST = _J("spine"), np.array([_J("chest")])
_BESIDE_NECK = np.array([_J("neck"), _J("left_shoulder"), _J("right_shoulder")])
_MIDDLE = np.array(SEALCAP26.indices("head", "left_elbow", "right_elbow", "left_knee", "right_knee"))
_ENDS = np.array(SEALCAP26.indices("left_wrist", "right_wrist", "left_ankle", "right_ankle"))
_STEPS = [(far, PARENTS[far]) for far in (_CHEST, _BESIDE_NECK, _MIDDLE, _ENDS)]
"""Joints from the trunk outwards, and what they hang on."""
_RIGID_PARTS = np.array(
    [_J(n) for n in SEALCAP26.joints if n.endswith(("nose", "eye", "ear", "heel", "toe"))]
)
_PARENTS_OF_RIGID = PARENTS[_RIGID_PARTS]
_ANKLES = np.array([_J("left_ankle"), _J("right_ankle")])
_HEELS = np.array([_J("left_heel"), _J("right_heel")])


def _pair(name: str) -> list[int]:
    return [_B("Left" + name), _B("Right" + name)]


_LIMB_BONES = [
    *_pair("UpperArm"), *_pair("UpperLeg"), *_pair("LowerArm"), *_pair("LowerLeg"), *_pair("Foot"),
]  # fmt: skip
_SOLVED = [_B(name) for name in ("Hips", "Spine", "Chest", "Neck", "Head")] + _pair("Shoulder") + _LIMB_BONES
"""Bones in the order in which they are solved; ends of limbs are turned as what they hang on."""
_TURNS_AS = {**dict(zip(_pair("Hand"), _pair("LowerArm"), strict=True)),
             **dict(zip(_pair("Toes"), _pair("Foot"), strict=True))}  # fmt: skip
_IN_SOLVED = np.array([_SOLVED.index(_TURNS_AS.get(bone, bone)) for bone in range(len(BONES))])
_PARENT = np.array([max(p, 0) for p in BONES.parents])
_ELBOWS = np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
"""Axis the elbow bends about in the rest pose, left and right: forearms come forward."""
_KNEES = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
"""Axis the knee bends about: shanks go back."""


class Solved(NamedTuple):
    """A figure as rotations and as the joints they make, in agreement."""

    local: Float64
    """(21,4) xyzw, rotations of `BONES` relative to the parent; row 0 (Hips) is the pelvis in the world."""
    joints_world: Float64
    """(26,3) metres."""


class RotationSolver:
    """World joints → local rotations of `BONES`, frame after frame (signs and twists are continuous)."""

    def __init__(self) -> None:
        self._planes, self.shape = BendPlanes(), BodyShape()
        self._last: Solved | None = None
        self._time_ns: int | None = None

    def reset(self) -> None:
        """Forget the motion; the shape of the person and the signs of quaternions stay."""
        self._planes.reset()
        self._time_ns = None

    def __call__(self, joints_world: Float64) -> Float64:
        """The rotations (21,4) alone, see `solve`."""
        return self.solve(joints_world).local

    def solve(
        self,
        joints_world: Float64,
        lengths_m: Float64 | None = None,
        capture_time_ns: int | None = None,
        seen: bool = True,
        held: list[bool] | None = None,
    ) -> Solved:
        """The figure (26,3) on a skeleton with the link lengths (26,); None takes them from the figure.

        `held`: which of `CONTACTS` are held on the floor; soles are put where the figure has them then.

        Joints that are not finite or lie on their parent take their place relative to it from the last
        frame, or from the rest pose. Without a time the frame counts as following at 30 per second. From a
        figure that is not `seen` but guessed the person's shape is not learned.
        """
        dt_s = self._step(capture_time_ns)
        joints = self._whole(np.asarray(joints_world, np.float64))
        lengths = length(joints - joints[PARENTS]) if lengths_m is None else lengths_m
        if seen:
            self.shape.learn(joints, lengths, dt_s)
        rest = self.shape.rest(lengths)
        R = self._world_rotations(_stand(joints, rest), dt_s)
        q = from_matrix(R)
        local = multiply(conjugate(q[_PARENT]), q)
        local[0] = q[0]
        local, changed = limit(same_sign(local, IDENTITY))
        if changed:
            R = to_matrix(world_rotations(local))
        placed = place_joints(R, rest, joints[0])
        if held is not None:
            put_soles(local, placed, joints, held)
        local = same_sign(local, IDENTITY if self._last is None else self._last.local)
        self._last = Solved(local, placed)
        return self._last

    def _step(self, time_ns: int | None) -> float:
        """Seconds since the last frame."""
        before, self._time_ns = self._time_ns, time_ns
        return FRAME_S if time_ns is None or before is None else max((time_ns - before) * 1e-9, 0.0)

    def _whole(self, joints: Float64) -> Float64:
        """The joints (26,3), those without a usable place repaired."""
        links = length(joints - joints[PARENTS])
        if 0 not in np.isfinite(joints).tobytes() and 0 not in (links[1:] > SHORTEST_M).tobytes():
            return joints
        known = REST_JOINTS * 1.7 if self._last is None else self._last.joints_world
        out = np.where(np.isfinite(joints), joints, np.nan)
        out[0] = joints[0] if np.isfinite(joints[0]).all() else known[0]
        for j, parent in list(enumerate(PARENTS))[1:]:
            if not length(out[j] - out[parent]) > SHORTEST_M:
                out[j] = out[parent] + known[j] - known[parent]
        return out

    def _world_rotations(self, joints: Float64, dt_s: float) -> Float64:
        """(21,3,3) rotation of every bone from its rest orientation, world axes."""
        d, face = _read(joints)
        trunk = _trunk_frames(d, face) @ _TRUNK_REST_T
        hips, chest = trunk[0], trunk[2]
        clavicles = _REST[_CLAVICLES] @ chest.T
        shoulders = carry(clavicles[:, None], d[_CLAVICLES][:, None], chest.T).transpose(0, 2, 1)
        near, far = d[_NEAR].copy(), d[_FAR].copy()
        near[:2], far[:2] = near[:2] @ chest, far[:2] @ chest
        axes = self._planes.update(near, far, d[_FEET], hips, dt_s)
        axes[:2] = axes[:2] @ chest.T
        # Toe, heel and ankle say how a foot rolls, unless they lie in one line.
        foot_axes = unit(cross(joints[_ANKLES] - joints[_HEELS], d[_FEET])) + KNEE_SHARE * axes[2:]
        limbs = frame(d[_LIMBS], np.concatenate([axes, axes, foot_axes])) @ _LIMB_REST_T
        return np.asarray(np.concatenate([trunk, shoulders, limbs])[_IN_SOLVED])


def _read(joints: Float64) -> tuple[Float64, Float64]:
    """(19,3) unit directions of `_DIRECTIONS`, and (3,) out of the face."""
    face = joints[_FACE].sum(axis=0) / 3 - joints[_EARS].sum(axis=0) / 2
    return unit(joints[_TO] - joints[_FROM]), face


def _trunk_frames(d: Float64, face: Float64) -> Float64:
    """(5,3,3) frames of Hips, Spine, Chest, Neck, Head."""
    hips, shoulders, ears = d[_ACROSS]
    primary = np.array([hips, d[1], d[2], d[3], ears])
    secondary = np.array([d[0], hips + shoulders, shoulders, shoulders + ears, face])
    return frame(primary, secondary)


_REST, _REST_FACE = _read(REST_JOINTS)
_TRUNK_REST_T = np.swapaxes(_trunk_frames(_REST, _REST_FACE), 1, 2)
_LIMB_AXES_REST = np.concatenate([_ELBOWS, _KNEES, _ELBOWS, _KNEES, _KNEES])
_LIMB_REST_T = np.swapaxes(frame(_REST[_LIMBS], _LIMB_AXES_REST), 1, 2)


def _stand(joints: Float64, rest: Float64) -> Float64:
    """The joints (26,3) as bones of this rest pose can reach them, from the pelvis outwards.

    The pelvis and the directions across hips and ears and along the feet stay; every other bone is aimed
    at the given place of its far end from where its near end came to lie, so that errors do not add up.
    """
    reach = length(rest - rest[PARENTS])
    out = joints.copy()
    across = unit(joints[_HIPS[0]] - joints[_HIPS[1]])
    up = joints[_SPINE] - out[0]
    out[_HIPS[0]], out[_HIPS[1]] = out[0] + reach[_HIPS[0]] * across, out[0] - reach[_HIPS[1]] * across
    out[_SPINE] = out[0] + reach[_SPINE] * unit(up - across * (across @ up))
    for far, parents in _STEPS:
        near = out[parents]
        out[far] = near + unit(joints[far] - near) * reach[far, None]
    out[_RIGID_PARTS] += (out - joints)[_PARENTS_OF_RIGID]
    return out
