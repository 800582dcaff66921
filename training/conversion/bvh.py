"""Biovision Hierarchy (BVH): a skeleton and its motion in one text file.

`HIERARCHY` nests joints with an OFFSET from their parent and the CHANNELS they move in; `MOTION` holds one
line of channel values per frame, angles in degrees. A joint's local rotation is the product of its rotation
channels in the order they are listed, R = R₁ R₂ R₃; position channels replace the offset. Lengths are in
the file's own unit, which the format does not name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lifting.errors import DataError
from training.conversion.rotations import FloatArray, axis_rotation, rotate
from training.conversion.textfile import numbers, read_lines

MAX_JOINTS = 1000
MAX_NAME = 200
MAX_WORDS = 20_000
"""In one line of the hierarchy; each statement costs time for all that follow it."""
MAX_FRAMES = 2_000_000
END = "_end"
"""An end site is called like its parent, with this behind."""

_POSITIONS = ("xposition", "yposition", "zposition")
_ROTATIONS = ("xrotation", "yrotation", "zrotation")


@dataclass(frozen=True, eq=False)
class Bvh:
    """A skeleton of J joints (end sites included) and T frames of its motion, in the file's unit and axes."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """-1 for the root; parents come before their children."""
    offsets: FloatArray
    """(J,3) from the parent, in the parent's frame."""
    local_rotation: FloatArray
    """(T,J,3,3)"""
    local_position: FloatArray
    """(T,J,3)"""
    fps: float

    def __len__(self) -> int:
        return len(self.local_rotation)

    def forward_kinematics(self) -> tuple[FloatArray, FloatArray]:
        """Global positions (T,J,3) and rotations (T,J,3,3).

        R_j = R_parent R_local and p_j = p_parent + R_parent offset_j.
        """
        position, rotation = np.empty_like(self.local_position), np.empty_like(self.local_rotation)
        for j, parent in enumerate(self.parents):
            if parent < 0:
                position[:, j], rotation[:, j] = self.local_position[:, j], self.local_rotation[:, j]
                continue
            above = rotation[:, parent]
            position[:, j] = position[:, parent] + rotate(above, self.local_position[:, j])
            rotation[:, j] = above @ self.local_rotation[:, j]
        return position, rotation


@dataclass
class _Joint:
    name: str
    parent: int
    line: int
    offset: list[float] | None = None
    channels: tuple[str, ...] | None = None


@dataclass
class _Header:
    """What has been read of HIERARCHY so far."""

    path: Path
    joints: list[_Joint] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    opening: bool = False


def read_bvh(path: Path) -> Bvh:
    """Read a BVH file. Raises DataError with file and line where it is not one, or is incomplete."""
    lines = read_lines(path)
    joints, motion_line = _read_hierarchy(lines, path)
    channels = sum(len(joint.channels or ()) for joint in joints)
    values, fps = _read_motion(lines, motion_line, channels, path)
    offsets = np.array([joint.offset for joint in joints], dtype=np.float64)
    rotation, position = _local_motion(joints, offsets, values)
    return Bvh(
        names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        offsets=offsets,
        local_rotation=rotation,
        local_position=position,
        fps=fps,
    )


def _read_hierarchy(lines: list[str], path: Path) -> tuple[list[_Joint], int]:
    """The joints, and the index of the line after MOTION."""
    header = _Header(path)
    if not lines or lines[0].split()[:1] != ["HIERARCHY"]:
        raise DataError(f"{path}, line 1: a BVH file begins with HIERARCHY.")
    for number, line in enumerate(lines[1:], start=2):
        words = line.replace("{", " { ").replace("}", " } ").split()
        if len(words) > MAX_WORDS:
            raise DataError(f"{path}, line {number}: more than {MAX_WORDS} words; this is no hierarchy.")
        if words == ["MOTION"]:
            return _finished(header, number), number
        while words:
            words = _take(header, words, number)
    raise DataError(f"{path}: the file ends before MOTION; it is truncated or holds no motion.")


def _take(header: _Header, words: list[str], line: int) -> list[str]:
    """Consume one statement from the front of `words`; returns the rest."""
    word, rest = words[0], words[1:]
    if word in ("ROOT", "JOINT", "End"):
        return _start_joint(header, word, rest, line)
    if word == "{" and header.opening:
        header.open.append(len(header.joints) - 1)
        header.opening = False
        return rest
    if word == "}" and header.open:
        header.open.pop()
        return rest
    if word in ("OFFSET", "CHANNELS") and header.open:
        joint = header.joints[header.open[-1]]
        return (_offset if word == "OFFSET" else _channels)(joint, rest, header.path, line)
    raise DataError(f"{header.path}, line {line}: {word[:40]!r} does not belong in a hierarchy here.")


