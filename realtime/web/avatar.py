"""A character of the user's on the page, moved by the first person beside their figure.

The character's bones take over the person's turns from the T-pose. The way of the hips is scaled by how high
the two stand, so that feet reach the floor; bones keep the character's own lengths.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.avatar.model import AvatarModel
from realtime.data import BodyPose, State
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import from_matrix, length, swing, to_matrix, unit
from realtime.solve.rest import PELVIS_HEIGHT

Float64 = NDArray[np.float64]

BESIDE_M = (-1.1, 0.0, 0.0)
"""From the person to the character: at their right."""
T_POSE_DEG = 12.0
"""Arms and legs further than this from the T-pose are taken for another rest pose, such as an A."""
FADED = 0.45
_AHEAD = {
    "LeftUpperArm": ("LeftLowerArm", 1, 0), "LeftLowerArm": ("LeftHand", 1, 0),
    "RightUpperArm": ("RightLowerArm", -1, 0), "RightLowerArm": ("RightHand", -1, 0),
    "LeftUpperLeg": ("LeftLowerLeg", 0, -1), "LeftLowerLeg": ("LeftFoot", 0, -1),
    "RightUpperLeg": ("RightLowerLeg", 0, -1), "RightLowerLeg": ("RightFoot", 0, -1),
}  # fmt: skip
"""Bone: where it ends, and X and Y of where it points in the T-pose."""


class AvatarRig:
    """Where a character's bones are when a person moves."""

    def __init__(self, model: AvatarModel) -> None:
        self._heads = model.heads
        self._rows = np.array([BONES.index(bone) for bone in model.bones])
        self._parents = [_parent(model.bones, bone) for bone in model.bones]
        self._to_t_pose = _to_t_pose(model)

    def pose(
        self, bone_rotations: NDArray[np.floating], root: Float64, height_m: float
    ) -> tuple[Float64, Float64]:
        """Local rotations (21,4) xyzw and pelvis (3,) of a person → turns of the character's bones from its
        rest pose (B,3,3), and where the bones begin (B,3). World axes, metres."""
        world = to_matrix(world_rotations(bone_rotations.astype(np.float64)))
        R = world[self._rows] @ self._to_t_pose
        heads = np.empty_like(self._heads)
        heads[0] = root * (self._heads[0, 1] / (PELVIS_HEIGHT * height_m))
        for bone, parent in list(enumerate(self._parents))[1:]:
            heads[bone] = heads[parent] + R[parent] @ (self._heads[bone] - self._heads[parent])
        return R, heads


class Avatar:
    """The character's scene nodes."""

    def __init__(self, server: Any, name: str, model: AvatarModel) -> None:
        self._server, self._rig = server, AvatarRig(model)
        self._node = server.scene.add_frame(name, show_axes=False, visible=False)
        self._parts = [
            _part(server.scene, f"{name}/{color}", model, color) for color in range(len(model.palette))
        ]
        self._faded = False

    def show(self, pose: BodyPose) -> None:
        """Move to the pose of a person who is there."""
        root = pose.joints_world[0].astype(np.float64)
        if not (np.isfinite(root).all() and np.isfinite(pose.bone_rotations).all() and pose.height_m > 0):
            return
        R, heads = self._rig.pose(pose.bone_rotations, root, pose.height_m)
        wxyz = np.roll(from_matrix(R), 1, axis=-1)
        faded = pose.state is not State.TRACKING
        with self._server.atomic():
            self._node.visible = True
            self._node.position = root * (1, 0, 1) - heads[0] * (1, 0, 1) + BESIDE_M
            for mesh, bones in self._parts:
                for handle, bone in zip(mesh.bones, bones, strict=True):
                    handle.wxyz, handle.position = wxyz[bone], heads[bone]
                if faded != self._faded:
                    mesh.opacity = FADED if faded else None
        self._faded = faded

    def hide(self) -> None:
        """Nobody is there."""
        self._node.visible = False


def _part(scene: Any, name: str, model: AvatarModel, color: int) -> tuple[Any, NDArray[np.intp]]:
    """The faces of one colour, and the bones that move them."""
    faces = model.faces[model.face_color == color]
    used, corners = np.unique(faces, return_inverse=True)
    weights = model.weights[used]
    bones = np.flatnonzero(weights.any(0))
    mesh = scene.add_mesh_skinned(
        name,
        model.vertices[used].astype(np.float32),
        corners.reshape(-1, 3).astype(np.uint32),
        bone_wxyzs=np.tile([1.0, 0.0, 0.0, 0.0], (len(bones), 1)),
        bone_positions=model.heads[bones],
        skin_weights=weights[:, bones],
        color=tuple(int(c) for c in model.palette[color]),
        side="double",
        receive_shadow=False,  # it would have stripes of its own shadow
    )
    return mesh, bones


def _parent(bones: tuple[str, ...], bone: str) -> int:
    """Number of the nearest bone above that the character has; 0 for the hips."""
    above = BONES.parents[BONES.index(bone)]
    while above >= 0 and BONES.joints[above] not in bones:
        above = BONES.parents[above]
    return bones.index(BONES.joints[above]) if above >= 0 else 0


def _to_t_pose(model: AvatarModel) -> Float64:
    """(B,3,3) the turns that bring the character from its rest pose into the T-pose."""
    out = np.tile(np.eye(3), (len(model.bones), 1, 1))
    for bone, (end, x, y) in _AHEAD.items():
        if bone not in model.bones or end not in model.bones:
            continue
        i, k = model.bones.index(bone), model.bones.index(end)
        along, wanted = unit(model.heads[k] - model.heads[i]), np.array([x, y, 0.0])
        if length(along) > 0 and along @ wanted < np.cos(np.radians(T_POSE_DEG)):
            out[i] = swing(along, wanted)
            if end.endswith("Hand"):
                out[k] = out[i]
    return out
