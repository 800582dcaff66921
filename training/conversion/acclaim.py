"""Acclaim skeletons (ASF) and their motion (AMC), the form in which CMU publishes its captures.

Each bone has a direction and a length in the rest pose, and an axis frame C in which its degrees of freedom
turn it: with M = R_z R_y R_x of the angles of one frame, its global rotation is

    R_bone = R_parent · C M C⁻¹,        end of the bone = its start + R_bone · direction · length.

So R = I is the rest pose for every bone, and rotations of different bones compare directly. Lengths:
`length u` in the header means that one unit is 1/u inches (CMU: 0.45).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lifting.errors import DataError
from training.conversion.rotations import FloatArray, axis_rotation, rotate
from training.conversion.textfile import numbers, read_lines

INCH_M = 0.0254
MAX_BONES = 300
MAX_FRAMES = 2_000_000
ROOT = "root"

_ROTATION_DOFS = {"rx": "x", "ry": "y", "rz": "z"}
_POSITION_DOFS = {"tx": 0, "ty": 1, "tz": 2}

Lines = list[tuple[int, list[str]]]


@dataclass(frozen=True, eq=False)
class Bone:
    """One bone in the rest pose."""

    parent: str
    vector_m: FloatArray
    """(3,) from its start to its end, metres; zero for the root."""
    axis: FloatArray
    """(3,3) C, the frame its degrees of freedom turn in."""
    dofs: tuple[str, ...]
    """What the AMC file lists for it, in order: tx ty tz rx ry rz, or l (a length, ignored)."""


@dataclass(frozen=True, eq=False)
class AcclaimSkeleton:
    """Bones by name, parents first; the root is one of them and has no parent."""

    bones: dict[str, Bone]
    unit_m: float
    radians: bool


@dataclass(frozen=True, eq=False)
class AcclaimMotion:
    """Global bone rotations (T,3,3) by name (identity = rest pose), and the root's path (T,3)."""

    rotation: dict[str, FloatArray]
    root_m: FloatArray

    def __len__(self) -> int:
        return len(self.root_m)


def bone_ends(skeleton: AcclaimSkeleton, motion: AcclaimMotion) -> dict[str, FloatArray]:
    """(T,3) metres: where each bone ends; the root bone ends where it starts."""
    ends = {ROOT: motion.root_m}
    for name, bone in skeleton.bones.items():
        if name != ROOT:
            ends[name] = ends[bone.parent] + rotate(motion.rotation[name], bone.vector_m)
    return ends


def read_asf(path: Path) -> AcclaimSkeleton:
    """Read a skeleton. Raises DataError with file and line where it is not one."""
    sections = _sections(path)
    units = {words[0]: words[1:] for _, words in sections["units"] if len(words) > 1}
    scale = numbers(units.get("length", ["1"])[:1], path, 1)[0]
    if not 1e-4 < scale < 1e4:
        raise DataError(f"{path}: a length unit of {scale:g} makes no sense; CMU has 0.45.")
    unit_m = INCH_M / scale
    radians = units.get("angle", ["deg"])[0].startswith("rad")
    loose = {ROOT: _root(sections["root"], radians, path)}
    loose |= _bones(sections["bonedata"], unit_m, radians, path)
    return AcclaimSkeleton(_in_order(loose, sections["hierarchy"], path), unit_m, radians)


def _sections(path: Path) -> dict[str, Lines]:
    sections: dict[str, Lines] = {}
    current: Lines = []
    for number, line in enumerate(read_lines(path), start=1):
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            current = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            current.append((number, words))
    missing = [name for name in ("units", "root", "bonedata", "hierarchy") if name not in sections]
    if missing:
        raise DataError(f"{path} is no Acclaim skeleton: it has no section :{', :'.join(missing)}.")
    return sections


def _root(lines: Lines, radians: bool, path: Path) -> Bone:
    fields = {words[0].lower(): (number, words[1:]) for number, words in lines}
    number, order = fields.get("order", (1, ["TX", "TY", "TZ", "RX", "RY", "RZ"]))
    line, angles = fields.get("orientation", (1, ["0", "0", "0"]))
    axes = fields.get("axis", (1, ["XYZ"]))[1]
    dofs = _dofs(order, path, number)
    return Bone("", np.zeros(3), _axis_frame([*angles, *axes], radians, path, line), dofs)


def _bones(lines: Lines, unit_m: float, radians: bool, path: Path) -> dict[str, Bone]:
    bones: dict[str, Bone] = {}
    fields: dict[str, tuple[int, list[str]]] = {}
    for number, words in lines:
        if words[0] == "begin":
            fields = {}
        elif words[0] == "end":
            name, bone = _bone(fields, unit_m, radians, path, number)
            if name in bones or name == ROOT or len(bones) >= MAX_BONES:
                raise DataError(f"{path}, line {number}: {name[:80]} twice, or more than {MAX_BONES} bones.")
            bones[name] = bone
        else:
            fields[words[0].lower()] = (number, words[1:])
    return bones


def _bone(
    fields: dict[str, tuple[int, list[str]]], unit_m: float, radians: bool, path: Path, line: int
) -> tuple[str, Bone]:
    missing = [key for key in ("name", "direction", "length") if not fields.get(key, (0, []))[1]]
    if missing:
        raise DataError(f"{path}, line {line}: this bone has no {', '.join(missing)}.")
    direction = numbers(fields["direction"][1][:3], path, fields["direction"][0])
    length = numbers(fields["length"][1][:1], path, fields["length"][0])[0]
    if len(direction) != 3:
        raise DataError(f"{path}, line {fields['direction'][0]}: a direction needs three numbers.")
    axis_line, axis = fields.get("axis", (line, ["0", "0", "0"]))
    dof_line, dof = fields.get("dof", (line, []))
    bone = Bone(
        parent="",
        vector_m=np.array(direction) * length * unit_m,
        axis=_axis_frame(axis, radians, path, axis_line),
        dofs=_dofs(dof, path, dof_line),
    )
    return fields["name"][1][0], bone


