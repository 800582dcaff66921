"""Binary glTF 2.0: skeletons and their motion, for GLB and VRMA.

glTF has the axes of our world (right-handed, Y up, facing +Z) and metres, quaternions are xyzw, and a node's
rotation is local to its parent: nothing is turned. Rest is the T-pose with identity rotations, so a bone's
node is only moved from its parent's. Keys are interpolated on the sphere. Source: glTF 2.0 specification.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from lifting.skeleton import BONES
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

Float64 = NDArray[np.float64]

MAX_BYTES = 2**32 - 1
"""The format counts its bytes in 32 bits."""
VERTICES, INDICES = 34962, 34963

_COMPONENTS = {"float32": 5126, "uint8": 5121, "uint16": 5123, "uint32": 5125}
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Gltf:
    """A file in the making: its JSON as plain values, and one buffer of numbers.

    Lists of `json` are made when something first goes into them, since the format wants none empty.
    """

    def __init__(self) -> None:
        self.json: dict[str, Any] = {"asset": {"version": "2.0", "generator": "Sealcap"}}
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Put an item at the end of the list `kind`; its index."""
        items: list[dict[str, Any]] = self.json.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def add_node(self, name: str, parent: int | None = None, **properties: Any) -> int:
        """A node below `parent`, or at the top of the scene; its index."""
        node = self.add("nodes", {"name": name, **properties})
        if parent is not None:
            self.json["nodes"][parent].setdefault("children", []).append(node)
            return node
        if "scenes" not in self.json:
            self.json["scene"] = self.add("scenes", {"nodes": []})
        self.json["scenes"][0]["nodes"].append(node)
        return node

    def add_numbers(self, values: NDArray[Any], *, bounds: bool = False, target: int | None = None) -> int:
        """(N,) or (N,K) of float32 or unsigned integers; index of their accessor.

        `bounds`: note least and greatest, which the format wants for times and positions. `target`: what a
        mesh has them for, `VERTICES` or `INDICES`.
        """
        data = np.ascontiguousarray(values)
        view = {"buffer": 0, "byteOffset": self._size, "byteLength": data.nbytes}
        if target is not None:
            view["target"] = target
        accessor = {
            "bufferView": self.add("bufferViews", view),
            "componentType": _COMPONENTS[str(data.dtype)],
            "count": len(data),
            "type": _KINDS[data.shape[1] if data.ndim > 1 else 1],
        }
        if bounds:
            # Through float32, exactly the numbers in the buffer.
            accessor |= {"min": np.ravel(data.min(0)).tolist(), "max": np.ravel(data.max(0)).tolist()}
        self._chunks.append(data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes())
        self._chunks.append(bytes(-data.nbytes % 4))
        self._size += data.nbytes + -data.nbytes % 4
        return self.add("accessors", accessor)

    def save(self, path: Path) -> None:
        """Write the GLB. Raises SinkError, ConfigError when it is too long for the format."""
        self.json["buffers"] = [{"byteLength": self._size}]
        text = json.dumps(self.json, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self._size
        if total > MAX_BYTES:
            raise ConfigError(
                f"A GLB file holds 4 GiB and this would be {total / 2**30:.1f}. Write parts with --start and "
                "--end, or take a lower --fps."
            )
        with whole_file(path) as temporary, temporary.open("wb") as file:
            file.write(struct.pack("<4sIII4s", b"glTF", 2, total, len(text), b"JSON") + text)
            file.write(struct.pack("<I4s", self._size, b"BIN\0"))
            file.writelines(self._chunks)


def standing(take: Take, points: Float64) -> Float64:
    """Points (...,3) of the rest pose, there relative to the pelvis, with the feet on the floor."""
    return np.asarray(points + np.array([0.0, take.rest_pelvis_height_m, 0.0]))


def add_skeleton(gltf: Gltf, take: Take, names: tuple[str, ...], parent: int | None = None) -> list[int]:
    """Nodes of all BONES in the T-pose, feet on the floor, called `names`; their indices."""
    heads = standing(take, take.rest_heads)
    nodes: list[int] = []
    for name, head, p in zip(names, heads, BONES.parents, strict=True):
        offset = head - heads[p] if p >= 0 else head
        nodes.append(gltf.add_node(name, nodes[p] if p >= 0 else parent, translation=offset.tolist()))
    return nodes


def motion_channels(
    gltf: Gltf, take: Take, nodes: list[int], start_s: float = 0.0
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Samplers and channels that move the skeleton `nodes`, the first frame at `start_s`.

    Only the hips are moved; all bones turn. Raises ConfigError when frames fall together.
    """
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    times = gltf.add_numbers(_times(take, start_s), bounds=True)

    def key(node: int, path: str, values: Float64) -> None:
        samplers.append({"input": times, "output": gltf.add_numbers(values.astype(np.float32))})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})

    key(nodes[0], "translation", take.joints_world[:, 0])
    for bone, node in enumerate(nodes):
        key(node, "rotation", take.bone_rotations[:, bone])
    return samplers, channels


def _times(take: Take, start_s: float) -> NDArray[np.float32]:
    """Seconds as the format has them; hours at a high rate are too fine for it."""
    times = (start_s + take.times_s).astype(np.float32)
    if (np.diff(times) <= 0).any():
        raise ConfigError(
            f"glTF tells times in 32 bits, too coarse for {take.fps:g} fps in a take of {times[-1]:.0f} s. "
            "Write parts with --start and --end, or take a lower --fps."
        )
    return times
