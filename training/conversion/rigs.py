"""Which joint of a BVH file is which of the corpus, for the rigs that public collections use.

A rig matches when every joint it needs is in the file, whatever the case, prefix ("mixamorig:", "Bip01 ") and
punctuation of the names. Spine joints are not named: `generic_bvh` finds them between hips and neck.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifting.errors import ConfigError, DataError
from lifting.plain_yaml import parse_yaml

LIMB_JOINTS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
REQUIRED = ("neck", "head", *(f"{side}_{joint}" for side in "lr" for joint in LIMB_JOINTS))
OPTIONAL = ("spine", "chest", "l_ball", "r_ball")

_PREFIX = re.compile(r"^(mixamorig\d*|bip\d+|joint(?=[a-z]))")


@dataclass(frozen=True)
class Rig:
    """Corpus joint → joint names of the file, of which the first that is there counts."""

    name: str
    joints: Mapping[str, Sequence[str]]


def _rig(name: str, sides: tuple[str, str], limbs: str, neck: str = "Neck", head: str = "Head") -> Rig:
    """`limbs`: hip knee ankle ball shoulder elbow wrist, * standing for the side, | between alternatives."""
    joints: dict[str, Sequence[str]] = {"neck": neck.split("|"), "head": head.split("|")}
    parts = ("hip", "knee", "ankle", "ball", "shoulder", "elbow", "wrist")
    for side, word in zip("lr", sides, strict=True):
        for part, names in zip(parts, limbs.split(), strict=True):
            joints[f"{side}_{part}"] = names.replace("*", word).split("|")
    return Rig(name, joints)


_WORDS = ("Left", "Right")
_LETTERS = ("L", "R")

RIGS: tuple[Rig, ...] = (
    # Mixamo, LAFAN1, MotionBuilder, Rokoko, Perception Neuron
    _rig("mixamo", _WORDS, "*UpLeg *Leg *Foot *ToeBase|*Toe *Arm *ForeArm *Hand"),
    # 100STYLE and other Xsens exports
    _rig("xsens", _WORDS, "*Hip *Knee *Ankle *Toe|*ToeBase *Shoulder *Elbow *Wrist"),
    # Bandai-Namco Research
    _rig("bandai", _LETTERS, "UpperLeg_* LowerLeg_* Foot_* Toes_* UpperArm_* LowerArm_* Hand_*"),
    # Unity and VRM humanoids, and Sealcap's own recordings
    _rig("vrm", _WORDS, "*UpperLeg *LowerLeg *Foot *Toes|*ToeBase *UpperArm *LowerArm *Hand"),
    _rig("xsens-long", _WORDS, "*UpperLeg *LowerLeg *Foot *Toe *UpperArm *Forearm *Hand"),
    _rig("rokoko", _WORDS, "*Thigh *Shin *Foot *Toe *Arm|*UpperArm *ForeArm *Hand"),
    _rig("unreal", _LETTERS, "thigh_* calf_* foot_* ball_* upperarm_* lowerarm_* hand_*", "neck_01|neck"),
    _rig("biped", _LETTERS, "*Thigh *Calf *Foot *Toe0 *UpperArm *Forearm *Hand"),
    _rig("smpl", _LETTERS, "*_Hip *_Knee *_Ankle *_Foot|*_Toe *_Shoulder *_Elbow *_Wrist"),
    _rig("daz", ("l", "r"), "*Thigh *Shin *Foot *Toe *Shldr *ForeArm *Hand"),
    _rig("chest-collar", _WORDS, "*UpLeg *LowLeg *Foot *Toe *UpArm *LowArm *Hand"),
)  # fmt: skip


class RigMap(BaseModel):
    """A rig described by a YAML file (`--map`)."""

    model_config = ConfigDict(extra="forbid")

    joints: dict[str, str] = {}
    """Corpus joint (l_knee, neck …) → joint of the file. Empty: the names are recognised."""
    unit_m: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Metres per length unit of the files; guessed from the legs when not given."""
    up: Literal["x", "y", "z", "-x", "-y", "-z"] | None = None
    """The axis that points up; guessed from the people when not given."""
    subject: str | None = None
    """A regular expression whose first group is the person, searched in each file's path."""


def read_map(path: Path) -> RigMap:
    """Read a `--map` file. Raises ConfigError naming the field that is wrong."""
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
        rig_map = RigMap.model_validate(content)
        if rig_map.subject is not None and re.compile(rig_map.subject).groups < 1:
            raise ConfigError(f"{path}: subject must hold one (group): the person's name within the path.")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError, re.error) as error:
        raise ConfigError(f"{path} is no map of joints: {' '.join(str(error).split())[:300]}") from error
    unknown = [joint for joint in rig_map.joints if joint not in (*REQUIRED, *OPTIONAL)]
    missing = [joint for joint in REQUIRED if joint not in rig_map.joints] if rig_map.joints else []
    if unknown or missing:
        raise ConfigError(
            f"{path}: joints must name {', '.join(REQUIRED)}, and may name {', '.join(OPTIONAL)}; "
            f"{', '.join(missing) or 'none'} missing, {', '.join(unknown) or 'none'} unknown."
        )
    return rig_map


def match_rig(names: Iterable[str], rig_map: RigMap, path: Path) -> tuple[str, dict[str, str]]:
    """Name of the rig and corpus joint → joint of the file.

    Raises DataError listing what the nearest rig lacks, and how to describe another one.
    """
    there = list(names)
    if rig_map.joints:
        lost = [joint for joint in rig_map.joints.values() if joint not in there]
        if lost:
            raise DataError(f"{path} lacks {', '.join(lost)} of the map; it has {_listed(there)}.")
        return "bvh", dict(rig_map.joints)
    by_plain = {_plain(name): name for name in reversed(there)}
    found = {rig.name: _found(rig, by_plain) for rig in RIGS}
    best = max(RIGS, key=lambda rig: len(found[rig.name]))
    missing = [joint for joint in REQUIRED if joint not in found[best.name]]
    if missing:
        raise DataError(
            f"{path}: no joint is known to be {', '.join(missing)} (nearest rig: {best.name}). The file has "
            f"{_listed(there)}. Write FILE.yaml with `joints: {{l_knee: NAME, …}}` for {', '.join(REQUIRED)} "
            f"and pass --map FILE.yaml."
        )
    return best.name, found[best.name]


def _found(rig: Rig, by_plain: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for joint, candidates in rig.joints.items():
        here = [by_plain[_plain(name)] for name in candidates if _plain(name) in by_plain]
        if here:
            found[joint] = here[0]
    return found


def _plain(name: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", name.rsplit(":", 1)[-1].lower())
    return _PREFIX.sub("", letters)


def _listed(names: Sequence[str], most: int = 60) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
