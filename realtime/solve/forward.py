"""Forward kinematics: from bone rotations back to joints, as a receiver does it.

Every joint hangs on one bone and keeps its place in that bone's frame, so a pose is the rest pose turned
piece by piece. The bone that carries a joint turns about the joint's parent; so collarbones turn about the
chest, from which shoulders keep their distance (in the CMU corpus to the millimetre).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26, mirror_name
from realtime.solve.quaternions import multiply, to_matrix
from realtime.solve.rest import ANCESTORS, PARENTS

Float64 = NDArray[np.float64]

_CARRIERS = {
    "spine": "Hips", "chest": "Spine", "neck": "Chest", "head": "Neck",
    **dict.fromkeys(("nose", "left_eye", "right_eye", "left_ear", "right_ear"), "Head"),
    "left_shoulder": "LeftShoulder", "left_elbow": "LeftUpperArm", "left_wrist": "LeftLowerArm",
    "left_hip": "Hips", "left_knee": "LeftUpperLeg", "left_ankle": "LeftLowerLeg",
    "left_heel": "LeftFoot", "left_toe": "LeftFoot",
}  # fmt: skip
_CARRIERS |= {mirror_name(joint): mirror_name(bone) for joint, bone in _CARRIERS.items()}
CARRIER = np.array([0, *(BONES.index(_CARRIERS[joint]) for joint in SEALCAP26.joints[1:])])
"""(26,) the bone that moves a joint."""


def _levels() -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """(bones, their parents) from the hips outwards, all bones of one depth together."""
    depth = [0] * len(BONES)
    for bone, parent in list(enumerate(BONES.parents))[1:]:
        depth[bone] = depth[parent] + 1
    rows = [[b for b, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]
    return [(np.array(row), np.array([BONES.parents[b] for b in row])) for row in rows]


_LEVELS = _levels()


def world_rotations(local: Float64) -> Float64:
    """Local rotations (...,21,4) xyzw → rotations from rest in world axes, same shape."""
    world = local.copy()
    for bones, parents in _LEVELS:
        world[..., bones, :] = multiply(world[..., parents, :], local[..., bones, :])
    return world


def place_joints(R_world: Float64, rest: Float64, root_world: Float64) -> Float64:
    """World rotations (...,21,3,3) of the bones, rest pose (26,3), pelvis (...,3) → joints (...,26,3)."""
    turned = (R_world[..., CARRIER, :, :] @ (rest - rest[PARENTS])[:, :, None])[..., 0]
    return np.asarray(ANCESTORS @ turned + root_world[..., None, :])


def measure_rest(local: Float64, joints: Float64) -> Float64:
    """The rest pose (26,3), pelvis at 0, of a person whose pose is `joints` (26,3) with `local` (21,4).

    The inverse of `joints_from_rotations`: what a receiver finds that measures offsets instead of taking
    them from a standard body. It is the same in every frame but for slowly learned lengths.
    """
    R = to_matrix(world_rotations(local))[CARRIER]
    return np.asarray(ANCESTORS @ ((joints - joints[PARENTS])[:, None, :] @ R)[:, 0])


def joints_from_rotations(local: Float64, rest: Float64, root_world: Float64) -> Float64:
    """Local rotations (21,4) xyzw, rest pose (26,3), pelvis (3,) → joints (26,3), in the rest pose's unit."""
    return place_joints(to_matrix(world_rotations(local)), rest, root_world)
