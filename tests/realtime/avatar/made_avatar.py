"""A small avatar, made from nothing: a robot with its own proportions, face and colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, mirror_name
from realtime.solve.quaternions import conjugate, multiply, to_matrix, unit
from realtime.takes.bvh import bone_name
from realtime.takes.gltf import INDICES, VERTICES, Gltf
from realtime.web.body import ball_mesh, bone_mesh

Float64 = NDArray[np.float64]
Kind = Literal["vrm1", "vrm0", "mixamo"]

_OFFSETS = {
    "Hips": (0.0, 0.62, 0.0), "Spine": (0.0, 0.08, 0.0), "Chest": (0.0, 0.12, 0.0), "Neck": (0.0, 0.16, 0.0),
    "Head": (0.0, 0.05, 0.0), "LeftShoulder": (0.03, 0.12, 0.0), "LeftUpperArm": (0.09, 0.0, 0.0),
    "LeftLowerArm": (0.19, 0.0, 0.0), "LeftHand": (0.17, 0.0, 0.0), "LeftUpperLeg": (0.09, -0.03, 0.0),
    "LeftLowerLeg": (0.0, -0.27, 0.0), "LeftFoot": (0.0, -0.26, 0.0), "LeftToes": (0.0, -0.04, 0.10),
}  # fmt: skip
"""From the parent bone in the T-pose, metres: short legs, long arms."""
_ENDS = {"LeftHand": (0.10, 0.0, 0.0), "LeftToes": (0.0, 0.0, 0.06)}
_THICKNESS_M = {
    "Hips": 0.10, "Spine": 0.09, "Chest": 0.12, "Neck": 0.04, "Shoulder": 0.05, "UpperArm": 0.045,
    "LowerArm": 0.04, "Hand": 0.045, "UpperLeg": 0.065, "LowerLeg": 0.055, "Foot": 0.045, "Toes": 0.04,
}  # fmt: skip
_COLORS = {"": (0.75, 0.78, 0.85), "Left": (0.10, 0.42, 0.80), "Right": (0.85, 0.32, 0.08)}
_VRM_NAMES = [bone[0].lower() + bone[1:] for bone in BONES.joints]
_BLACK = (0.02, 0.02, 0.03)


def rest_offsets() -> Float64:
    """(21,3) of BONES from the parent, in world axes."""
    return np.array([_for_side(_OFFSETS, bone) for bone in BONES.joints])


def rest_heads() -> Float64:
    """(21,3) where each bone begins in the T-pose."""
    heads = rest_offsets()
    for bone, parent in enumerate(BONES.parents):
        if parent >= 0:
            heads[bone] += heads[parent]
    return heads


def write_avatar(path: Path, kind: Kind = "vrm1", *, turned: bool = True, unit_m: float = 1.0) -> None:
    """Write the robot as a skinned GLB: as VRM 1.0; as VRM 0.x, which looks the other way; or without an
    extension, with Mixamo's names.

    `turned`: the axes of its bones lie any way in the T-pose, as in files from Blender; else they are the
    world's. `unit_m`: what its numbers count in, with a node at the top that says so.
    """
    gltf, heads, axes = Gltf(), rest_heads() / unit_m, _axes(turned)
    about = [0.0, 1.0, 0.0, 0.0] if kind == "vrm0" else [0.0, 0.0, 0.0, 1.0]
    top = gltf.add_node("Root", rotation=about, scale=[unit_m] * 3)
    nodes: list[int] = []
    for bone, (name, parent) in enumerate(zip(BONES.joints, BONES.parents, strict=True)):
        offset, turn = heads[bone], axes[bone]
        if parent >= 0:
            offset = to_matrix(conjugate(axes[parent])) @ (heads[bone] - heads[parent])
            turn = multiply(conjugate(axes[parent]), axes[bone])
        label = bone_name(name, "mixamo") if kind == "mixamo" else f"J_{name}"
        here = {"translation": offset.tolist(), "rotation": turn.tolist()}
        nodes.append(gltf.add_node(label, nodes[parent] if parent >= 0 else top, **here))
    inverse = np.tile(np.eye(4), (len(nodes), 1, 1))
    R = to_matrix(conjugate(axes))
    inverse[:, :3, :3], inverse[:, :3, 3] = R, -np.einsum("bij,bj->bi", R, heads)
    columns = inverse.transpose(0, 2, 1).reshape(-1, 16).astype(np.float32)
    skin = gltf.add("skins", {"joints": nodes, "inverseBindMatrices": gltf.add_numbers(columns)})
    mesh = gltf.add("meshes", {"name": "robot", "primitives": _robot(gltf, heads, 1 / unit_m)})
    gltf.add_node("robot", mesh=mesh, skin=skin)
    if kind != "mixamo":
        gltf.json["extensions"] = _vrm_1(nodes) if kind == "vrm1" else _vrm_0(nodes)
        gltf.json["extensionsUsed"] = list(gltf.json["extensions"])
    gltf.save(path)


def _vrm_1(nodes: list[int]) -> dict[str, Any]:
    bones = {name: {"node": node} for name, node in zip(_VRM_NAMES, nodes, strict=True)}
    meta = {
        "name": "robot", "version": "1", "authors": ["Sealcap's tests"],
        "licenseUrl": "https://vrm.dev/licenses/1.0/",
    }  # fmt: skip
    return {"VRMC_vrm": {"specVersion": "1.0", "meta": meta, "humanoid": {"humanBones": bones}}}


def _vrm_0(nodes: list[int]) -> dict[str, Any]:
    bones = [{"bone": name, "node": node} for name, node in zip(_VRM_NAMES, nodes, strict=True)]
    return {"VRM": {"specVersion": "0.0", "humanoid": {"humanBones": bones}}}


def _axes(turned: bool) -> Float64:
    """(21,4) from each bone's axes to the world in the T-pose."""
    q = np.random.default_rng(9).normal(size=(len(BONES), 4))
    return unit(q) if turned else np.tile([0.0, 0.0, 0.0, 1.0], (len(BONES), 1))


