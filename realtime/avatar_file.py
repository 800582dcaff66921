"""The humanoid skeleton of a VRM avatar: where its bones are at rest.

A VRM is a binary glTF (.glb) whose JSON says which nodes are which bones of a human: `extensions.VRM` in
VRM 0.x, where avatars face -Z, `extensions.VRMC_vrm` in VRM 1.0, where they face +Z as ours do. Only the JSON
chunk is read, with limits; meshes and pictures are not. Sources: glTF 2.0, VRM 0.0 and 1.0 specifications.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from lifting.mistake import unread
from lifting.skeleton import BONES
from realtime.solve.quaternions import from_matrix, to_matrix, unit

Float64 = NDArray[np.float64]

MAX_JSON_BYTES = 64 << 20
"""Avatars with a thousand expressions have some 5 MiB of JSON."""
MAX_NODES = 20_000
MAX_DEPTH = 256
_REQUIRED = ("Hips", "LeftUpperLeg", "RightUpperLeg", "Spine", "Head")

_Vec3 = Annotated[list[float], msgspec.Meta(min_length=3, max_length=3)]
_Vec4 = Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)]
_Vec16 = Annotated[list[float], msgspec.Meta(min_length=16, max_length=16)]


class Node(msgspec.Struct):
    """A node as the file has it."""

    name: str = ""
    mesh: int | None = None
    skin: int | None = None
    translation: _Vec3 = msgspec.field(default_factory=lambda: [0.0, 0.0, 0.0])
    rotation: _Vec4 = msgspec.field(default_factory=lambda: [0.0, 0.0, 0.0, 1.0])
    scale: _Vec3 = msgspec.field(default_factory=lambda: [1.0, 1.0, 1.0])
    matrix: _Vec16 | None = None
    children: list[int] = msgspec.field(default_factory=list)


class _BoneOf0(msgspec.Struct):
    bone: str
    node: int


class _Humanoid0(msgspec.Struct):
    humanBones: list[_BoneOf0]


class _Vrm0(msgspec.Struct):
    humanoid: _Humanoid0


class _BoneOf1(msgspec.Struct):
    node: int


class _Humanoid1(msgspec.Struct):
    humanBones: dict[str, _BoneOf1]


class _Vrm1(msgspec.Struct):
    humanoid: _Humanoid1


class _Extensions(msgspec.Struct):
    VRM: _Vrm0 | None = None
    VRMC_vrm: _Vrm1 | None = None


class Gltf(msgspec.Struct):
    """What is read of a file's JSON."""

    nodes: Annotated[list[Node], msgspec.Meta(max_length=MAX_NODES)] = msgspec.field(default_factory=list)
    extensions: _Extensions = msgspec.field(default_factory=_Extensions)


@dataclass(frozen=True, eq=False)
class Bone:
    """One bone at rest. Our axes (right-handed, Y up, facing +Z, left = +X)."""

    offset: Float64
    """(3,) from its parent node, in the parent's axes and scale: what a receiver calls its local position."""
    local: Float64
    """(4,) xyzw rotation from its parent node."""
    world: Float64
    """(4,) xyzw rotation from the model's axes."""
    head: Float64
    """(3,) where it begins in the model's axes, metres; the floor is y = 0."""


@dataclass(frozen=True, eq=False)
class AvatarSkeleton:
    """The bones that an avatar has of those that we drive."""

    version: int
    """0 or 1, of VRM."""
    bones: Mapping[str, Bone]
    """By names of `BONES`, in that order."""
    hips_parent: Float64
    """(4,4) from the axes of the node that the hips hang on to the model's."""


def read_avatar(path: Path) -> AvatarSkeleton:
    """Read a VRM's skeleton. Raises ConfigError when the file cannot be read or is not one."""
    try:
        with path.open("rb") as file:
            data = _json_chunk(file)
        gltf = msgspec.json.decode(data, type=Gltf)
        return _skeleton(gltf)
    except OSError as error:
        raise ConfigError(f"{unread(path, error)}. Give an avatar, FILE.vrm.") from error
    except (msgspec.MsgspecError, ValueError, RecursionError, struct.error) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ConfigError(
            f"{path} is no VRM avatar: {reason}. Give a .vrm file (VRM 0.x or 1.0), "
            "or leave it out: --vmc-offsets rest."
        ) from error


