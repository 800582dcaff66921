"""Scenes whose truth is known: recorded motion in front of a virtual camera, and what a detector would see.

World axes are Sealcap's own (Y up, floor at 0, the camera above the origin looking along -Z), so that truth
and result may be compared without any alignment as long as the camera's pitch is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lifting.camera import Intrinsics, gravity_from_pitch, world_from_cam
from lifting.skeleton import BODY21, BONES, SEALCAP26
from training.config import load_config
from training.corpus import load_corpus
from training.detector_noise import DetectorNoise, observe

Floats = NDArray[np.float64]

OUR_AXES = [1, 2, 0]
"""Corpus (x ahead, y left, z up) to ours (x left, y up, z ahead): a cyclic change, no mirroring."""
BODY21_IN_26 = SEALCAP26.indices(*BODY21.joints)
MARGIN = 0.93
"""The figure stays within this share of half the picture."""
ELBOW_ROLL_DEG = 30.0
"""In the corpus's T-pose elbows bend about an axis so far from the vertical, for all people alike; in
the VRM's about the vertical. A matter of definition: the truth is turned about the bone by it."""
_SEGMENT = {
    "Hips": "pelvis", "Spine": "spine", "Chest": "chest", "Neck": "neck", "Head": "head",
    "Shoulder": "clavicle", "UpperArm": "upperarm", "LowerArm": "forearm", "Hand": "hand",
    "UpperLeg": "thigh", "LowerLeg": "shank", "Foot": "foot", "Toes": "toes",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Clip:
    """Recorded motion in our axes: joints (T,26,3) metres, rotations of `BONES` (T,21,4) xyzw, world."""

    name: str
    fps: float
    stature_m: float
    joints: Floats
    rotations: Floats | None = None

    def part(self, seconds: float) -> Clip:
        """The first seconds."""
        n = round(seconds * self.fps)
        rotations = None if self.rotations is None else self.rotations[:n]
        return replace(self, joints=self.joints[:n], rotations=rotations)

    def at(self, fps: float) -> Clip:
        """The same motion at another rate, on Catmull-Rom splines through the joints; no rotations then."""
        if fps == self.fps:
            return self
        times = np.arange(0, len(self.joints) - 1 + 1e-9, self.fps / fps)
        return replace(self, fps=fps, joints=catmull_rom(self.joints, times), rotations=None)


@dataclass(frozen=True, eq=False)
class Camera:
    """A virtual camera: fixed lens and tilt above the origin."""

    fov_deg: float = 65.0
    pitch_deg: float = 8.0
    height_m: float = 1.4
    width: int = 1280
    height: int = 720

    @cached_property
    def intrinsics(self) -> Intrinsics:
        return Intrinsics.from_fov(self.width, self.height, self.fov_deg)

    @cached_property
    def R_world_from_cam(self) -> Floats:  # noqa: N802 - the matrix's name
        return np.asarray(world_from_cam(gravity_from_pitch(self.pitch_deg)))

    @property
    def half_tan(self) -> tuple[float, float]:
        """Tangents of half the picture's width and height."""
        i = self.intrinsics
        return 0.5 * i.width / i.fx, 0.5 * i.height / i.fy


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip in front of a camera; joints of `clip` are world joints."""

    clip: Clip
    camera: Camera

    @cached_property
    def joints_cam(self) -> Floats:
        """(T,26,3) metres, camera axes, absolute."""
        world = self.clip.joints - np.array([0.0, self.camera.height_m, 0.0])
        return np.asarray(world @ self.camera.R_world_from_cam)

    @property
    def root_cam(self) -> Floats:
        """(T,3) mid-hip."""
        return self.joints_cam[:, 0]

    @property
    def relative(self) -> Floats:
        """(T,26,3) relative to mid-hip."""
        return self.joints_cam - self.joints_cam[:, :1]

    def time_ns(self, frame: int) -> int:
        return 1_000_000_000 + round(frame * 1e9 / self.clip.fps)


@dataclass(frozen=True, eq=False)
class Seen:
    """2D of a scene: points (T,21,2) pixels, confidence (T,21)."""

    points_px: Floats
    confidence: Floats

    def hide(self, joints: list[int], frames: slice) -> Seen:
        """The same with some joints of some frames unseen."""
        confidence = self.confidence.copy()
        confidence[frames, joints] = 0.0
        return replace(self, confidence=confidence)


def catmull_rom(values: Floats, times: Floats) -> Floats:
    """Values (T,...) at fractional frame numbers (N,); passes through the frames, slopes are continuous."""
    i = np.clip(times.astype(int), 0, len(values) - 2)
    u = (times - i).reshape(-1, *[1] * (values.ndim - 1))
    last = len(values) - 1
    p0, p1, p2, p3 = (values[np.clip(i + k, 0, last)] for k in (-1, 0, 1, 2))
    out = p1 + 0.5 * u * (p2 - p0 + u * (2 * p0 - 5 * p1 + 4 * p2 - p3 + u * (3 * (p1 - p2) + p3 - p0)))
    return np.asarray(out)


def load_clips(folder: Path, name: str = "cmu", split: str = "test") -> dict[str, Clip]:
    """All clips of a split by name. Raises DataError where the corpus is missing or broken."""
    corpus = load_corpus(folder, name, split)
    bones = corpus.bones.astype(np.float64)
    joints = np.zeros_like(bones)
    for j, parent in enumerate(SEALCAP26.parents):
        joints[:, j] = bones[:, j] + (joints[:, parent] if parent >= 0 else 0.0)
    with np.load(folder / f"{name}_{split}.npz") as table:
        names = dict(zip(table["start"][:-1].tolist(), table["name"].tolist(), strict=True))
    with np.load(folder / f"{name}_{split}_rotations.npz") as table:
        quats = _rotations(table["quat_xyzw"], table["segments"].tolist())
    clips = {}
    for first, frames, stature in zip(corpus.first, corpus.frames, corpus.stature_m, strict=True):
        rows = slice(first, first + frames)
        clips[names[int(first)]] = Clip(
            names[int(first)], corpus.fps, float(stature), joints[rows][..., OUR_AXES], quats[rows]
        )
    return clips


def _rotations(quat: NDArray[np.generic], segments: list[str]) -> Floats:
    """(F,21,4) of the corpus's segments to `BONES` in our axes, arms rolled to the VRM's T-pose."""
    order = [segments.index(_segment(bone)) for bone in BONES.joints]
    q = quat.astype(np.float64)[:, order][..., [*OUR_AXES, 3]]
    arms = [i for i, bone in enumerate(BONES.joints) if bone.endswith(("Arm", "Hand"))]
    half = math.radians(-ELBOW_ROLL_DEG) / 2
    q[:, arms] = _multiply(q[:, arms], np.array([math.sin(half), 0.0, 0.0, math.cos(half)]))
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def _segment(bone: str) -> str:
    for side, mark in (("Left", "l_"), ("Right", "r_")):
        if bone.startswith(side):
            return mark + _SEGMENT[bone.removeprefix(side)]
    return _SEGMENT[bone]


def turned(clip: Clip, yaw: float) -> Clip:
    """Turned about the vertical by `yaw` radians."""
    c, s = math.cos(yaw), math.sin(yaw)
    R = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    rotations = clip.rotations
    if rotations is not None:
        half = np.array([0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2)])
        rotations = _multiply(np.broadcast_to(half, rotations.shape), rotations)
    return replace(clip, joints=clip.joints @ R.T, rotations=rotations)


def _multiply(a: Floats, b: Floats) -> Floats:
    """Quaternion product, xyzw; our own here so that the judge does not rest on what it judges."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + np.cross(av, bv)
    return np.concatenate([vector, aw * bw - (av * bv).sum(-1, keepdims=True)], axis=-1)


def facing(clip: Clip, heading_deg: float) -> Clip:
    """Turned so that the path (or, of people who stay, the first figure's front) leads `heading_deg`:
    0 towards the camera, 90 to the right of the picture."""
    path = clip.joints[-1, 0] - clip.joints[0, 0]
    if math.hypot(path[0], path[2]) < 1.0:
        hips = SEALCAP26.indices("left_hip", "right_hip")
        across = clip.joints[0, hips[0]] - clip.joints[0, hips[1]]
        path = np.array([-across[2], 0.0, across[0]])
    return turned(clip, math.radians(heading_deg) - math.atan2(path[0], path[2]))


def film(clip: Clip, camera: Camera, heading_deg: float = 0.0, nearest_m: float = 2.0) -> Scene:
    """The clip as near to the camera as it fits into the picture as a whole."""
    clip = facing(clip, heading_deg)
    centre = 0.5 * (clip.joints[:, 0].min(0) + clip.joints[:, 0].max(0)) * [1, 0, 1]
    for distance in np.arange(nearest_m, 15.0, 0.1):
        joints = clip.joints - centre - [0.0, 0.0, distance]
        scene = Scene(replace(clip, joints=joints), camera)
        cam = scene.joints_cam
        rays = cam[..., :2] / np.maximum(cam[..., 2:], 0.3)
        if (np.abs(rays) < np.array(camera.half_tan) * MARGIN).all() and cam[..., 2].min() > 0.5:
            return scene
    raise ValueError(f"{clip.name} does not fit into the picture within 15 m")


def longer(clip: Clip, path_m: float) -> Clip:
    """A straight walk continued to `path_m` by repeating its middle stride, seams blended over 0.2 s.

    The stride is the pair of frames 0.8-1.6 s apart whose figures and their motion differ least.
    """
    joints = clip.joints
    while _path(joints) < path_m:
        i, j = _stride(joints, clip.fps)
        shift = (joints[j, 0] - joints[i, 0]) * [1, 0, 1]
        n = round(0.2 * clip.fps)
        w = (np.arange(n) / n)[:, None, None]
        w = w * w * (3 - 2 * w)
        seam = (1 - w) * joints[j : j + n] + w * (joints[i : i + n] + shift)
        joints = np.concatenate([joints[:j], seam, joints[i + n :] + shift])
    return replace(clip, joints=joints, rotations=None)


def _path(joints: Floats) -> float:
    ground = joints[:, 0, [0, 2]]
    return float(np.linalg.norm(ground[-1] - ground[0]))


def _stride(joints: Floats, fps: float) -> tuple[int, int]:
    """Frames (i, j) of the same phase of the gait."""
    figure = joints - joints[:, :1] * [1, 0, 1]
    motion = np.gradient(figure, axis=0) * 4.0
    shape = np.concatenate([figure, motion], axis=1)
    quarter, tail = len(joints) // 4, round(0.25 * fps)
    best = (math.inf, 0, 0)
    for i in range(quarter, len(joints) - round(0.8 * fps) - tail):
        for j in range(i + round(0.8 * fps), min(i + round(1.6 * fps), len(joints) - tail)):
            best = min(best, (float(((shape[i] - shape[j]) ** 2).sum()), i, j))
    if not best[2]:
        raise ValueError("the walk is too short to repeat a stride")
    return best[1], best[2]


def perfect(scene: Scene) -> Seen:
    """Exact projections; confidence 1 within the picture."""
    points = scene.camera.intrinsics.project(scene.joints_cam[:, BODY21_IN_26])
    size = (scene.camera.width, scene.camera.height)
    inside = ((points >= 0) & (points < size)).all(axis=-1)
    return Seen(np.nan_to_num(points), inside.astype(np.float64))


def detected(scene: Scene, seed: int, noise: DetectorNoise) -> Seen:
    """What the fitted noise model makes of it; its constants per frame at 30 fps are converted."""
    rate = scene.clip.fps / 30.0
    slow = tuple(c ** (1 / rate) for c in noise.correlation)
    frames = {k: tuple(x * rate for x in getattr(noise, k)) for k in ("covered_frames", "swap_frames")}
    at_rate = noise.model_copy(update={"correlation": slow, **frames})
    rng = torch.Generator().manual_seed(seed)
    joints = torch.from_numpy(scene.joints_cam.astype(np.float32))[None]
    seen = observe(joints, torch.tensor([scene.camera.half_tan]), at_rate, rng)[0].numpy().astype(np.float64)
    i = scene.camera.intrinsics
    points = seen[..., :2] * (i.fx, i.fy) + (i.cx, i.cy)
    return Seen(points, seen[..., 2])


def detector_model(config: Path, known_fov: bool = True) -> DetectorNoise:
    """The noise of `configs/lifter.yaml` as the default detector (BlazePose) has it."""
    update: dict[str, object] = {"profiles": {"blazepose": 1.0}}
    if known_fov:
        update["wrong_focal"] = 0.0
    return load_config(config).detector.model_copy(update=update)


def only_jitter(noise: DetectorNoise) -> DetectorNoise:
    """The same without covered limbs, lost points, outliers, exchanged sides: to hide joints on purpose."""
    return noise.model_copy(
        update={"covered": 0.0, "lost": 0.0, "outlier": 0.0, "swap": 0.0, "swap_from_behind": 0.0}
    )
