"""Writer of the motion corpus, `<name>_<split>.npz`, as `training.corpus.load_corpus` reads it.

Positions are stored as int16 steps of 0.25 mm from the pelvis, whose own path is float32. A file appears
under its name only when it is complete.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DataError
from training.conversion.clips import Clip
from training.conversion.layout import CONTACTS, JOINTS, PARENTS, SEGMENTS

STEP_M = 0.00025
MISSING = -32768
QUATERNION_SCALE = 32767

Arrays = Mapping[str, NDArray[Any]]


def write_corpus(path: Path, clips: Sequence[Clip]) -> None:
    """Write the clips of one split. Raises DataError for none, or for a joint over 8 m from its pelvis."""
    if not clips:
        raise DataError(f"{path}: there is no clip to write.")
    positions = np.concatenate([clip.positions for clip in clips])
    root = positions[:, 0].astype(np.float32)
    steps = np.round((positions - root[:, None].astype(np.float64)) / STEP_M)
    known = np.isfinite(steps)
    if np.abs(steps[known]).max(initial=0) > -MISSING - 1:
        raise DataError(f"{path}: a joint is more than {-MISSING * STEP_M:.1f} m from its pelvis.")
    joint_valid = [np.isfinite(clip.positions).all(axis=(0, 2)) for clip in clips]
    arrays: dict[str, NDArray[Any]] = {
        "joints": np.array(JOINTS),
        "parents": np.array(PARENTS, np.int8),
        "contact_names": np.array(CONTACTS),
        "scale": np.array(STEP_M, np.float32),
        "root": root,
        "rel": np.where(known, steps, MISSING).astype(np.int16),
        "contact": np.concatenate([clip.contact for clip in clips]).astype(np.uint8),
        "action": np.array([clip.action for clip in clips]),
        "source": np.array([clip.source for clip in clips]),
        "category": np.array([clip.category for clip in clips]),
        "stature": np.array([clip.stature_m for clip in clips], np.float32),
        "fps": np.array([clip.fps for clip in clips], np.float32),
        "joint_valid": np.array(joint_valid),
    }
    _save(path, {**arrays, **_clip_table(clips)})


def write_rotations(path: Path, clips: Sequence[Clip]) -> bool:
    """Write global segment rotations of the same frames; False, and nothing, where a clip has none."""
    quaternions = [clip.quaternions for clip in clips if clip.quaternions is not None]
    if len(quaternions) < len(clips) or not clips:
        return False
    rounded = np.round(np.concatenate(quaternions) * QUATERNION_SCALE).astype(np.int16)
    _save(path, {"segments": np.array(SEGMENTS), "quat_xyzw": rounded, **_clip_table(clips)})
    return True


def _clip_table(clips: Sequence[Clip]) -> dict[str, NDArray[Any]]:
    lengths = [len(clip.positions) for clip in clips]
    return {
        "start": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "name": np.array([clip.name for clip in clips]),
        "subject": np.array([clip.subject for clip in clips]),
    }


def _save(path: Path, arrays: Arrays) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    write_whole(path, write)


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `path`, which takes its place only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
