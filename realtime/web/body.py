"""A body as solids: which joints are balls, which links are bones, how thick they are.

The tables turn SEALCAP26 joints into positions, turns and sizes of unit meshes, for the page and the
rendered figure alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26
from realtime.data import BodyPose, Float32
from realtime.web.palette import joint_colors, muted

STATURE_M = 1.75
"""Body height the radii below are meant for."""
RADII_M = {
    "pelvis": 0.046, "spine": 0.036, "chest": 0.040, "neck": 0.030, "head": 0.0, "nose": 0.016,
    "eye": 0.014, "ear": 0.018, "shoulder": 0.046, "elbow": 0.036, "wrist": 0.032, "hip": 0.048,
    "knee": 0.044, "ankle": 0.034, "heel": 0.022, "toe": 0.024,
}  # fmt: skip
HEAD_RADIUS_M = 0.098
INFERRED_SIZE = 0.72
"""Joints that were not seen are drawn this much smaller."""

FACE = SEALCAP26.indices("nose", "left_eye", "right_eye", "left_ear", "right_ear")
BONE_EDGES = tuple((a, b) for a, b in SEALCAP26.edges if b not in FACE and b != SEALCAP26.index("head"))
"""(parent, child) of the links drawn as bones; the head is a ball of its own."""

_EARS = SEALCAP26.indices("left_ear", "right_ear")
_RADII = np.array([RADII_M[name.removeprefix("left_").removeprefix("right_")] for name in SEALCAP26.joints])
_COLORS = joint_colors(SEALCAP26)
_PARENT, _CHILD = (np.array(column) for column in zip(*BONE_EDGES, strict=True))
_HEAD, _NECK = SEALCAP26.indices("head", "neck")
LINK_JOINTS = np.append(_CHILD, _HEAD)
"""(B,) the joint at the far end of each bone of `Solids`."""


@dataclass(frozen=True, eq=False)
class Solids:
    """What to draw for one person. The balls are the joints in order, with `head` at the skull's centre."""

    ball_positions: Float32
    """(26,3) metres, world axes."""
    ball_radii: Float32
    """(26,) metres; the head's is the skull's."""
    ball_colors: NDArray[np.uint8]
    """(26,3) RGB."""
    bone_positions: Float32
    """(B,3) start of each bone."""
    bone_wxyz: Float32
    """(B,4) turn of the unit bone, which points along +Y."""
    bone_scales: Float32
    """(B,3) radius, length, radius, metres."""
    bone_colors: NDArray[np.uint8]
    """(B,3) RGB."""


def solids(pose: BodyPose) -> Solids | None:
    """Balls and bones of `pose`; None when its joints are not all finite."""
    if not np.isfinite(pose.joints_world).all():
        return None
    return solids_of(pose.joints_world, pose.observed, pose.height_m)


def solids_of(joints: NDArray[np.floating], observed: NDArray[np.bool_], height_m: float) -> Solids:
    """Balls and bones of finite joints (26,3), metres; those not `observed` (26,) smaller and greyer."""
    size = float(np.clip(height_m if np.isfinite(height_m) else STATURE_M, 0.5, 2.5)) / STATURE_M
    colors = muted(_COLORS, observed)
    radii = _RADII * size * np.where(observed, 1.0, INFERRED_SIZE)
    positions = joints.copy()
    positions[_HEAD], radii[_HEAD] = joints[_EARS].mean(0), HEAD_RADIUS_M * size
    ends = positions.copy()
    # The neck's bone would otherwise end below a skull that tilts.
    start, end = ends[np.append(_PARENT, _NECK)], ends[LINK_JOINTS]
    wxyz, length = _along(end - start)
    thickness = np.append(np.minimum(_RADII[_PARENT], _RADII[_CHILD]), _RADII[_NECK]) * size * 0.62
    return Solids(
        positions.astype(np.float32),
        radii.astype(np.float32),
        colors,
        start.astype(np.float32),
        wxyz.astype(np.float32),
        np.stack([thickness, length, thickness], 1).astype(np.float32),
        colors[LINK_JOINTS],
    )


def _along(vectors: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turns (N,4) wxyz that take +Y to the directions of `vectors` (N,3), and their lengths (N,)."""
    length = np.maximum(np.linalg.norm(vectors, axis=1), 1e-6)
    x, y, z = (vectors / length[:, None]).T
    wxyz = np.stack([1 + y, z, np.zeros_like(x), -x], 1)
    wxyz[1 + y < 1e-6] = (0, 1, 0, 0)
    return wxyz / np.linalg.norm(wxyz, axis=1, keepdims=True), length


def ball_mesh(rings: int = 10, sectors: int = 16) -> tuple[Float32, NDArray[np.uint32]]:
    """Vertices (V,3) and faces (F,3) of a unit ball."""
    polar = np.linspace(0, np.pi, rings + 1)
    return _lathe(np.cos(polar[::-1]), np.sin(polar[::-1]), sectors)


def bone_mesh(sectors: int = 12) -> tuple[Float32, NDArray[np.uint32]]:
    """Vertices and faces of a unit bone along +Y: widest a quarter up, slim at the far end."""
    heights = np.array([0.0, 0.0, 0.08, 0.28, 0.65, 1.0, 1.0])
    radii = np.array([0.0, 0.72, 0.9, 1.0, 0.84, 0.66, 0.0])
    return _lathe(heights, radii, sectors)


def _lathe(
    heights: NDArray[np.float64], radii: NDArray[np.float64], sectors: int
) -> tuple[Float32, NDArray[np.uint32]]:
    turn = np.linspace(0, 2 * np.pi, sectors, endpoint=False)
    circle = np.stack([np.sin(turn), np.zeros(sectors), np.cos(turn)], 1)
    vertices = radii[:, None, None] * circle + heights[:, None, None] * np.array([0.0, 1.0, 0.0])
    ring, sector = np.meshgrid(np.arange(len(heights) - 1), np.arange(sectors), indexing="ij")
    a, b = (ring * sectors + sector).ravel(), (ring * sectors + (sector + 1) % sectors).ravel()
    c, d = a + sectors, b + sectors
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    return vertices.reshape(-1, 3).astype(np.float32), faces.astype(np.uint32)