def _for_side(table: dict[str, Any], bone: str) -> Float64:
    if bone in table:
        return np.array(table[bone])
    return np.array(table[mirror_name(bone)]) * (-1, 1, 1)


def _robot(gltf: Gltf, heads: Float64, metre: float) -> list[dict[str, Any]]:
    """A stick and a ball for each bone, and a head with a face."""
    pieces = []
    for bone, name in enumerate(BONES.joints):
        side = next((s for s in ("Left", "Right") if name.startswith(s)), "")
        if name == "Head":
            pieces += _face(gltf, heads[bone], bone, metre)
            continue
        children = [child for child, parent in enumerate(BONES.parents) if parent == bone]
        end = heads[children[0]] if children else heads[bone] + _for_side(_ENDS, name) * metre
        radius = _THICKNESS_M[name.removeprefix(side)] * metre
        for solid in (_stick(heads[bone], end, radius), _ball(heads[bone], radius, radius, radius)):
            pieces.append(_piece(gltf, solid, bone, _COLORS[side]))
    return pieces


def _face(gltf: Gltf, head: Float64, bone: int, metre: float) -> list[dict[str, Any]]:
    solids = [
        ((0.0, 0.14, 0.0), (0.17, 0.15, 0.15), _COLORS[""]),
        ((0.06, 0.16, 0.128), (0.028, 0.04, 0.03), _BLACK),
        ((-0.06, 0.16, 0.128), (0.028, 0.04, 0.03), _BLACK),
        ((0.0, 0.31, 0.0), (0.03, 0.03, 0.03), _COLORS["Right"]),
    ]
    return [
        _piece(gltf, _ball(head + metre * np.array(at), *(metre * np.array(radii))), bone, color)
        for at, radii, color in solids
    ]


def _ball(middle: Float64, *radii: float) -> tuple[Float64, NDArray[np.uint32]]:
    vertices, faces = ball_mesh(10, 16)
    return vertices * np.array(radii) + middle, faces


def _stick(start: Float64, end: Float64, radius: float) -> tuple[Float64, NDArray[np.uint32]]:
    vertices, faces = bone_mesh(14)
    y = (end - start) / np.linalg.norm(end - start)
    x = np.cross(y, [0.3, 0.4, 1.0])
    x /= np.linalg.norm(x)
    R = np.stack([x, y, np.cross(x, y)], axis=1)
    return (vertices * (radius, np.linalg.norm(end - start), radius)) @ R.T + start, faces


def _piece(
    gltf: Gltf, solid: tuple[Float64, NDArray[np.uint32]], bone: int, color: tuple[float, float, float]
) -> dict[str, Any]:
    vertices, faces = solid
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], np.cross(b - a, c - a))
    joints = np.zeros((len(vertices), 4), np.uint8)
    joints[:, 0] = bone
    weights = np.zeros((len(vertices), 4), np.float32)
    weights[:, 0] = 1.0
    attributes = {
        "POSITION": gltf.add_numbers(vertices.astype(np.float32), bounds=True, target=VERTICES),
        "NORMAL": gltf.add_numbers(unit(normals).astype(np.float32), target=VERTICES),
        "JOINTS_0": gltf.add_numbers(joints, target=VERTICES),
        "WEIGHTS_0": gltf.add_numbers(weights, target=VERTICES),
    }
    indices = gltf.add_numbers(faces.ravel(), target=INDICES)
    surface = {"baseColorFactor": [*color, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.5}
    material = gltf.add("materials", {"pbrMetallicRoughness": surface})
    return {"attributes": attributes, "indices": indices, "material": material}