def _json_chunk(file: BinaryIO) -> bytes:
    magic, version, _, size, kind = struct.unpack("<4sIII4s", file.read(20))
    if magic != b"glTF" or version != 2 or kind != b"JSON":
        raise ValueError("it does not begin as a binary glTF 2.0 file does")
    if size > MAX_JSON_BYTES:
        raise ValueError(f"its JSON of {size} bytes is over the limit of {MAX_JSON_BYTES}")
    data = file.read(size)
    if len(data) < size:
        raise ValueError("it ends early")
    return data


def _skeleton(gltf: Gltf) -> AvatarSkeleton:
    version, node_of = humanoid(gltf)
    missing = [bone for bone in _REQUIRED if bone not in node_of]
    if missing:
        raise ValueError(f"its humanoid lacks {', '.join(missing)}")
    turn = HALF_TURN if version == 0 else np.eye(4)
    locals_ = [turn @ node_matrix(node) @ turn for node in gltf.nodes]
    parents = parents_of(gltf.nodes)
    bones = {}
    for name in BONES.joints:
        if name in node_of:
            world = world_matrix(node_of[name], locals_, parents)
            local = locals_[node_of[name]]
            bones[name] = Bone(local[:3, 3], _rotation(local), _rotation(world), world[:3, 3])
    if not 0.05 < bones["LeftUpperLeg"].head[1] < 50.0:
        raise ValueError("its legs are not above the floor")
    hips_parent = parents[node_of["Hips"]]
    return AvatarSkeleton(
        version, bones, np.eye(4) if hips_parent < 0 else world_matrix(hips_parent, locals_, parents)
    )


HALF_TURN: Float64 = np.diag([-1.0, 1.0, -1.0, 1.0])
"""About the vertical: VRM 0.x avatars look the other way. It is its own inverse."""


def humanoid(gltf: Gltf) -> tuple[int, dict[str, int]]:
    """Version of VRM and node of each bone, by Unity's names (`leftUpperArm` → `LeftUpperArm`)."""
    ours = set(BONES.joints)
    if gltf.extensions.VRMC_vrm is not None:
        found = {name: bone.node for name, bone in gltf.extensions.VRMC_vrm.humanoid.humanBones.items()}
    elif gltf.extensions.VRM is not None:
        found = {bone.bone: bone.node for bone in gltf.extensions.VRM.humanoid.humanBones}
    else:
        raise ValueError("it names no humanoid bones (a plain .glb does not; export it as VRM)")
    nodes = {name[:1].upper() + name[1:]: node for name, node in found.items()}
    if any(not 0 <= node < len(gltf.nodes) for node in nodes.values()):
        raise ValueError("a bone is a node that does not exist")
    version = 0 if gltf.extensions.VRMC_vrm is None else 1
    return version, {name: node for name, node in nodes.items() if name in ours}


def parents_of(nodes: list[Node]) -> list[int]:
    """Index of each node's parent, -1 at the top. Raises ValueError where they form no tree."""
    parents = [-1] * len(nodes)
    for i, node in enumerate(nodes):
        for child in node.children:
            if not 0 <= child < len(nodes) or parents[child] >= 0 or child == i:
                raise ValueError("its nodes form no tree")
            parents[child] = i
    return parents


def node_matrix(node: Node) -> Float64:
    """(4,4) from the node's axes to its parent's."""
    if node.matrix is not None:
        out: Float64 = np.array(node.matrix).reshape(4, 4).T
    else:
        out = np.eye(4)
        out[:3, :3] = to_matrix(unit(np.array(node.rotation)))
        out[:3, :3] *= node.scale
        out[:3, 3] = node.translation
    if not np.isfinite(out).all() or np.abs(out).max() > 1e6:
        raise ValueError("a node has a number that is not finite, or absurdly large")
    return out


def world_matrix(node: int, locals_: list[Float64], parents: list[int]) -> Float64:
    """(4,4) from the node's axes to the model's."""
    out, depth = locals_[node], 0
    while (node := parents[node]) >= 0:
        out, depth = locals_[node] @ out, depth + 1
        if depth > MAX_DEPTH:
            raise ValueError("its nodes form no tree, or an absurdly deep one")
    return out


def _rotation(matrix: Float64) -> Float64:
    """(4,) the turn in a matrix with positive scale."""
    axes = matrix[:3, :3]
    scale = np.linalg.norm(axes, axis=0)
    if scale.min() < 1e-6 or np.linalg.det(axes) <= 0:
        raise ValueError("a bone is flat or mirrored")
    return from_matrix(axes / scale)