def _axis_frame(words: list[str], radians: bool, path: Path, line: int) -> FloatArray:
    """Three angles and, behind them, the order in which they are applied to a vector (XYZ: x first)."""
    angles = numbers(words[:3], path, line)
    order = words[3].lower() if len(words) > 3 else "xyz"
    if len(angles) != 3 or sorted(order) != ["x", "y", "z"]:
        raise DataError(f"{path}, line {line}: an axis needs three angles and an order such as XYZ.")
    C = np.eye(3)
    for axis, angle in zip(order, angles, strict=True):
        C = axis_rotation(axis, np.rad2deg(angle) if radians else angle) @ C
    return C


def _dofs(words: list[str], path: Path, line: int) -> tuple[str, ...]:
    dofs = tuple(word.lower() for word in words)
    if not set(dofs) <= {*_ROTATION_DOFS, *_POSITION_DOFS, "l"} or len(set(dofs)) != len(dofs):
        found = " ".join(words)[:80]
        raise DataError(f"{path}, line {line}: degrees of freedom are tx ty tz rx ry rz l, not {found!r}.")
    return dofs


def _in_order(loose: dict[str, Bone], lines: Lines, path: Path) -> dict[str, Bone]:
    """The bones with their parents, each after its parent, as the hierarchy lists them."""
    bones = {ROOT: loose[ROOT]}
    for number, (parent, *children) in lines:
        if parent in ("begin", "end"):
            continue
        for child in children:
            if parent not in bones or child not in loose or child in bones:
                raise DataError(f"{path}, line {number}: {child[:80]} cannot hang on {parent[:80]} here.")
            bone = loose[child]
            bones[child] = Bone(parent, bone.vector_m, bone.axis, bone.dofs)
    lost = [name for name in loose if name not in bones]
    if lost:
        raise DataError(f"{path}: the hierarchy leaves out {', '.join(lost)[:200]}; is the file truncated?")
    return bones


def read_amc(path: Path, skeleton: AcclaimSkeleton) -> AcclaimMotion:
    """Read a motion of `skeleton`. Raises DataError with file and line where the two do not fit together."""
    values, radians = _frames(path, skeleton)
    rotation: dict[str, FloatArray] = {}
    for name, bone in skeleton.bones.items():
        M = np.broadcast_to(np.eye(3), (len(values[ROOT]), 3, 3))
        for column, dof in enumerate(bone.dofs):
            if dof in _ROTATION_DOFS:
                angle = values[name][:, column]
                M = axis_rotation(_ROTATION_DOFS[dof], np.rad2deg(angle) if radians else angle) @ M
        turned: FloatArray = bone.axis @ M @ bone.axis.T
        rotation[name] = turned if name == ROOT else rotation[bone.parent] @ turned
    root_m = np.zeros((len(values[ROOT]), 3))
    for column, dof in enumerate(skeleton.bones[ROOT].dofs):
        if dof in _POSITION_DOFS:
            root_m[:, _POSITION_DOFS[dof]] = values[ROOT][:, column] * skeleton.unit_m
    return AcclaimMotion(rotation, root_m)


def _frames(path: Path, skeleton: AcclaimSkeleton) -> tuple[dict[str, FloatArray], bool]:
    """(T, degrees of freedom) per moving bone, and whether angles are in radians."""
    wanted = {name: len(bone.dofs) for name, bone in skeleton.bones.items() if bone.dofs or name == ROOT}
    rows: dict[str, list[list[float]]] = {name: [] for name in wanted}
    frames, radians = 0, skeleton.radians
    for number, line in enumerate(read_lines(path), start=1):
        words = line.split("#")[0].split()
        if not words or words[0].startswith(":"):
            radians = (
                words[0].upper() == ":RADIANS" or (radians and words[0].upper() != ":DEGREES")
                if words
                else radians
            )
        elif len(words) == 1 and words[0].isascii() and words[0].isdigit():
            _check_complete(rows, frames, path, number)
            frames += 1
        else:
            _add(rows, words, wanted, frames, path, number)
        if frames > MAX_FRAMES:
            raise DataError(f"{path}, line {number}: more than {MAX_FRAMES} frames.")
    if not frames:
        raise DataError(f"{path} holds no frame; an AMC file has a line with each frame's number.")
    _check_complete(rows, frames, path, number)
    return {name: np.array(values) for name, values in rows.items()}, radians


def _add(
    rows: dict[str, list[list[float]]],
    words: list[str],
    wanted: dict[str, int],
    frames: int,
    path: Path,
    line: int,
) -> None:
    name, values = words[0], numbers(words[1:], path, line)
    if name not in wanted or len(values) != wanted[name] or len(rows[name]) != frames - 1:
        expected = (
            f"{wanted[name]} values, once a frame" if name in wanted else "a bone of the skeleton that moves"
        )
        raise DataError(f"{path}, line {line}: {' '.join(words)[:60]!r}; {expected}, is expected.")
    rows[name].append(values)


def _check_complete(rows: dict[str, list[list[float]]], frames: int, path: Path, line: int) -> None:
    missing = [name for name, values in rows.items() if len(values) != frames]
    if missing:
        raise DataError(
            f"{path}, line {line}: frame {frames} lacks {', '.join(missing[:5])}; is it truncated?"
        )
