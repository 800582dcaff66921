"""A figure that stands, marches and waves, as numbers and as every file format the converter reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from training.conversion.acclaim import AcclaimMotion
from training.conversion.rotations import axis_rotation, between, from_rotvec, rotate, transpose

FPS = 120.0
UNIT_M = 0.0254 / 0.45
LEG = np.array([np.sin(np.deg2rad(20)), -np.cos(np.deg2rad(20)), 0.0])

# Bone, parent, vector in CMU's units, x left, y up, z forward; the left of each pair.
_MIDDLE = (
    ("lowerback", "root", (0, 2.05, -0.2)), ("upperback", "lowerback", (0, 2.05, 0.1)),
    ("thorax", "upperback", (0, 2.06, 0.06)), ("lowerneck", "thorax", (0, 1.75, 0.17)),
    ("upperneck", "lowerneck", (0, 1.75, -0.1)), ("head", "upperneck", (0, 1.77, 0.1)),
)  # fmt: skip
_LEFT = (
    ("hipjoint", "root", (1.6, -1.79, 0.84)), ("femur", "hipjoint", tuple(7.1 * LEG)),
    ("tibia", "femur", tuple(7.4 * LEG)), ("foot", "tibia", (0.16, -0.43, 2.32)),
    ("toes", "foot", (0, 0, 1.2)), ("clavicle", "thorax", (1.6, 1.58, 0)),
    ("humerus", "clavicle", (5.1, 0, 0)), ("radius", "humerus", (3.2, 0, 0)),
    ("wrist", "radius", (1.6, 0, 0)), ("hand", "wrist", (0.7, 0, 0)),
)  # fmt: skip

BONES: dict[str, tuple[str, np.ndarray]] = {name: (parent, np.array(v)) for name, parent, v in _MIDDLE}
for _side, _sign in (("l", 1), ("r", -1)):
    for _name, _parent, _v in _LEFT:
        _above = _parent if _parent in ("root", "thorax") else _side + _parent
        BONES[_side + _name] = (_above, np.array(_v) * (_sign, 1, 1))


@dataclass(frozen=True)
class Figure:
    """Global bone rotations, and how to write them down."""

    motion: AcclaimMotion
    write_asf: Callable[[Path], Path]
    write_amc: Callable[[Path], Path]
    write_mb: Callable[[Path], Path]
    write_daz: Callable[[Path], Path]
    ends_m: dict[str, np.ndarray]
    """(T,3) where each bone ends, computed here one frame and one bone at a time."""


@pytest.fixture(scope="session")
def figure() -> Figure:
    """Three seconds: stands, then marches on the spot and waves."""
    return make_figure(360)


@pytest.fixture(scope="session")
def write_bvh() -> Callable[..., Path]:
    """A BVH writer: (path, names, parents, offsets, local rotations, local positions, fps, moving) → path."""
    return bvh_file


def make_figure(frames: int) -> Figure:
    """A figure of any length."""
    local = {name: axis_rotation("x", np.zeros(frames)) for name in ("root", *BONES)}
    time = np.arange(frames) / FPS
    go = np.clip(time - 1.0, 0, 1)
    local["root"] = axis_rotation("y", 20 * np.sin(time)) @ axis_rotation("x", 3 * np.cos(2 * time))
    for bone, angle in (("upperback", 4), ("thorax", 6), ("lowerneck", 8), ("head", -5)):
        local[bone] = from_rotvec(np.deg2rad(angle) * np.sin(time)[:, None] * np.array([0.3, 1.0, 0.2]))
    for side, sign in (("l", 1), ("r", -1)):
        lift = 20 * go * (1 - np.cos(5 * time + (sign < 0) * np.pi))
        across = {"humerus": 70 - 10 * np.sin(3 * time), "radius": -20 - 10 * np.cos(2 * time)}
        local[side + "femur"] = axis_rotation("x", -lift - 1)
        local[side + "tibia"] = axis_rotation("x", 1.5 * lift + 2)
        local[side + "foot"] = axis_rotation("x", -0.5 * lift - 1)
        for bone, angle in across.items():
            local[side + bone] = axis_rotation("z", -sign * angle) @ axis_rotation(
                "y", sign * 8 * np.sin(time)
            )
    rotation = {"root": local["root"]}
    for bone, (parent, _) in BONES.items():
        rotation[bone] = rotation[parent] @ local[bone]
    # What the Daz form cannot hold: these bones lie half way between their neighbours, or do not turn.
    rotation["lowerback"] = between(rotation["root"], rotation["upperback"], 0.5)
    rotation["upperneck"] = between(rotation["lowerneck"], rotation["head"], 0.5)
    root = np.stack([0.1 * np.sin(time), 0.93 - 0.01 * go, 0.3 * time], axis=1)
    motion = AcclaimMotion(rotation, root)
    return Figure(
        motion=motion,
        write_asf=_asf_file,
        write_amc=lambda path: _amc_file(path, motion),
        write_mb=lambda path: _mb_file(path, motion),
        write_daz=lambda path: _daz_file(path, motion),
        ends_m=_ends(motion),
    )


def _ends(motion: AcclaimMotion) -> dict[str, np.ndarray]:
    ends = {"root": motion.root_m}
    for bone, (parent, vector) in BONES.items():
        frames = [motion.rotation[bone][t] @ (vector * UNIT_M) + ends[parent][t] for t in range(len(motion))]
        ends[bone] = np.array(frames)
    return ends


def euler_zyx_deg(R: np.ndarray) -> np.ndarray:
    """(…,3) angles z, y, x with R = R_z R_y R_x."""
    z, x = np.arctan2(R[..., 1, 0], R[..., 0, 0]), np.arctan2(R[..., 2, 1], R[..., 2, 2])
    return np.rad2deg(np.stack([z, -np.arcsin(np.clip(R[..., 2, 0], -1, 1)), x], axis=-1))


def _axis(bone: str) -> np.ndarray:
    """(3,) degrees, x y z: some bones have an axis frame of their own."""
    return np.array([10.0, -20.0, 30.0]) if bone.endswith(("femur", "tibia")) else np.zeros(3)


def _axis_frame(bone: str) -> np.ndarray:
    x, y, z = _axis(bone)
    return axis_rotation("z", z) @ axis_rotation("y", y) @ axis_rotation("x", x)


def _asf_file(path: Path) -> Path:
    text = [
        "# a figure", ":version 1.10", ":name figure", ":units", "  mass 1.0", "  length 0.45", "  angle deg",
        ":documentation", "   made by a test", ":root", "   order TX TY TZ RX RY RZ", "   axis XYZ",
        "   position 0 0 0", "   orientation 0 0 0", ":bonedata",
    ]  # fmt: skip
    for number, (bone, (_, vector)) in enumerate(BONES.items(), start=1):
        length = np.linalg.norm(vector)
        text += ["  begin", f"     id {number}", f"     name {bone}"]
        text += [
            f"     direction {' '.join(f'{v:.9f}' for v in vector / length)}",
            f"     length {length:.9f}",
        ]
        text += [f"     axis {' '.join(map(str, _axis(bone)))}  XYZ"]
        if not bone.endswith("hipjoint"):
            text += [
                "    dof rx ry rz",
                "    limits (-180.0 180.0)",
                "           (-inf inf)",
                "           (-1 1)",
            ]
        text += ["  end"]
    text += [":hierarchy", "  begin"]
    for parent in ("root", *BONES):
        children = [bone for bone, (above, _) in BONES.items() if above == parent]
        text += [f"    {parent} {' '.join(children)}"] if children else []
    path.write_text("\n".join([*text, "  end", ""]))
    return path


def _amc_file(path: Path, motion: AcclaimMotion) -> Path:
    angles = {"root": euler_zyx_deg(motion.rotation["root"])[:, ::-1]}
    for bone, (parent, _) in BONES.items():
        C = _axis_frame(bone)
        local = transpose(motion.rotation[parent]) @ motion.rotation[bone]
        angles[bone] = euler_zyx_deg(C.T @ local @ C)[:, ::-1]
    text = ["#!OML:ASF", ":FULLY-SPECIFIED", ":DEGREES"]
    for t in range(len(motion)):
        text.append(str(t + 1))
        for bone, values in angles.items():
            row = [*(motion.root_m[t] / UNIT_M if bone == "root" else ()), *values[t]]
            if not bone.endswith("hipjoint"):
                text.append(f"{bone} {' '.join(f'{v:.8f}' for v in row)}")
    path.write_text("\n".join(text) + "\n")
    return path


def bvh_file(
    path: Path,
    names: list[str],
    parents: list[int],
    offsets: np.ndarray,
    local_R: np.ndarray,
    local_p: np.ndarray,
    fps: float,
    moving: bool = False,
) -> Path:
    """Write a BVH file; names that end in _end are end sites, `moving` gives all joints position channels."""
    children = [[c for c, p in enumerate(parents) if p == j] for j in range(len(names))]
    text, order = ["HIERARCHY"], []

    def joint(j: int, pad: str) -> None:
        end = names[j].endswith("_end")
        text.append(f"{pad}End Site" if end else f"{pad}{'ROOT' if parents[j] < 0 else 'JOINT'} {names[j]}")
        text.extend([pad + "{", f"{pad}\tOFFSET {' '.join(f'{v:.6f}' for v in offsets[j])}"])
        if not end:
            six = moving or parents[j] < 0
            where = "Xposition Yposition Zposition " if six else ""
            text.append(f"{pad}\tCHANNELS {6 if six else 3} {where}Zrotation Yrotation Xrotation")
            order.append(j)
        for child in children[j]:
            joint(child, pad + "\t")
        text.append(pad + "}")

    joint(0, "")
    angles = euler_zyx_deg(local_R)
    text += ["MOTION", f"Frames: {len(local_R)}", f"Frame Time: {1 / fps:.7f}"]
    for t in range(len(local_R)):
        row: list[float] = []
        for j in order:
            row += [*(local_p[t, j] if moving or parents[j] < 0 else ()), *angles[t, j]]
        text.append(" ".join(f"{v:.6f}" for v in row))
    path.write_text("\n".join(text) + "\n")
    return path


def globally(
    path: Path, rows: list[tuple[str, str | None, np.ndarray]], rotation: dict, root: np.ndarray
) -> Path:
    """BVH of joints (name, parent, offset) from their global rotations, a T-pose as often as needed first."""
    names = [name for name, _, _ in rows]
    parents = [-1 if parent is None else names.index(parent) for _, parent, _ in rows]
    R = np.stack([rotation[name] for name in names], axis=1)
    above = np.stack([np.eye(3)[None].repeat(len(R), 0) if p < 0 else R[:, p] for p in parents], axis=1)
    offsets = np.array([offset for _, _, offset in rows])
    positions = np.broadcast_to(root[:, None], (len(R), len(rows), 3))
    return bvh_file(path, names, parents, offsets, transpose(above) @ R, positions, FPS)


def _mb_file(path: Path, motion: AcclaimMotion) -> Path:
    from training.conversion.cmu import MB_BONES

    rotation = {joint: motion.rotation[bone] for bone, joint in MB_BONES.items()}
    rows: list = [("Hips", None, np.zeros(3))]
    for side, hip in (("l", "LHipJoint"), ("r", "RHipJoint")):
        rows.append((hip, "Hips", np.zeros(3)))
        rotation[hip] = motion.rotation["root"]
        rows.append((MB_BONES[side + "femur"], hip, BONES[side + "hipjoint"][1]))
        for bone in ("tibia", "foot", "toes"):
            above = BONES[side + bone][0]
            rows.append((MB_BONES[side + bone], MB_BONES[above], BONES[above][1]))
    for bone in ("lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head"):
        above = BONES[bone][0]
        rows.append((MB_BONES[bone], MB_BONES[above], BONES.get(above, ("", np.zeros(3)))[1]))
    rows.append(("Head_end", "Head", BONES["head"][1]))
    for side in "lr":
        for bone in ("clavicle", "humerus", "radius", "wrist", "hand"):
            above = BONES[side + bone][0]
            rows.append((MB_BONES[side + bone], MB_BONES[above], BONES[above][1]))
    rotation["Head_end"] = rotation["Head"]
    return globally(path, rows, *_with_rest(rotation, motion.root_m / UNIT_M, 1))


def _daz_file(path: Path, motion: AcclaimMotion) -> Path:
    """The Daz figure: straight legs of 82.24 units, its root 9 units above the hips."""
    from training.conversion.cmu import _DAZ_LEFT, _DAZ_TRUNK

    rotation, rows = {}, [("hip", None, np.zeros(3))]
    for bone, (joint, v) in _DAZ_TRUNK.items():
        rotation[joint] = motion.rotation[bone] @ from_rotvec(np.deg2rad(v)).T
    for a, b in (("abdomen", "hip"), ("chest", "abdomen"), ("neck", "chest"), ("head", "neck")):
        rows.append((a, b, np.array([0, 12.0, 0.5])))
    for side, sign in (("l", 1.0), ("r", -1.0)):
        for bone, (joint, v) in _DAZ_LEFT.items():
            mirrored = np.deg2rad(np.array(v) * (1, sign, sign))
            rotation[side + joint] = motion.rotation[side + bone] @ from_rotvec(mirrored).T
        rotation[side + "Buttock"] = rotation["hip"]
        rows += [
            (side + "Buttock", "hip", np.array([sign * 4.0, -3.0, 0])),
            (side + "Thigh", side + "Buttock", np.array([sign * 5.0, -6.0, 0])),
            (side + "Shin", side + "Thigh", np.array([0, -36.83, 0])),
            (side + "Foot", side + "Shin", np.array([0, -45.41, 0])),
        ]
        above = "chest"
        for joint, reach in (("Collar", 3.0), ("Shldr", 12.0), ("ForeArm", 26.0), ("Hand", 24.0)):
            rows.append((side + joint, above, np.array([sign * reach, 0, 0])))
            above = side + joint
    hips = BONES["lhipjoint"][1] * UNIT_M * (0, 1, 1)
    leg_m = (np.linalg.norm(BONES["lfemur"][1]) + np.linalg.norm(BONES["ltibia"][1])) * UNIT_M
    middle = (motion.root_m + rotate(motion.rotation["root"], hips)) / leg_m * (36.83 + 45.41)
    root = middle - rotate(rotation["hip"], np.array([0, -9.0, 0]))
    return globally(path, rows, *_with_rest(rotation, root, 8))


def _with_rest(rotation: dict, root: np.ndarray, frames: int) -> tuple[dict, np.ndarray]:
    rest = np.eye(3)[None].repeat(frames, 0)
    return {name: np.concatenate([rest, R]) for name, R in rotation.items()}, np.concatenate(
        [root[:1].repeat(frames, 0), root]
    )
