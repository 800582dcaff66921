"""Motion corpora: recorded 3D joints of real people, as bone vectors ready for resampling.

Format (`<name>_<split>.npz`): `joints` names, `rel` (F,J,3) int16 relative to the pelvis in steps of `scale`
metres (-32768 = not available), `root` (F,3) metres, `start` (N+1) first row of each clip, and per clip
`name, subject, category, stature, fps, joint_valid`. Metres, right-handed, Z up, T-pose facing +X.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from lifting.skeleton import SEALCAP26
from training.plain_npz import read_arrays

MISSING = -32768
MIN_FRAMES = 20
LIVE_FPS = 30.0
"""What lifters are trained at, the detectors' noise is fitted to, and exported networks are fed with."""
STATURE_M = (0.3, 3.0)
"""Between which people are tall; the length of every bone is scaled by it."""
_NUMBERS, _TEXT = "biuf", "U"
_FIELDS = {
    "joints": (_TEXT, 1),
    "rel": (_NUMBERS, 3),
    "root": (_NUMBERS, 2),
    "scale": (_NUMBERS, 0),
    "start": ("iu", 1),
    "name": (_TEXT, 1),
    "subject": (_TEXT, 1),
    "category": (_TEXT, 1),
    "stature": (_NUMBERS, 1),
    "fps": (_NUMBERS, 1),
    "joint_valid": (_NUMBERS, 2),
}
"""Kinds of NumPy type and number of axes of each array."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Clips of one split, laid end to end."""

    bones: NDArray[np.float32]
    """(F,26,3) metres, Z up: each SEALCAP26 joint minus its parent; row 0 is the pelvis's position."""
    first: NDArray[np.int64]
    """(N,) first row of each clip."""
    frames: NDArray[np.int64]
    """(N,) number of rows of each clip."""
    stature_m: NDArray[np.float32]
    """(N,)"""
    category: tuple[str, ...]
    """(N,) rough kind of motion: walk, dance, sit ..."""
    subject: tuple[str, ...]
    """(N,) who moved; no person is in two splits."""
    fps: float

    def __len__(self) -> int:
        return len(self.frames)


def load_corpus(folder: Path, name: str, split: str) -> Corpus:
    """Read `folder/name_split.npz`.

    Raises DataError when the file is missing, unreadable, lacks joints of SEALCAP26, or holds NaN, several
    frame rates, people of no size, or arrays that are not of the right kind or do not fit together.
    """
    path = folder / f"{name}_{split}.npz"
    if not path.is_file():
        there = ", ".join(sorted(p.name for p in folder.glob("*.npz"))) or "no .npz file"
        raise DataError(
            f"There is no motion corpus {path}; the folder holds {there}. Set corpus.folder and "
            f"corpus.name in the training configuration."
        )
    table = _read(path)
    columns = _columns(table["joints"], path)
    joints = _positions(table, path)[:, columns]
    keep = _usable_clips(table, columns, path)
    if not np.isfinite(joints).all():
        raise DataError(f"{path} holds joints that are not finite; every coordinate must be a number.")
    start = table["start"].astype(np.int64)
    parents = np.array([max(p, 0) for p in SEALCAP26.parents])
    bones = joints - joints[:, parents]
    bones[:, 0] = joints[:, 0]
    return Corpus(
        bones=bones.astype(np.float32),
        first=start[:-1][keep],
        frames=np.diff(start)[keep],
        stature_m=_statures(table, keep, path),
        category=tuple(table["category"][keep].tolist()),
        subject=tuple(table["subject"][keep].tolist()),
        fps=_one_rate(table["fps"], path),
    )


