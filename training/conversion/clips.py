"""From one person's posed takes to clips: extremities, frame rate, ground, cuts, contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.conversion import calibration, cmu
from training.conversion.acclaim import AcclaimMotion
from training.conversion.actions import category_of
from training.conversion.extremities import add_extremities
from training.conversion.floor import contacts, floor_height, lift_toes
from training.conversion.layout import JOINTS, SEGMENTS, SIDES
from training.conversion.proportions import HEAD_BONE_ABOVE_EARS, Proportions
from training.conversion.quality import bad_frames, good_runs, twisted_legs
from training.conversion.resample import resample_positions, resample_rotations
from training.conversion.rotations import FloatArray, rotate, to_quaternion
from training.conversion.take import Take

MIN_SECONDS = 1.0
RAISED_M = 0.10
"""A clip whose lowest stand is this much above the others' happens on something, not on a higher floor."""
MAX_FLOOR_M = 0.2
"""Floors further from zero than this tell nothing about the room."""


@dataclass(frozen=True, eq=False)
class Clip:
    """T frames of one person, ready for the corpus file."""

    name: str
    subject: str
    action: str
    category: str
    source: str
    stature_m: float
    fps: float
    positions: NDArray[np.float32]
    """(T,31,3) metres, Z up, floor at z = 0, path centred on x = y = 0."""
    contact: NDArray[np.uint8]
    """(T,4) l_heel, l_ball, r_heel, r_ball on the floor."""
    quaternions: NDArray[np.float32] | None
    """(T,21,4) x, y, z, w of each segment, where the source gives them."""


@dataclass(frozen=True, eq=False)
class _Sampled:
    take: Take
    positions: FloatArray
    segments: FloatArray | None
    floor_m: float


def cmu_takes(recorded: Sequence[tuple[Take, AcclaimMotion]], body: Proportions) -> list[Take]:
    """Posed and corrected takes of one CMU subject.

    Each Take of `recorded` carries the facts of a trial, its AcclaimMotion the movement. Knees first: posing
    with and without their bias changes where feet are.
    """
    stature = body.stature_m
    posed = [_posed(take, motion, body) for take, motion in recorded]
    bias = calibration.knee_bias_deg(posed, stature)
    straight = [
        _posed(take, calibration.straighten_knees(motion, take.joints, bias), body)
        for take, (_, motion) in zip(posed, recorded, strict=True)
    ]
    soles, head = calibration.sole_correction(straight), calibration.head_correction(straight)
    return [_levelled(take, head, soles, stature) for take in straight]


def _posed(take: Take, motion: AcclaimMotion, body: Proportions) -> Take:
    joints, segments = cmu.pose(motion, body)
    return Take(take.name, take.action, take.source, take.fps, joints, segments)


def _levelled(take: Take, head: FloatArray, soles: dict[str, FloatArray], stature_m: float) -> Take:
    segments = dict(take.segments)
    segments["head"] = segments["head"] @ head
    for side, _ in SIDES:
        for part in ("foot", "toes"):
            segments[f"{side}_{part}"] = segments[f"{side}_{part}"] @ soles[side]
    down = np.array([0.0, 0.0, -HEAD_BONE_ABOVE_EARS * stature_m])
    joints = take.joints | {"head": take.joints["head"] + rotate(segments["head"], down)}
    return Take(take.name, take.action, take.source, take.fps, joints, segments)


def finish(takes: Sequence[Take], subject: str, stature_m: float, fps: float) -> tuple[list[Clip], int]:
    """Clips of one person at `fps`, and how many frames (at `fps`) were cut away as bad or too short."""
    sampled = [_sample(take, stature_m, fps) for take in takes]
    floors = [one.floor_m for one in sampled if abs(one.floor_m) < MAX_FLOOR_M]
    room = float(np.median(floors)) if floors else 0.0
    clips: list[Clip] = []
    for one in sampled:
        raised = bool(floors) and one.floor_m > room + RAISED_M
        clips += _cut(one, room if raised else one.floor_m, subject, stature_m, fps)
    frames = sum(len(one.positions) for one in sampled)
    return clips, frames - sum(len(clip.positions) for clip in clips)


def _sample(take: Take, stature_m: float, fps: float) -> _Sampled:
    joints = add_extremities(take.joints, take.segments, stature_m)
    positions = resample_positions(np.stack([joints[name] for name in JOINTS], axis=1), take.fps, fps)
    segments = None
    if set(SEGMENTS) <= set(take.segments):
        segments = resample_rotations(np.stack([take.segments[name] for name in SEGMENTS], 1), take.fps, fps)
    good = ~bad_frames(positions, fps)
    height = floor_height(positions[good], fps, stature_m) if good.sum() > 10 else 0.0
    return _Sampled(take, positions, segments, height)


def _cut(one: _Sampled, floor_m: float, subject: str, stature_m: float, fps: float) -> list[Clip]:
    positions = lift_toes(one.positions - (0.0, 0.0, floor_m), stature_m)
    bad = bad_frames(positions, fps)
    quaternions = None
    if one.segments is not None:
        bad |= twisted_legs(one.segments)
        quaternions = to_quaternion(one.segments).astype(np.float32)
    runs = good_runs(bad, round(MIN_SECONDS * fps))
    clips = []
    for number, (begin, end) in enumerate(runs):
        centred = _centred(positions[begin:end])
        clips.append(
            Clip(
                name=one.take.name + (f"#{number}" if len(runs) > 1 else ""),
                subject=subject,
                action=one.take.action,
                category=category_of(one.take.action or one.take.name),
                source=one.take.source,
                stature_m=stature_m,
                fps=fps,
                positions=centred.astype(np.float32),
                contact=contacts(centred, fps, stature_m),
                quaternions=None if quaternions is None else quaternions[begin:end],
            )
        )
    return clips


def _centred(positions: FloatArray) -> FloatArray:
    path = positions[:, 0, :2]
    middle = (path.min(axis=0) + path.max(axis=0)) / 2
    return positions - (*middle, 0.0)
