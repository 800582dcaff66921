"""GLB: people as skeletons that move, each with a body on it, for Blender, Unreal, Godot and viewers.

Bones have Unity's names. Several people are several skeletons in one file and move in one animation, each
from the moment they came, so that every viewer plays them together. The body is the figure of the web page,
its parts fixed to the bones by a skin, to see something wherever the file is opened. Metres, seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import CARRIER
from realtime.solve.quaternions import to_matrix, unit
from realtime.takes.gltf import INDICES, VERTICES, Gltf, add_skeleton, motion_channels, standing
from realtime.takes.take import Take
from realtime.web.body import LINK_JOINTS, ball_mesh, bone_mesh, solids_of
from realtime.web.palette import linear

Float64 = NDArray[np.float64]
Indices = NDArray[np.intp]

_BALL_BONES = CARRIER.copy()
_BALL_BONES[SEALCAP26.index("head")] = BONES.index("Head")
"""(26,) the bone that carries each ball; the one at the head is the skull."""


def write_glb(takes: Sequence[Take], path: Path) -> None:
    """Write everybody into one file; gaps are interpolated motion. Raises SinkError, ConfigError."""
    gltf = Gltf()
    begin_ns = min(take.start_wall_ns for take in takes)
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    for take in takes:
        name = f"Person {take.person_id}"
        nodes = add_skeleton(gltf, take, BONES.joints, gltf.add_node(name))
        _dress(gltf, take, nodes, f"{name} body")
        more, moved = motion_channels(gltf, take, nodes, (take.start_wall_ns - begin_ns) * 1e-9)
        channels += [{**channel, "sampler": channel["sampler"] + len(samplers)} for channel in moved]
        samplers += more
    gltf.add("animations", {"name": takes[0].name, "samplers": samplers, "channels": channels})
    gltf.save(path)


def _dress(gltf: Gltf, take: Take, nodes: list[int], name: str) -> None:
    """A body for the skeleton `nodes`: mesh, skin, and the node that has both."""
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(nodes), 1, 1))
    inverse[:, 3, :3] = -standing(take, take.rest_heads)  # columns first
    skin: dict[str, Any] = {
        "joints": nodes,
        "skeleton": nodes[0],
        "inverseBindMatrices": gltf.add_numbers(inverse.reshape(-1, 16)),
    }
    mesh = gltf.add("meshes", {"name": name, "primitives": _primitives(gltf, take)})
    gltf.add_node(name, mesh=mesh, skin=gltf.add("skins", skin))


def _primitives(gltf: Gltf, take: Take) -> list[dict[str, Any]]:
    """The body in the T-pose, a piece for each colour."""
    vertices, faces, bone, colors = _body(take)
    weights = np.zeros((len(bone), 4), np.float32)
    weights[:, 0] = 1.0
    attributes: dict[str, NDArray[Any]] = {
        "POSITION": vertices.astype(np.float32),
        "NORMAL": _normals(vertices, faces).astype(np.float32),
        "JOINTS_0": np.stack([bone, *[np.zeros_like(bone)] * 3], axis=1).astype(np.uint8),
        "WEIGHTS_0": weights,
    }
    pieces: list[dict[str, Any]] = []
    for color in np.unique(colors, axis=0):
        mine = (colors == color).all(1)
        new = np.cumsum(mine) - 1
        piece = {
            key: gltf.add_numbers(value[mine], bounds=key == "POSITION", target=VERTICES)
            for key, value in attributes.items()
        }
        triangles = new[faces[mine[faces[:, 0]]]].ravel().astype(np.uint32)
        indices = gltf.add_numbers(triangles, target=INDICES)
        pieces.append({"attributes": piece, "indices": indices, "material": _material(gltf, color)})
    return pieces


def _material(gltf: Gltf, rgb: NDArray[np.uint8]) -> int:
    """Index of the material of this colour, made where it is not there."""
    surface = {
        "baseColorFactor": [*(linear(rgb) / 255.0).round(4).tolist(), 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": 0.6,
    }
    material = {"name": "#{:02x}{:02x}{:02x}".format(*rgb), "pbrMetallicRoughness": surface}
    known: list[dict[str, Any]] = gltf.json.get("materials", [])
    return known.index(material) if material in known else gltf.add("materials", material)


def _body(take: Take) -> tuple[Float64, Indices, Indices, NDArray[np.uint8]]:
    """Vertices (V,3), faces (F,3), bone (V,) that carries each vertex, colours (V,3)."""
    shape = solids_of(standing(take, take.rest_joints), np.ones(len(SEALCAP26), bool), take.height_m)
    ball, ball_faces = ball_mesh(8, 12)
    stick, stick_faces = bone_mesh(10)
    turn = to_matrix(np.roll(shape.bone_wxyz, -1, axis=1).astype(np.float64))
    balls = ball * shape.ball_radii[:, None, None] + shape.ball_positions[:, None]
    sticks = (stick * shape.bone_scales[:, None]) @ turn.transpose(0, 2, 1) + shape.bone_positions[:, None]
    first = len(ball) * len(balls)
    return (
        np.concatenate([balls.reshape(-1, 3), sticks.reshape(-1, 3)]).astype(np.float64),
        np.concatenate(
            [
                _repeated(ball_faces, len(balls), len(ball)),
                first + _repeated(stick_faces, len(sticks), len(stick)),
            ]
        ),
        np.concatenate([np.repeat(_BALL_BONES, len(ball)), np.repeat(CARRIER[LINK_JOINTS], len(stick))]),
        np.concatenate(
            [np.repeat(shape.ball_colors, len(ball), 0), np.repeat(shape.bone_colors, len(stick), 0)]
        ),
    )


def _repeated(faces: NDArray[np.uint32], count: int, vertices: int) -> Indices:
    """Faces (F,3) of `count` equal meshes one after another."""
    return (faces.astype(np.intp) + vertices * np.arange(count)[:, None, None]).reshape(-1, 3)


def _normals(vertices: Float64, faces: Indices) -> Float64:
    """(V,3) unit: the mean of the faces around each vertex, larger faces more."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], across)
    return unit(out)
