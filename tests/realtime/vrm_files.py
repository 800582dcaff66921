"""Small VRM files without meshes, made for tests: a skeleton of any proportions and rest rotations."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from tests.realtime.sinks.evmc4u import PARENT, product, turn

# Where the bones of the test avatar begin: a doll of 1.1 m with a large head, left = +X, facing +Z.
HEADS: dict[str, np.ndarray] = {
    "Hips": np.array([0.0, 0.50, 0.0]), "Spine": np.array([0.0, 0.56, -0.01]),
    "Chest": np.array([0.0, 0.64, -0.01]), "Neck": np.array([0.0, 0.76, 0.0]),
    "Head": np.array([0.0, 0.80, 0.01]),
}  # fmt: skip
for _side, _x in (("Left", 1.0), ("Right", -1.0)):
    HEADS |= {
        f"{_side}{bone}": np.array([_x * x, y, z])
        for bone, x, y, z in (
            ("Shoulder", 0.02, 0.74, 0.0), ("UpperArm", 0.08, 0.74, 0.0), ("LowerArm", 0.22, 0.74, 0.0),
            ("Hand", 0.35, 0.74, 0.0), ("UpperLeg", 0.06, 0.46, 0.0), ("LowerLeg", 0.06, 0.26, 0.01),
            ("Foot", 0.06, 0.06, 0.0), ("Toes", 0.06, 0.02, 0.07),
        )
    }  # fmt: skip


def present_parent(bone: str, heads: dict[str, np.ndarray]) -> str | None:
    """The nearest bone above that the avatar has."""
    above = PARENT[bone]
    return above if above is None or above in heads else present_parent(above, heads)


def conjugate(q: np.ndarray) -> np.ndarray:
    """The inverse of a unit quaternion."""
    return q * (-1, -1, -1, 1)


def write_vrm(
    path: Path,
    version: int,
    heads: dict[str, np.ndarray] | None = None,
    rotations: dict[str, np.ndarray] | None = None,
    armature: tuple[np.ndarray, np.ndarray, float] = (np.zeros(3), np.array([0.0, 0, 0, 1]), 1.0),
) -> dict[str, dict[str, object]]:
    """A VRM 0 or 1 whose bones begin at `heads` and have the world rotations `rotations` at rest.

    They hang on a node with translation, rotation and scale `armature`. Returns name → node as written.
    """
    heads = HEADS if heads is None else heads
    names = list(heads)
    half = np.array([-1.0, 1, -1]) if version == 0 else np.ones(3)
    spin = np.array([-1.0, 1, -1, 1]) if version == 0 else np.ones(4)
    unit = np.array([0.0, 0, 0, 1])
    turned = {name: (rotations or {}).get(name, unit) for name in names}
    nodes: dict[str, dict[str, object]] = {}
    for name in names:
        above = present_parent(name, heads)
        if above is None:
            origin, frame, scale = armature
        else:
            origin, frame, scale = heads[above], turned[above], armature[2]
        offset = turn(conjugate(frame), heads[name] - origin) / scale
        local = product(conjugate(frame), turned[name])
        nodes[name] = {"name": name, "translation": list(offset * half), "rotation": list(local * spin)}
    order = ["Armature", *names]
    nodes["Armature"] = {
        "name": "Armature",
        "translation": list(armature[0] * half),
        "rotation": list(armature[1] * spin),
        "scale": [armature[2]] * 3,
    }
    for name in names:
        above = present_parent(name, heads) or "Armature"
        nodes[above].setdefault("children", []).append(order.index(name))  # type: ignore[attr-defined]
    small = {name: name[0].lower() + name[1:] for name in names}
    if version == 0:
        bones: object = [{"bone": small[n], "node": order.index(n)} for n in names]
        extensions: dict[str, object] = {"VRM": {"humanoid": {"humanBones": bones}}}
    else:
        bones = {small[n]: {"node": order.index(n)} for n in names}
        extensions = {"VRMC_vrm": {"specVersion": "1.0", "humanoid": {"humanBones": bones}}}
    write_glb(
        path, {"asset": {"version": "2.0"}, "nodes": [nodes[n] for n in order], "extensions": extensions}
    )
    return nodes


def write_glb(path: Path, gltf: object) -> None:
    """Binary glTF with a JSON chunk, and a chunk after it that is not to be read."""
    data = json.dumps(gltf).encode()
    data += b" " * (-len(data) % 4)
    junk = struct.pack("<I4s", 8, b"BIN\0") + b"\xff" * 8
    head = struct.pack("<4sII", b"glTF", 2, 20 + len(data) + len(junk))
    path.write_bytes(head + struct.pack("<I4s", len(data), b"JSON") + data + junk)
