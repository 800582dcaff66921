"""Humanoid avatars as they come: bones rolled any way, A-poses, other proportions, foreign bones between."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES
from realtime.axes import UNITY
from realtime.rest_pose import REST_HEADS_M
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import conjugate, multiply, to_matrix, unit
from tests.realtime.takes.made_takes import about

Float64 = NDArray[np.float64]
HUMAN = {
    "Hips": 0, "Spine": 7, "Chest": 8, "Neck": 9, "Head": 10, "UpperChest": 54,
    "LeftUpperLeg": 1, "LeftLowerLeg": 3, "LeftFoot": 5, "LeftToes": 19, "LeftShoulder": 11,
    "LeftUpperArm": 13, "LeftLowerArm": 15, "LeftHand": 17,
    "RightUpperLeg": 2, "RightLowerLeg": 4, "RightFoot": 6, "RightToes": 20, "RightShoulder": 12,
    "RightUpperArm": 14, "RightLowerArm": 16, "RightHand": 18,
}  # fmt: skip
"""Unity's HumanBodyBones."""
PROPORTIONS = {"UpperArm": 0.8, "LowerArm": 1.1, "UpperLeg": 1.2, "LowerLeg": 0.9, "Spine": 1.3, "Neck": 0.7}
"""How much longer the way from such a bone to the next is than a human's."""
A_POSE = {"LeftUpperArm": ([0, 0, 1], -50), "LeftLowerArm": ([0, 1, 0], -12), "LeftUpperLeg": ([0, 0, 1], 6),
          "LeftLowerLeg": ([1, 0, 0], 4), "LeftFoot": ([0, 1, 0], 14)}  # fmt: skip
"""Our axes: axis and degrees from the T-pose. Feet stay on the floor and point outwards."""


@dataclass
class Avatar:
    """An avatar at rest. Unity's axes, relative to its own root."""

    heads: dict[str, Float64]
    """(3,) where each bone begins."""
    rotation: dict[str, Float64]
    """(4,) xyzw of each bone's own axes, as its maker rolled them."""
    t_pose: dict[str, Float64]
    """(4,) what `rotation` would be in the T-pose."""
    root: tuple[Float64, Float64, float] = field(
        default_factory=lambda: (np.zeros(3), np.array([0.0, 0, 0, 1]), 1.0)
    )
    """Where it stands in the scene: place, rotation, scale."""
    rows: dict[str, int] = field(default_factory=dict)
    """Row of each bone among the transforms of the file."""

    def save(self, path: Path, rng: np.random.Generator) -> Path:
        """Transforms as Scene.cs reads them; between the bones are others that mean nothing."""
        place, turn, scale = self.root
        lines = [_line(-1, -1, place, turn) + f" {scale}"]

        def add(parent: int, human: int, head: Float64, rotation: Float64) -> int:
            world = place + scale * (to_matrix(turn) @ head)
            lines.append(_line(parent, human, world, multiply(turn, rotation)))
            return len(lines) - 1

        armature = add(0, -1, rng.normal(size=3), random_turn(rng))
        for bone in self.heads:
            parent = BONES.parents[BONES.index(bone)]
            while parent >= 0 and BONES.joints[parent] not in self.heads:
                parent = BONES.parents[parent]
            above = self.rows[BONES.joints[parent]] if parent >= 0 else armature
            between = add(above, -1, rng.normal(size=3), random_turn(rng))
            self.rows[bone] = add(between, HUMAN[bone], self.heads[bone], self.rotation[bone])
        path.write_text("\n".join(lines))
        return path

    def in_root(self, transforms: list[list[float]]) -> tuple[dict[str, Float64], dict[str, Float64]]:
        """World places and rotations that Scene.cs printed → by bone, relative to the root."""
        place, turn, scale = self.root
        values = np.array(transforms)
        back = to_matrix(conjugate(turn))
        heads = {b: back @ (values[r, :3] - place) / scale for b, r in self.rows.items()}
        return heads, {b: multiply(conjugate(turn), values[r, 3:7]) for b, r in self.rows.items()}


def _line(parent: int, human: int, position: Float64, rotation: Float64) -> str:
    return " ".join([str(parent), str(human), *(repr(float(v)) for v in (*position, *rotation))])


def random_turn(rng: np.random.Generator) -> Float64:
    """Any rotation (4,), all alike likely."""
    return np.asarray(unit(rng.normal(size=4)))


def make_avatar(
    rng: np.random.Generator, *, a_pose: bool = False, lacks: tuple[str, ...] = (), size: float = 1.0
) -> Avatar:
    """One that stands on its root's floor. `lacks`: optional bones that it does not have."""
    offsets = _offsets() * size
    turns = _a_pose() if a_pose else np.tile([0.0, 0.0, 0.0, 1.0], (len(BONES), 1))
    rolls = np.array([random_turn(rng) for _ in BONES.joints])
    heads = heads_of(offsets, turns)
    heads[:, 1] += size * 0.09 - heads[BONES.index("LeftFoot"), 1]  # the ankle above the sole
    have = [i for i, bone in enumerate(BONES.joints) if bone not in lacks]
    unity_heads, now = UNITY.points(heads), UNITY.rotations(turns)
    return Avatar(
        {BONES.joints[i]: unity_heads[i] for i in have},
        {BONES.joints[i]: multiply(now[i], rolls[i]) for i in have},
        {BONES.joints[i]: rolls[i] for i in have},
    )


def _offsets() -> Float64:
    """(21,3) from bone to bone in the T-pose, our axes, of other proportions than ours."""
    heads = REST_HEADS_M.astype(np.float64)
    out = heads.copy()
    for i, parent in enumerate(BONES.parents):
        if parent >= 0:
            name = BONES.joints[parent].removeprefix("Left").removeprefix("Right")
            out[i] = PROPORTIONS.get(name, 1.0) * (heads[i] - heads[parent])
        if BONES.joints[i].endswith("UpperLeg"):
            out[i] += (0.0, -0.05, 0.01)  # the hips bone lies above the hip joints
        if BONES.joints[i].endswith("Shoulder"):
            out[i] += (0.03 if BONES.joints[i].startswith("Left") else -0.03, 0.12, 0.0)
    return out


def _a_pose() -> Float64:
    """(21,4) rotations from the T-pose in the avatar's axes (told in ours); feet are flat, fists hang on."""
    local = np.tile([0.0, 0.0, 0.0, 1.0], (len(BONES), 1))
    for bone, (axis, degrees) in A_POSE.items():
        local[BONES.index(bone)] = about(axis, degrees)
        twin = np.array(axis) * (1, -1, -1)  # mirrored left to right
        local[BONES.index(bone.replace("Left", "Right"))] = about(twin, degrees)
    world = world_rotations(local)
    for side in ("Left", "Right"):
        foot = local[BONES.index(f"{side}Foot")]
        world[BONES.index(f"{side}Foot")] = world[BONES.index(f"{side}Toes")] = foot
    return world


def heads_of(offsets: Float64, world: Float64) -> Float64:
    """(21,3) where bones begin whose rotations from the T-pose are `world` (21,4)."""
    heads = offsets.copy()
    for i, parent in enumerate(BONES.parents):
        if parent >= 0:
            heads[i] = heads[parent] + to_matrix(world[parent]) @ offsets[i]
    return heads