def _start_joint(header: _Header, word: str, rest: list[str], line: int) -> list[str]:
    name_words = rest[: rest.index("{")] if "{" in rest else rest
    parent = header.open[-1] if header.open else -1
    if header.opening or (word == "ROOT") != (parent < 0):
        raise DataError(f"{header.path}, line {line}: {word} stands where no joint can begin.")
    if parent < 0 and header.joints:
        raise DataError(f"{header.path}, line {line}: a second ROOT; only files with one person can be used.")
    name = header.joints[parent].name + END if word == "End" else "_".join(name_words)
    if len(name) > MAX_NAME:
        raise DataError(f"{header.path}, line {line}: a joint's name of more than {MAX_NAME} characters.")
    if not name or (word != "End" and name in (joint.name for joint in header.joints)):
        raise DataError(f"{header.path}, line {line}: a joint needs a name that no other has, not {name!r}.")
    if len(header.joints) >= MAX_JOINTS:
        raise DataError(f"{header.path}, line {line}: more than {MAX_JOINTS} joints.")
    header.joints.append(_Joint(name, parent, line, channels=() if word == "End" else None))
    header.opening = True
    return rest[len(name_words) :]


def _offset(joint: _Joint, rest: list[str], path: Path, line: int) -> list[str]:
    joint.offset = numbers(rest[:3], path, line)
    if len(joint.offset) != 3:
        raise DataError(f"{path}, line {line}: OFFSET of {joint.name} needs three numbers.")
    return rest[3:]


def _channels(joint: _Joint, rest: list[str], path: Path, line: int) -> list[str]:
    count = int(rest[0]) if rest and rest[0].isascii() and rest[0].isdigit() and len(rest[0]) < 3 else -1
    names = tuple(word.lower() for word in rest[1 : 1 + max(count, 0)])
    known = set(names) <= {*_POSITIONS, *_ROTATIONS}
    if len(names) != count or not known or len(set(names)) != count:
        raise DataError(
            f"{path}, line {line}: CHANNELS of {joint.name} needs their number and as many different ones "
            f"of Xposition … Zrotation, not {' '.join(rest[:8])[:80]!r}."
        )
    joint.channels = names
    return rest[1 + count :]


def _finished(header: _Header, line: int) -> list[_Joint]:
    if header.open or header.opening or not header.joints:
        raise DataError(f"{header.path}, line {line}: MOTION begins before the hierarchy is closed.")
    for joint in header.joints:
        what = "OFFSET" if joint.offset is None else "CHANNELS" if joint.channels is None else None
        if what:
            raise DataError(f"{header.path}, line {joint.line}: joint {joint.name} has no {what}.")
    if not set(_ROTATIONS) <= set(header.joints[0].channels or ()):
        root = header.joints[0]
        raise DataError(
            f"{header.path}, line {root.line}: the root {root.name} needs three rotation channels."
        )
    return header.joints


def _read_motion(lines: list[str], first: int, channels: int, path: Path) -> tuple[FloatArray, float]:
    """(T,channels) values and the frame rate; `first` is the index of the line after MOTION."""
    filled = [(i + 1, lines[i]) for i in range(first, len(lines)) if lines[i].strip()]
    frames = _declared(filled[:1], "Frames:", path)
    seconds = _declared(filled[1:2], "Frame Time:", path)
    if frames != int(frames) or not 1 <= frames <= MAX_FRAMES or not 1e-4 <= seconds <= 1:
        raise DataError(
            f"{path}: {frames:g} frames of {seconds:g} s cannot be read, only 1 to {MAX_FRAMES} frames of "
            f"0.0001 to 1 s."
        )
    rows = filled[2:]
    if len(rows) != frames:
        raise DataError(f"{path}: {frames:.0f} frames are declared, but {len(rows)} follow; is it truncated?")
    values = np.empty((len(rows), channels))
    for row, (line, text) in enumerate(rows):
        found = numbers(text.split(), path, line)
        if len(found) != channels:
            raise DataError(
                f"{path}, line {line}: {len(found)} values, but the joints have {channels} channels."
            )
        values[row] = found
    return values, 1.0 / seconds


def _declared(filled: list[tuple[int, str]], key: str, path: Path) -> float:
    if not filled or not " ".join(filled[0][1].split()).startswith(key):
        where = f", line {filled[0][0]}" if filled else ""
        raise DataError(f"{path}{where}: {key!r} is expected here.")
    line, text = filled[0]
    value = numbers(text.split(":", 1)[1].split(), path, line)
    if len(value) != 1:
        raise DataError(f"{path}, line {line}: {key} needs one number.")
    return value[0]


def _local_motion(
    joints: list[_Joint], offsets: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    rotation = np.broadcast_to(np.eye(3), (len(values), len(joints), 3, 3)).copy()
    position = np.broadcast_to(offsets, (len(values), len(joints), 3)).copy()
    column = 0
    for j, joint in enumerate(joints):
        for channel in joint.channels or ():
            if channel in _POSITIONS:
                position[:, j, _POSITIONS.index(channel)] = values[:, column]
            else:
                rotation[:, j] = rotation[:, j] @ axis_rotation(channel[0], values[:, column])
            column += 1
    return rotation, position
