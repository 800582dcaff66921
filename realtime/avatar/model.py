"""A character as the page draws it: vertices in its rest pose that hang on our bones.

Whatever skeleton a file has, its joints follow the nearest human bone above them (fingers the hand, hair the
head), and every vertex hangs on bones by the weights of its joints. So a pose is a turn and a place for each
bone, relative to rest, in the axes of the world; the axes in which the file keeps its bones do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from lifting.mistake import unread
from lifting.skeleton import BONES
from realtime.avatar.colors import Colors, few
from realtime.avatar.content import MAX_FACES, MAX_VERTICES, Content, Primitive, at
from realtime.avatar.names import bones_by_name
from realtime.avatar_file import HALF_TURN, humanoid, node_matrix, parents_of, world_matrix

Float64 = NDArray[np.float64]
Indices = NDArray[np.intp]

REQUIRED = (
    "Hips", "Head", "LeftUpperArm", "LeftLowerArm", "RightUpperArm", "RightLowerArm", "LeftUpperLeg",
    "LeftLowerLeg", "RightUpperLeg", "RightLowerLeg",
)  # fmt: skip
HIPS_M = (0.25, 1.6)
"""Characters whose hips stand at other heights are of another unit and are scaled."""
USUAL_HIPS_M = 0.9


@dataclass(frozen=True, eq=False)
class AvatarModel:
    """A character at rest, facing +Z on y = 0. World axes, metres."""

    bones: tuple[str, ...]
    """(B) of `BONES` that it has, in their order; the hips are first."""
    heads: Float64
    """(B,3) where they begin."""
    vertices: Float64
    """(V,3)"""
    weights: Float64
    """(V,B) how much each bone moves a vertex; rows add up to 1."""
    faces: Indices
    """(F,3)"""
    palette: NDArray[np.uint8]
    """(C,3) sRGB."""
    face_color: Indices
    """(F,) which colour of the palette."""


def read_model(path: Path) -> AvatarModel:
    """Read a VRM 0.x, VRM 1.0, or a GLB whose bones have usual names.

    Raises ConfigError when it cannot be read, is damaged, or is no human.
    """
    try:
        return _model(Content(path))
    except OSError as error:
        raise ConfigError(f"{unread(path, error)}. Give an avatar, FILE.vrm or FILE.glb.") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ConfigError(
            f"{path} cannot be an avatar: {reason}. Give a .vrm file, or a .glb of a human whose bones are "
            "called as Mixamo's or Unity's."
        ) from error


def _model(content: Content) -> AvatarModel:
    nodes = content.json.nodes
    node_of, turn = _bones(content)
    locals_, parents = [node_matrix(node) for node in nodes], parents_of(nodes)
    worlds = np.array([world_matrix(i, locals_, parents) for i in range(len(nodes))])
    carrier = _carriers(node_of, parents)
    pieces = _Pieces(content, worlds, carrier)
    for i, node in enumerate(nodes):
        if node.mesh is not None:
            pieces.add(i, node.mesh, node.skin)
    heads = np.array([(turn @ worlds[node])[:3, 3] for node in node_of.values()])
    return pieces.joined(tuple(node_of), heads, turn[:3, :3])


def _bones(content: Content) -> tuple[dict[str, int], Float64]:
    """Nodes of the bones in the order of `BONES`, and the turn after which the character faces +Z."""
    extensions, turn = content.json.extensions, np.eye(4)
    if extensions.VRM is None and extensions.VRMC_vrm is None:
        found = bones_by_name([node.name for node in content.json.nodes])
    else:
        version, found = humanoid(content.json)
        turn = HALF_TURN if version == 0 else turn
    missing = [bone for bone in REQUIRED if bone not in found]
    if missing:
        raise ValueError(f"it has no bones that are known as {', '.join(missing)}")
    return {bone: found[bone] for bone in BONES.joints if bone in found}, turn


def _carriers(node_of: dict[str, int], parents: list[int]) -> Indices:
    """(nodes,) number of the bone that each node follows: its own, or the nearest above, or the hips."""
    bone_at = {node: number for number, node in enumerate(node_of.values())}
    out = np.zeros(len(parents), np.intp)
    for node in range(len(parents)):
        above = node
        while above >= 0 and above not in bone_at:
            above = parents[above]
        out[node] = bone_at.get(above, 0)
    return out


class _Pieces:
    """Collects the meshes of a file."""

    def __init__(self, content: Content, worlds: Float64, carrier: Indices) -> None:
        self._content, self._worlds, self._carrier = content, worlds, carrier
        self._colors = Colors(content)
        self._bones = int(carrier.max()) + 1
        self._vertices: list[Float64] = []
        self._weights: list[Float64] = []
        self._faces: list[Indices] = []
        self._rgb: list[Float64] = []
        self._count = [0, 0]

    def add(self, node: int, mesh: int, skin: int | None) -> None:
        """The mesh of a node."""
        for primitive in at(self._content.json.meshes, mesh, "mesh").primitives:
            if primitive.mode != 4 or "POSITION" not in primitive.attributes:
                continue  # points and lines
            points = self._content.floats(primitive.attributes["POSITION"], 3)
            faces = self._triangles(primitive, len(points))
            rgb, seen = self._colors.of(primitive, faces)
            if skin is None or "JOINTS_0" not in primitive.attributes:
                placed, weights = self._rigid(points, node)
            else:
                placed, weights = self._skinned(points, primitive, skin)
            self._faces.append(faces[seen] + self._count[0])
            self._rgb.append(rgb[seen])
            self._vertices.append(placed)
            self._weights.append(weights)
            self._count = [self._count[0] + len(points), self._count[1] + len(faces)]
            if self._count[0] > MAX_VERTICES or self._count[1] > MAX_FACES:
                raise ValueError(f"it has more than {MAX_VERTICES} vertices or {MAX_FACES} triangles")

    def joined(self, bones: tuple[str, ...], heads: Float64, turn: Float64) -> AvatarModel:
        """All of it, turned, in metres, on the floor."""
        if not self._vertices or not sum(map(len, self._faces)):
            raise ValueError("it has no mesh that can be seen")
        vertices = np.concatenate(self._vertices) @ turn.T
        floor = np.array([0.0, vertices[:, 1].min(), 0.0])
        hips = float(heads[0, 1] - floor[1])
        if not 1e-3 < hips < 1e5 or not np.isfinite(vertices).all():
            raise ValueError("its hips are not above its feet")
        scale = 1.0 if HIPS_M[0] <= hips <= HIPS_M[1] else USUAL_HIPS_M / hips
        palette, which = few(np.concatenate(self._rgb))
        return AvatarModel(
            bones, (heads - floor) * scale, (vertices - floor) * scale, np.concatenate(self._weights),
            np.concatenate(self._faces), palette, which,
        )  # fmt: skip

    def _triangles(self, primitive: Primitive, vertices: int) -> Indices:
        if primitive.indices is None:
            flat = np.arange(vertices)
        else:
            flat = self._content.numbers(primitive.indices, 1)[:, 0].astype(np.intp)
        if len(flat) % 3 or flat.max() >= vertices or flat.min() < 0:
            raise ValueError("its triangles name vertices that do not exist")
        return flat.astype(np.intp).reshape(-1, 3)

    def _rigid(self, points: Float64, node: int) -> tuple[Float64, Float64]:
        weights = np.zeros((len(points), self._bones))
        weights[:, self._carrier[node]] = 1.0
        return _moved(self._worlds[node], points), weights

    def _skinned(self, points: Float64, primitive: Primitive, skin: int) -> tuple[Float64, Float64]:
        """Vertices where the skin puts them at rest, and their weights by bone."""
        rig = at(self._content.json.skins, skin, "skin")
        if any(joint >= len(self._worlds) for joint in rig.joints) or not rig.joints:
            raise ValueError("its skin names nodes that do not exist")
        matrices = self._worlds[rig.joints]
        if rig.inverseBindMatrices is not None:
            inverse = self._content.floats(rig.inverseBindMatrices, 16).reshape(-1, 4, 4).transpose(0, 2, 1)
            matrices = matrices @ inverse[: len(rig.joints)]
        joints = self._content.numbers(primitive.attributes["JOINTS_0"], 4).astype(np.intp)
        shares = self._content.floats(primitive.attributes.get("WEIGHTS_0", -1), 4)
        if not len(joints) == len(shares) == len(points) or joints.max() >= len(matrices) or joints.min() < 0:
            raise ValueError("its vertices name joints that do not exist")
        shares = np.maximum(shares, 0.0)
        total = shares.sum(1, keepdims=True)
        shares = np.where(total > 0, shares / np.maximum(total, 1e-12), [1.0, 0.0, 0.0, 0.0])
        placed, weights = np.zeros_like(points), np.zeros((len(points), self._bones))
        rows, carrier = np.arange(len(points)), self._carrier[rig.joints]
        for k in range(4):
            matrix = matrices[joints[:, k]]
            moved = np.einsum("vij,vj->vi", matrix[:, :3, :3], points) + matrix[:, :3, 3]
            placed += shares[:, k, None] * moved
            np.add.at(weights, (rows, carrier[joints[:, k]]), shares[:, k])
        return placed, weights


def _moved(matrix: Float64, points: Float64) -> Float64:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])
