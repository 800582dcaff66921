"""Finding a character's bones by their names. Needs no Blender.

Rigs name their bones by one scheme throughout, so every scheme is tried and the one that finds most bones
wins; the others fill in what it lacks. Sides are told apart first (Left, .L, _l, L ...), then what is left of
the name is compared, without case, spaces and prefixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .body import PARENTS

_PREFIXES = frozenset(
    ("mixamorig", "j", "bip", "c", "cc", "base", "character", "valvebiped", "bone", "jnt", "joint")
)
_HELPERS = frozenset({"def", "org", "mch", "vis", "ik", "twist", "tweak"})
"""Bones of a rig's machinery, which must not be driven."""
_ENOUGH = 12
"""Bones; with fewer, those of the machinery are looked at too: some games have no others."""
_SIDES = {"left": "Left", "l": "Left", "right": "Right", "r": "Right"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_LIMBS = ("Shoulder", "UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot", "Toes")
_TRUNK = ("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head")

# Scheme: names of the trunk bones, then of the limbs, in the order above; "-" where it has none.
_SCHEMES = {
    "Unity, VRM": (
        "hips spine chest upperchest neck head",
        "shoulder upperarm lowerarm hand upperleg lowerleg foot toes",
    ),
    "Mixamo": (
        "hips spine spine1 spine2 neck head",
        "shoulder arm forearm hand upleg leg foot toebase",
    ),
    "Rigify": (
        "spine spine001 spine002 spine003 spine004 spine006",
        "shoulder upperarm forearm hand thigh shin foot toe",
    ),
    "Rigify, generated": (
        "torso spinefk002 spinefk003 - neck head",
        "shoulder upperarmfk forearmfk handfk thighfk shinfk footfk toefk",
    ),
    "Unreal": (
        "pelvis spine01 spine02 spine03 neck01 head",
        "clavicle upperarm lowerarm hand thigh calf foot ball",
    ),
    "Biped": (
        "pelvis spine spine1 spine2 neck head",
        "clavicle upperarm forearm hand thigh calf foot toe0",
    ),
    "VRChat": (
        "hips spine chest upperchest neck head",
        "shoulder arm elbow wrist leg knee ankle toe",
    ),
}


def find_bones(names: Iterable[str]) -> dict[str, str]:
    """Bone of `body.PARENTS` → name of the character's bone; those that were not found are left out."""
    names = list(names)
    found = _best([name for name in names if not read_name(name)[2]])
    if len(found) < _ENOUGH:
        found = _best(names)
    return {bone: found[bone] for bone in PARENTS if bone in found}


def _best(names: list[str]) -> dict[str, str]:
    """The scheme that finds most, and from the others what it lacks."""
    by_key = _keys(names)
    tables = sorted((_found(scheme, by_key) for scheme in _SCHEMES.values()), key=len, reverse=True)
    found = dict(tables[0])
    for table in tables[1:]:
        for bone, name in table.items():
            if bone not in found and name not in found.values():
                found[bone] = name
    return found


def read_name(name: str) -> tuple[str, str, bool]:
    """(side or "", the rest in one word, whether it belongs to a rig's machinery) of a bone's name."""
    words = [w.lower() for w in _WORDS.findall(re.split(r"[:|]", name)[-1])]
    side = ""
    core: list[str] = []
    for word in words:
        if word in _SIDES and not side:
            side = _SIDES[word]
        elif core or not (word in _PREFIXES or word.isdigit()):
            core.append(word)
    helper = bool(_HELPERS & set(words))
    while core and core[0] in _HELPERS:
        core.pop(0)
    return side, "".join(core), helper


def _keys(names: Iterable[str]) -> dict[tuple[str, str], str]:
    """(side, word) → name; of twins a rig's own bones come before its machinery."""
    keys: dict[tuple[str, str], str] = {}
    for name in sorted(names, key=lambda n: (read_name(n)[2], len(n), n)):
        side, core, _ = read_name(name)
        keys.setdefault((side, core), name)
    return keys


def _found(scheme: tuple[str, str], by_key: dict[tuple[str, str], str]) -> dict[str, str]:
    trunk, limbs = (part.split() for part in scheme)
    wanted = {bone: ("", word) for bone, word in zip(_TRUNK, trunk, strict=True)}
    for side in ("Left", "Right"):
        wanted |= {side + bone: (side, word) for bone, word in zip(_LIMBS, limbs, strict=True)}
    return {bone: by_key[key] for bone, key in wanted.items() if key in by_key}
