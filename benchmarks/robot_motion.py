"""Motion for judging robots: clips of a motion corpus and the synthetic routine, as poses seen perfectly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import SEALCAP26
from realtime.data import BodyPose
from realtime.retarget.trial import PoseMaker, routine
from training.corpus import load_corpus

OUR_AXES = [1, 2, 0]
"""Corpus (x ahead, y left, z up) to ours (x left, y up, z ahead)."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Somebody moving: joints (T,26,3) metres, world axes; contacts (T,4) of heels and toes."""

    name: str
    fps: float
    stature_m: float
    joints: NDArray[np.float64]
    contacts: NDArray[np.float64]

    def poses(self) -> Iterator[BodyPose]:
        """Frame after frame."""
        maker = PoseMaker(self.stature_m, self.fps)
        for joints, contacts in zip(self.joints, self.contacts, strict=True):
            yield maker(joints, contacts)


def corpus_clips(folder: Path, split: str = "test", name: str = "cmu") -> list[Clip]:
    """All clips of a split. Raises DataError where the corpus is missing or broken."""
    corpus = load_corpus(folder, name, split)
    bones = corpus.bones.astype(np.float64)
    joints = np.zeros_like(bones)
    for j, parent in enumerate(SEALCAP26.parents):
        joints[:, j] = bones[:, j] + (joints[:, parent] if parent >= 0 else 0.0)
    with np.load(folder / f"{name}_{split}.npz") as table:
        names = dict(zip(table["start"][:-1].tolist(), table["name"].tolist(), strict=True))
        contacts = table["contact"].astype(np.float64)
    clips = []
    for first, frames, stature in zip(corpus.first, corpus.frames, corpus.stature_m, strict=True):
        rows = slice(first, first + frames)
        clips.append(
            Clip(names[int(first)], corpus.fps, float(stature), joints[rows][..., OUR_AXES], contacts[rows])
        )
    return clips


def synthetic(seconds: float = 26.0, fps: float = 30.0) -> Clip:
    """The routine of the synthetic figure, contacts included."""
    poses = list(routine(seconds, fps))
    joints = np.array([pose.joints_world for pose in poses], np.float64)
    return Clip("synthetic", fps, 1.70, joints, np.array([pose.contacts for pose in poses], np.float64))
