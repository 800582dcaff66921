"""What a GLB file says, read by pygltflib and put together by forward kinematics of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.takes.take import Take
from tests.realtime.takes.test_bvh import JOINT_AT

Float64 = NDArray[np.float64]

_DTYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class GltfReader:
    """One file; its nodes move with `matrices`."""

    def __init__(self, path: Path) -> None:
        self.gltf: Any = pygltflib.GLTF2().load_binary(str(path))
        self._blob: bytes = self.gltf.binary_blob()

    def numbers(self, accessor: int) -> NDArray[Any]:
        """(N,K) of an accessor."""
        a = self.gltf.accessors[accessor]
        view = self.gltf.bufferViews[a.bufferView]
        width, dtype = _WIDTHS[a.type], np.dtype(_DTYPES[a.componentType])
        start = (view.byteOffset or 0) + (a.byteOffset or 0)
        data = np.frombuffer(self._blob, dtype, a.count * width, start)
        return data.reshape(a.count, width)

    def node(self, name: str) -> int:
        """Index of the only node of this name."""
        (found,) = [i for i, node in enumerate(self.gltf.nodes) if node.name == name]
        return int(found)

    def times(self) -> Float64:
        """(N,) seconds of the first channel's keys."""
        (animation,) = self.gltf.animations
        return self.numbers(animation.samplers[animation.channels[0].sampler].input)[:, 0].astype(float)

    def matrices(self, time_s: float) -> Float64:
        """(nodes,4,4) from each node to the world at a key's time, or at rest for NaN."""
        local = [self._local(node) for node in self.gltf.nodes]
        if not np.isnan(time_s):
            (animation,) = self.gltf.animations
            for channel in animation.channels:
                self._move(local[channel.target.node], channel, animation, time_s)
        world = np.tile(np.eye(4), (len(local), 1, 1))
        for root in self.gltf.scenes[self.gltf.scene].nodes:
            self._place(root, np.eye(4), local, world)
        return world

    def _local(self, node: Any) -> dict[str, Float64]:
        assert node.matrix is None
        return {
            "translation": np.array(node.translation or [0.0, 0.0, 0.0]),
            "rotation": np.array(node.rotation or [0.0, 0.0, 0.0, 1.0]),
            "scale": np.array(node.scale or [1.0, 1.0, 1.0]),
        }

    def _move(self, local: dict[str, Float64], channel: Any, animation: Any, time_s: float) -> None:
        sampler = animation.samplers[channel.sampler]
        assert sampler.interpolation in (None, "LINEAR")
        times = self.numbers(sampler.input)[:, 0]
        key = int(np.argmin(np.abs(times - time_s)))
        local[channel.target.path] = self.numbers(sampler.output)[key].astype(float)

    def _place(self, node: int, parent: Float64, local: list[dict[str, Float64]], world: Float64) -> None:
        here = np.eye(4)
        here[:3, :3] = to_matrix(local[node]["rotation"]) * local[node]["scale"]
        here[:3, 3] = local[node]["translation"]
        world[node] = parent @ here
        for child in self.gltf.nodes[node].children or []:
            self._place(child, world[node], local, world)


def assert_same_motion(take: Take, reader: GltfReader, nodes: dict[str, int], start_s: float = 0.0) -> None:
    """In every frame every joint within a millimetre, every bone within a tenth of a degree."""
    turns = to_matrix(world_rotations(take.bone_rotations))
    for frame, time_s in enumerate(take.times_s + start_s):
        world = reader.matrices(time_s)
        for bone, joint in JOINT_AT.items():
            error = world[nodes[bone], :3, 3] - take.joints_world[frame, SEALCAP26.index(joint)]
            assert np.linalg.norm(error) < 1e-3, (frame, bone)
        for row, bone in enumerate(BONES.joints):
            off = world[nodes[bone], :3, :3].T @ turns[frame, row]
            assert np.linalg.norm(off - off.T) < 2 * np.sqrt(2) * np.sin(np.radians(0.1)), (frame, bone)
            assert np.trace(off) > 2, (frame, bone)
