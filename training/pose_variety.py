"""Poses nobody recorded: limbs and trunk bent away from a recorded pose, within what joints allow.

Short corpora hold people who walk and gesture, but hardly anyone who sits, kneels, bends down or reaches. One
rotation per body part, constant over the window, keeps the recorded motion and changes the posture under it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from lifting.skeleton import SEALCAP26


class Part(NamedTuple):
    """A subtree that is turned rigidly at its first joint, and a hinge further out."""

    rigid: list[int]
    """Bones that turn together."""
    swing_deg: float
    """Standard deviation of a rotation about a random axis."""
    flexion_deg: tuple[float, float]
    """Mean and standard deviation of a rotation about the hip line, positive = forward (arm or leg is lifted,
    trunk bows)."""
    hinge: tuple[list[int], int, int] | None
    """Bones beyond the hinge (elbow, knee), and the bones before and after it."""
    hinge_deg: tuple[float, float]
    """Mean and standard deviation of the additional bend of the hinge."""


def bend(bones: Tensor, ancestors: Tensor, rng: Generator) -> Tensor:
    """Bones (B,T,26,3), metres, Z up, with new postures; a window that comes out impossible stays as it was.

    The lowest joint keeps its height, so that squatting lowers the pelvis instead of lifting the feet.
    """
    side = _unit(bones[:, -1, _LEFT_HIP] - bones[:, -1, _RIGHT_HIP])
    out = bones.clone()
    crouch = torch.rand(len(bones), generator=rng) < 0.4
    for part in _PARTS:
        together = torch.zeros_like(crouch) if part.hinge is None else crouch
        _turn(out, part, side, together, rng)
    if len(bones):
        _crouch(out, side, crouch, rng)
    out[:, :, 0, 2] += (_lowest(bones, ancestors) - _lowest(out, ancestors))[:, None]
    return torch.where(plausible(out)[:, None, None, None], out, bones)


def lean(
    bones: Tensor, legs_deg: tuple[float, float], trunk_deg: tuple[float, float], rng: Generator
) -> Tensor:
    """Bones (B,T,26,3) with thighs and shanks swung forward and the trunk bowed forward by small angles.

    `legs_deg`, `trunk_deg`: mean and standard deviation, one draw per window. The feet keep their direction.
    """
    left = _unit(bones[:, :, _LEFT_HIP] - bones[:, :, _RIGHT_HIP])[:, :, None]  # (B,T,1,3)
    count = len(bones)
    out = bones.clone()
    for chosen, mean_sd, direction in ((_LONG_LEG_BONES, legs_deg, -1.0), (_UPPER, trunk_deg, 1.0)):
        angle = direction * _angle(mean_sd, count, rng)[:, None, None]
        out[:, :, chosen] = _turned(bones[:, :, chosen], left, angle)
    return out


def nod(
    bones: Tensor, up_deg: tuple[float, float], turn_deg: float, tilt_deg: float, rng: Generator
) -> Tensor:
    """Bones (B,T,26,3) with the head turned, half at the base of the neck and half at the skull.

    `up_deg`: mean and standard deviation of looking up; `turn_deg`, `tilt_deg`: standard deviation of looking
    to a side and of leaning the head to a side. One draw per window.
    """
    left = _unit(bones[:, -1, _LEFT_HIP] - bones[:, -1, _RIGHT_HIP])
    up = _unit(bones[:, -1, _SPINE] + bones[:, -1, _CHEST] + bones[:, -1, _NECK])
    count = len(bones)
    half = (
        rotation_about(up, _angle((0.0, turn_deg / 2), count, rng))
        @ rotation_about(left, -_angle((up_deg[0] / 2, up_deg[1] / 2), count, rng))
        @ rotation_about(_unit(torch.linalg.cross(left, up)), _angle((0.0, tilt_deg / 2), count, rng))
    )
    out = bones.clone()
    _rotate(out, _HEAD, half)
    _rotate(out, _FACE, half)
    return out


def tiptoe(bones: Tensor, down_deg: tuple[float, float], rng: Generator) -> Tensor:
    """Bones (B,T,26,3) with both feet pitched, toes down, by an angle (mean and deviation; below zero
    counts as none): shoes with heels."""
    left = _unit(bones[:, -1, _LEFT_HIP] - bones[:, -1, _RIGHT_HIP])
    out = bones.clone()
    _rotate(out, _FEET, rotation_about(left, _angle(down_deg, len(bones), rng).clamp(min=0.0)))
    return out


def straighten(bones: Tensor, knee_deg: tuple[float, float], rng: Generator) -> Tensor:
    """Bones (B,T,26,3) with up to `knee_deg` less knee flexion (mean, standard deviation; one draw each).

    A knee is never bent backwards, and flexions over 75 degrees stay as they are. Thigh and shank turn by
    half the angle each, so that the ankle stays under the hip.
    """
    left = _unit(bones[:, :, _LEFT_HIP] - bones[:, :, _RIGHT_HIP])
    most = _angle(knee_deg, len(bones), rng).clamp(min=0.0)[:, None]
    out = bones.clone()
    for thigh, shank in (_LEFT_LEG, _RIGHT_LEG):
        upper, lower = _unit(bones[:, :, thigh]), _unit(bones[:, :, shank])
        flexion = torch.atan2(_dot(torch.linalg.cross(upper, lower), left), _dot(upper, lower))  # (B,T)
        fade = ((math.radians(75) - flexion) / math.radians(45)).clamp(0.0, 1.0)
        half = torch.minimum(flexion.clamp(min=0.0), most * fade) / 2
        out[:, :, thigh] = _turned(bones[:, :, thigh], left, half)
        out[:, :, shank] = _turned(bones[:, :, shank], left, -half)
    return out


def plausible(bones: Tensor) -> Tensor:
    """(B,) whether the newest frame of (B,T,26,3) keeps to the range of human hips, knees, arms and trunk."""
    pose = bones[:, -1]
    up = _unit(pose[:, _SPINE] + pose[:, _CHEST] + pose[:, _NECK])
    left = _unit(pose[:, _LEFT_HIP] - pose[:, _RIGHT_HIP])
    front = _unit(torch.linalg.cross(left, up))
    good: Tensor = up[:, 2] > -0.2
    for thigh, shank in (_LEFT_LEG, _RIGHT_LEG):
        upper, lower = _unit(pose[:, thigh]), _unit(pose[:, shank])
        good &= (_dot(upper, up) < 0.8) & (_dot(upper, front) > -0.6) & (_dot(upper, lower) > -0.87)
        # A knee bends backwards: thigh × shank then points to the left.
        good &= _dot(torch.linalg.cross(upper, lower), left) > -0.25
    for arm, forearm in (_LEFT_ARM, _RIGHT_ARM):
        upper, lower = _unit(pose[:, arm]), _unit(pose[:, forearm])
        good &= (_dot(upper, front) > -0.8) & (_dot(upper, lower) > -0.87)
    return good


def rotation_about(axis: Tensor, angle: Tensor) -> Tensor:
    """Rotations (B,3,3) about unit axes (B,3) by angles (B,) in radians (Rodrigues' formula)."""
    zero = torch.zeros_like(angle)
    x, y, z = axis.unbind(dim=-1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    sin, cos = angle.sin()[:, None, None], angle.cos()[:, None, None]
    rotation: Tensor = torch.eye(3) + sin * cross + (1 - cos) * (cross @ cross)
    return rotation


def _turned(vectors: Tensor, axis: Tensor, angle: Tensor) -> Tensor:
    """Vectors (...,3) rotated about unit axes (...,3) by angles (...)."""
    sin, cos = angle.sin()[..., None], angle.cos()[..., None]
    along = (axis * vectors).sum(dim=-1, keepdim=True) * axis
    turned: Tensor = vectors * cos + torch.linalg.cross(axis, vectors, dim=-1) * sin + along * (1 - cos)
    return turned


def _turn(bones: Tensor, part: Part, side: Tensor, skip: Tensor, rng: Generator) -> None:
    """Rotate one part of (B,T,26,3) in place, in a random half of the windows that are not skipped."""
    count = len(bones)
    on = ((torch.rand(count, generator=rng) < 0.5) & ~skip).float()
    axis = _unit(torch.randn(count, 3, generator=rng))
    swing = torch.randn(count, generator=rng) * math.radians(part.swing_deg)
    # A positive turn about the line to the left takes the vertical forward, so a hanging limb goes back.
    hanging = 1.0 if part.hinge is None else -1.0
    flexion = _angle(part.flexion_deg, count, rng) * hanging
    R = rotation_about(side, flexion * on) @ rotation_about(axis, swing * on)
    _rotate(bones, part.rigid, R)
    if part.hinge is not None:
        beyond, before, after = part.hinge
        _bend_hinge(bones, beyond, before, after, side, _angle(part.hinge_deg, count, rng) * on)


def _crouch(bones: Tensor, side: Tensor, on: Tensor, rng: Generator) -> None:
    """Lift both thighs forward and fold both knees by the same angles: squatting, sitting, kneeling."""
    count = len(bones)
    thigh = torch.rand(count, generator=rng) * math.radians(110) * on
    knee = thigh * (0.2 + 1.0 * torch.rand(count, generator=rng))
    _rotate(bones, _LEGS, rotation_about(side, -thigh))
    _rotate(bones, _SHANKS, rotation_about(side, knee))


def _bend_hinge(
    bones: Tensor, beyond: list[int], before: int, after: int, side: Tensor, angle: Tensor
) -> None:
    upper, lower = _unit(bones[:, -1, before]), _unit(bones[:, -1, after])
    # Nearly straight limbs have no plane of their own; the line through the hips helps out.
    axis = _unit(torch.linalg.cross(upper, lower) + 0.05 * side)
    _rotate(bones, beyond, rotation_about(axis, angle))


def _rotate(bones: Tensor, chosen: list[int], R: Tensor) -> None:
    bones[:, :, chosen] = torch.einsum("bij,btkj->btki", R, bones[:, :, chosen])


def _angle(mean_sd_deg: tuple[float, float], count: int, rng: Generator) -> Tensor:
    mean, sd = mean_sd_deg
    return torch.deg2rad(mean + sd * torch.randn(count, generator=rng))


def _lowest(bones: Tensor, ancestors: Tensor) -> Tensor:
    height: Tensor = torch.einsum("jk,bk->bj", ancestors, bones[:, -1, :, 2])
    return torch.amin(height, dim=1)


def _unit(vector: Tensor) -> Tensor:
    length: Tensor = vector.norm(dim=-1, keepdim=True)
    return vector / length.clamp(min=1e-6)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.sum(a * b, dim=-1)


def subtree(*joints: str) -> list[int]:
    """Indices of these joints and all that hangs on them."""
    chosen = set(SEALCAP26.indices(*joints))
    for joint, parent in enumerate(SEALCAP26.parents):
        if parent in chosen:
            chosen.add(joint)
    return sorted(chosen)


def _arm(side: str) -> Part:
    forearm = subtree(f"{side}_wrist")
    hinge = (forearm, SEALCAP26.index(f"{side}_elbow"), SEALCAP26.index(f"{side}_wrist"))
    return Part(subtree(f"{side}_elbow"), 35.0, (10.0, 35.0), hinge, (15.0, 35.0))


def _leg(side: str) -> Part:
    shank = subtree(f"{side}_ankle")
    hinge = (shank, SEALCAP26.index(f"{side}_knee"), SEALCAP26.index(f"{side}_ankle"))
    return Part(subtree(f"{side}_knee"), 10.0, (15.0, 20.0), hinge, (15.0, 20.0))


_LEFT_HIP, _RIGHT_HIP = SEALCAP26.indices("left_hip", "right_hip")
_SPINE, _CHEST, _NECK = SEALCAP26.indices("spine", "chest", "neck")
_LEFT_LEG, _RIGHT_LEG = (
    SEALCAP26.indices("left_knee", "left_ankle"),
    SEALCAP26.indices("right_knee", "right_ankle"),
)
_LEFT_ARM, _RIGHT_ARM = (
    SEALCAP26.indices("left_elbow", "left_wrist"),
    SEALCAP26.indices("right_elbow", "right_wrist"),
)
_LEGS = subtree("left_knee", "right_knee")
_LONG_LEG_BONES = SEALCAP26.indices("left_knee", "right_knee", "left_ankle", "right_ankle")
_UPPER = subtree("spine")
_SHANKS = subtree("left_ankle", "right_ankle")
_FEET = SEALCAP26.indices("left_heel", "right_heel", "left_toe", "right_toe")
_HEAD = subtree("head")
_FACE = [joint for joint in _HEAD if joint != SEALCAP26.index("head")]
_PARTS = (
    Part(_UPPER, 12.0, (10.0, 20.0), None, (0.0, 0.0)),
    Part(subtree("head"), 12.0, (0.0, 12.0), None, (0.0, 0.0)),
    _arm("left"),
    _arm("right"),
    _leg("left"),
    _leg("right"),
)
