"""Takes and sessions with known content, for tests of the files made from them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BONES, CONTACTS, SEALCAP26
from realtime.build import build_people, open_camera
from realtime.config import CameraConfig, RunConfig
from realtime.pipeline import Pipeline
from realtime.sinks.recorder import SessionRecorder
from realtime.solve.forward import place_joints, world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.solve.rest import REST_JOINTS
from realtime.sources.synthetic import SyntheticSource
from realtime.takes.take import Take
from tests.realtime.pipeline_rig import TruthTracker
from tests.realtime.sinks.motions import make_motion, make_pose, with_poses

Float64 = NDArray[np.float64]


def about(axis: Sequence[float] | Float64, degrees: float | Float64) -> Float64:
    """Quaternions (...,4) xyzw of turns by `degrees` (...) about `axis` (3,)."""
    unit, half = np.asarray(axis) / np.linalg.norm(axis), np.radians(np.asarray(degrees, float)) / 2
    return np.concatenate([np.sin(half)[..., None] * unit, np.cos(half)[..., None]], axis=-1)


def take_of(rotations: Mapping[str, Float64], frames: int = 1, fps: float = 30.0, seed: int = 1) -> Take:
    """A take of local rotations (4,) or (N,4) by bone; the others rest. Its body is a little lopsided."""
    rng = np.random.default_rng(seed)
    q = np.tile([0.0, 0.0, 0.0, 1.0], (frames, len(BONES), 1))
    for bone, turns in rotations.items():
        q[:, BONES.index(bone)] = turns
    rest = 1.7 * (REST_JOINTS - REST_JOINTS[0]) + rng.normal(0, 0.01, (len(SEALCAP26), 3))
    rest -= rest[0]
    t = np.arange(frames) / fps
    root = np.stack([0.3 * np.sin(t), 0.9 + 0.05 * np.cos(7 * t), 1.2 * t], axis=1)
    return Take(
        name="made", person_id=3, fps=fps, captured_fps=29.7, start_wall_ns=1_700_000_000_000_000_000,
        joints_world=place_joints(to_matrix(world_rotations(q)), rest, root), bone_rotations=q,
        confidence=rng.uniform(0, 1, (frames, 26)), observed=rng.uniform(size=(frames, 26)) > 0.2,
        contacts=rng.uniform(0, 1, (frames, len(CONTACTS))), states=("tracking",) * frames,
        present=np.ones(frames, bool), rest_joints=rest, height_m=1.7,
    )  # fmt: skip


def walking_take(frames: int = 120, fps: float = 30.0) -> Take:
    """Legs and arms swing, knees bend, the body turns on its way."""
    phase = 2 * np.pi * np.arange(frames) / fps
    turns = {"Hips": about([0, 1, 0], 40 * phase)}
    for side, sign in (("Left", 1), ("Right", -1)):
        turns[f"{side}UpperLeg"] = about([1, 0, 0], 30 * sign * np.sin(phase))
        turns[f"{side}LowerLeg"] = about([1, 0, 0], 25 + 25 * sign * np.cos(phase))
        turns[f"{side}UpperArm"] = about([0, 0, -sign], 80 + 10 * np.sin(phase))
        turns[f"{side}LowerArm"] = about([0, -sign, 0], 30 + 20 * np.sin(phase))
    return take_of(turns, frames, fps)


def wild_take(frames: int = 200, fps: float = 60.0) -> Take:
    """Every bone but the toes tumbles about changing axes, through all gimbal locks and many full turns."""
    rng, t = np.random.default_rng(4), np.arange(frames) / fps
    turns = {}
    for bone in BONES.joints:
        if not bone.endswith("Toes"):
            angle = rng.uniform(200, 900) * t + rng.uniform(0, 360)
            q = about(rng.normal(size=3), angle)
            turns[bone] = q
    turns["LeftUpperArm"] = about([0, 0, 1], 90 * np.round(8 * np.sin(t)))  # stands in the locks
    turns["RightUpperArm"] = about([1, 0, 0], 90 * np.round(3 * t))
    turns["Neck"] = about([0, 1, 0], 90 * np.round(3 * t))
    return take_of(turns, frames, fps)


def gappy(take: Take, *gaps: slice) -> Take:
    """The take with frames that are not present."""
    present = take.present.copy()
    for gap in gaps:
        present[gap] = False
    return replace(take, present=present)


def real_session(path: Path, seconds: float = 6.0, away: tuple[float, float] = (2.0, 4.7)) -> Path:
    """What the pipeline records of the synthetic figure, which is out of sight for a while."""
    source = SyntheticSource(30, (160, 120), duration_s=seconds)
    tracker = TruthTracker(there=lambda t: not away[0] <= t < away[1])
    camera = partial(open_camera, CameraConfig(), None)
    sinks = (SessionRecorder(path),)
    Pipeline(source, tracker, build_people(RunConfig()), camera, sinks, lossless=True).run(threading.Event())
    return path


def session_of(path: Path, people: Mapping[int, Sequence[float]]) -> Path:
    """A session in which people of these numbers are there at these seconds."""
    recorder = SessionRecorder(path)
    recorder.open()
    rng = np.random.default_rng(0)
    for seq, t in enumerate(sorted({t for times in people.values() for t in times})):
        motion = make_motion(seq)
        motion = replace(
            motion, frame=replace(motion.frame, capture_time_ns=round(t * 1e9), wall_offset_ns=7)
        )
        there = [make_pose(rng, i) for i, times in people.items() if t in times]
        recorder.write(with_poses(motion, *there))
    recorder.close()
    return path