def _read(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        table = dict(read_arrays(path, _FIELDS))
    except KeyError as error:
        raise DataError(f"{path} is no motion corpus: it lacks {error.args[0]}.") from error
    except ValueError as error:
        raise DataError(f"{path} cannot be read as a motion corpus: {error}.") from error
    for name, (kinds, axes) in _FIELDS.items():
        array = table[name]
        if array.dtype.kind not in kinds or array.ndim != axes:
            wanted = "text" if kinds == _TEXT else "numbers"
            raise DataError(
                f"{path}: {name} must be {wanted} with {axes} axes, got {array.dtype} {array.shape}."
            )
    return table


def _columns(names: NDArray[np.generic], path: Path) -> list[int]:
    """Where each SEALCAP26 joint stands in the file, by name."""
    there = {_our_name(str(name)): i for i, name in enumerate(names)}
    missing = [joint for joint in SEALCAP26.joints if joint not in there]
    if missing:
        raise DataError(f"{path} lacks the joints {', '.join(missing)}; it has {', '.join(there)}.")
    return [there[joint] for joint in SEALCAP26.joints]


def _our_name(joint: str) -> str:
    """l_knee → left_knee."""
    side = {"l_": "left_", "r_": "right_"}.get(joint[:2])
    return side + joint[2:] if side else joint


def _positions(table: dict[str, NDArray[np.generic]], path: Path) -> NDArray[np.float32]:
    rel, root, start, scale = (table[name] for name in ("rel", "root", "start", "scale"))
    if rel.ndim != 3 or rel.shape[1:] != (len(table["joints"]), 3) or root.shape != (len(rel), 3):
        raise DataError(
            f"{path}: rel {rel.shape} and root {root.shape} do not fit {len(table['joints'])} joints; "
            f"(F, joints, 3) and (F, 3) are expected."
        )
    if (
        not len(start)
        or start[0] != 0
        or start[-1] != len(rel)
        or (np.diff(start.astype(np.int64)) <= 0).any()
    ):
        raise DataError(f"{path}: start must rise from 0 to the number of frames, {len(rel)}.")
    if not np.float32(scale) > 0:
        raise DataError(f"{path}: scale must be a positive number of metres, got {scale}.")
    relative: NDArray[np.float32] = rel.astype(np.float32) * np.float32(scale)
    return relative + root.astype(np.float32)[:, None]


def _usable_clips(table: dict[str, NDArray[np.generic]], columns: list[int], path: Path) -> NDArray[np.bool_]:
    """(N,) clips long enough in which every joint we need was captured."""
    lengths = np.diff(table["start"].astype(np.int64))
    per_clip = ("name", "subject", "category", "stature", "fps", "joint_valid")
    fields = {name: len(table[name]) for name in per_clip}
    if set(fields.values()) != {len(lengths)}:
        raise DataError(f"{path}: {len(lengths)} clips, but the fields per clip have lengths {fields}.")
    if table["joint_valid"].shape[1] != len(table["joints"]):
        raise DataError(
            f"{path}: joint_valid {table['joint_valid'].shape} must have one column for each of the "
            f"{len(table['joints'])} joints."
        )
    captured = table["joint_valid"][:, columns].astype(bool).all(axis=1)
    keep: NDArray[np.bool_] = captured & (lengths >= MIN_FRAMES)
    gaps = (table["rel"][:, columns] == MISSING).any(axis=(1, 2))
    keep &= ~np.logical_or.reduceat(gaps, table["start"][:-1].astype(np.int64))
    if not keep.any():
        raise DataError(
            f"{path} has no clip of at least {MIN_FRAMES} frames with all joints of {SEALCAP26.name}."
        )
    return keep


def _statures(
    table: dict[str, NDArray[np.generic]], keep: NDArray[np.bool_], path: Path
) -> NDArray[np.float32]:
    stature: NDArray[np.float32] = table["stature"].astype(np.float32)[keep]
    low, high = STATURE_M
    wrong = ~((stature > low) & (stature < high))  # NaN is wrong, too
    if wrong.any():
        clip = int(wrong.argmax())
        raise DataError(
            f"{path}: the person of {table['name'][keep][clip]} is {stature[clip]:g} m tall; {low:g} to "
            f"{high:g} m is possible."
        )
    return stature


def _one_rate(fps: NDArray[np.generic], path: Path) -> float:
    rates = np.unique(fps.astype(np.float64))
    if len(rates) != 1:
        raise DataError(f"{path} mixes frame rates {rates.tolist()}; resample the clips to one rate.")
    if not (rates[0] > 0 and np.isfinite(rates[0])):
        raise DataError(f"{path} has {rates[0]:g} frames per second; a positive number is needed.")
    return float(rates[0])


def check_live_rate(corpus: Corpus, folder: Path) -> Corpus:
    """`corpus` itself. Raises DataError when a lifter that learns from it would not fit live video."""
    if corpus.fps != LIVE_FPS:
        raise DataError(
            f"The corpus in {folder} has {corpus.fps:g} frames per second, but lifters learn and run at "
            f"{LIVE_FPS:g}. Make it anew: sealcap data convert DIR OUT --fps {LIVE_FPS:g}"
        )
    return corpus
