"""VRMA: motion for any VRM avatar, VRM Animation 1.0.

A glTF without meshes whose nodes are the humanoid in the T-pose, and an extension that says which is which
bone. Only the hips are moved, nothing is scaled; players scale the way of the hips by the height of the
avatar's. Bones are called as in VRM 1.0. One person a file: players take one animation. Source:
VRMC_vrm_animation 1.0, vrm-specification.
"""

from __future__ import annotations

from pathlib import Path

from lifting.skeleton import BONES
from realtime.takes.gltf import Gltf, add_skeleton, motion_channels
from realtime.takes.take import Take

EXTENSION = "VRMC_vrm_animation"
_NAMES = tuple(bone[0].lower() + bone[1:] for bone in BONES.joints)


def write_vrma(take: Take, path: Path) -> None:
    """Write one take; gaps are interpolated motion. Raises SinkError, ConfigError."""
    gltf = Gltf()
    nodes = add_skeleton(gltf, take, _NAMES)
    samplers, channels = motion_channels(gltf, take, nodes)
    gltf.add("animations", {"name": take.name, "samplers": samplers, "channels": channels})
    bones = {name: {"node": node} for name, node in zip(_NAMES, nodes, strict=True)}
    gltf.json["extensionsUsed"] = [EXTENSION]
    gltf.json["extensions"] = {EXTENSION: {"specVersion": "1.0", "humanoid": {"humanBones": bones}}}
    gltf.save(path)
