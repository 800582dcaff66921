"""Which nodes are the bones of a human, in files that do not say so but have names as usual.

Mixamo's names (mixamorig:LeftForeArm), Unity's (LeftLowerArm), VRM's and VRoid's (leftLowerArm,
J_Bip_L_LowerArm), and those with .L or _l behind; what stands before a colon, and marks between words do not
count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lifting.skeleton import BONES

_SAME = {
    "Hips": "hips pelvis", "Spine": "spine", "Chest": "chest upperchest spine2 spine1", "Neck": "neck",
    "Head": "head", "Shoulder": "shoulder", "UpperArm": "upperarm arm", "LowerArm": "lowerarm forearm",
    "Hand": "hand", "UpperLeg": "upperleg upleg thigh", "LowerLeg": "lowerleg leg calf shin", "Foot": "foot",
    "Toes": "toes toebase toe",
}  # fmt: skip
"""Our bone without its side: names, the first one that a file has counts."""


def bones_by_name(names: Sequence[str]) -> dict[str, int]:
    """Node of each of our bones that is there, by Unity's names; of nodes called alike the first."""
    nodes: dict[str, int] = {}
    for node, name in enumerate(names):
        nodes.setdefault(_plain(name), node)
    found: dict[str, int] = {}
    for bone in BONES.joints:
        side = next((s for s in ("Left", "Right") if bone.startswith(s)), "")
        candidates = [side.lower() + name for name in _SAME[bone.removeprefix(side)].split()]
        there = [nodes[name] for name in candidates if name in nodes]
        if there:
            found[bone] = there[0]
    return found


def _plain(name: str) -> str:
    """`mixamorig:LeftArm` → leftarm; `Thigh.L`, `thigh_l` and `J_Bip_L_thigh` → leftthigh."""
    plain = name.lower().rpartition(":")[2].removeprefix("mixamorig")
    plain = plain.removeprefix("j_bip_").removeprefix("c_")
    for mark, side in (("l", "left"), ("r", "right")):
        for pattern in (rf"^(.*)[._ |-]{mark}$", rf"^{mark}[._ |-](.*)$"):
            plain = re.sub(pattern, rf"{side}\1", plain)
    return re.sub(r"[^a-z0-9]", "", plain)
