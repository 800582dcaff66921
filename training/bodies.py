"""Moving bodies of all builds, sampled from a corpus: joints in world axes (metres, Z up, floor at 0).

Everything happens on bone vectors: mirroring, mixing two people's halves, bending limbs and scaling are all
linear there, and one product with the ancestor matrix turns bones into joints.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator
from torch import Generator, Tensor

from lifting.skeleton import SEALCAP26, Skeleton
from training.corpus import Corpus
from training.pose_variety import bend, lean, nod, rotation_about, straighten, subtree, tiptoe


class BodyVariety(BaseModel):
    """How far sampled bodies and motions may differ from what was recorded."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    category_power: float = Field(default=0.35, ge=0, le=1)
    """0: clips count by length; 1: every category of motion counts the same."""
    time_warp: float = Field(default=1.6, ge=1)
    """Motion is played between 1/x and x times as fast."""
    reverse: float = Field(default=0.0, ge=0, le=1)
    """Share of windows played backwards: who learned from people who walk ahead takes steps back for half as
    long as they are."""
    stream_start: float = Field(default=0.08, ge=0, le=1)
    """Share of windows that begin before the clip, like the first frames of a stream."""
    mix: float = Field(default=0.3, ge=0, le=1)
    """Share of windows with the legs of one clip and the upper body of another."""
    bend: float = Field(default=0.3, ge=0, le=1)
    """Share of windows whose limbs and trunk are bent away from the recorded pose."""
    stature_m: tuple[float, float] = (1.70, 0.09)
    """Mean and standard deviation of body height."""
    bone_sd: float = Field(default=0.06, ge=0)
    """Standard deviation of a bone's relative length, the same on both sides."""
    asymmetry_sd: float = Field(default=0.01, ge=0)
    """Standard deviation of a bone's relative length, for each side alone."""
    width_sd: float = Field(default=0.11, ge=0)
    """Additional standard deviation of the width of shoulders and of hips: women and men, broad and narrow.
    Where it is too small, narrow shoulders are taken for distant ones and tilt the body."""
    leg_sd: float = Field(default=0.03, ge=0)
    """Standard deviation of a common factor of thigh and shank."""
    anatomy: dict[str, PositiveFloat] = {"knee": 1.05, "ankle": 0.97, "hip": 1.06, "shoulder": 0.97}
    """Mean factor of the bone that ends at a joint (both sides): corrects the corpus's own proportions. In
    CMU's data thigh and shank are as 0.48 to 0.52; anatomy (de Leva 1996) says 0.495 to 0.505."""
    straighten_deg: tuple[float, float] = (11.0, 6.0)
    """Mean and standard deviation of the knee flexion that is taken away. The corpus's knee centres lie too
    far forward: slow, upright people show a median of 17 degrees where nearly straight legs are usual."""
    lean_legs_deg: tuple[float, float] = (3.0, 3.0)
    """Mean and standard deviation of a forward swing of the legs about the hips. The corpus's upright people
    have their hips 85 mm before their ankles, quietly standing ones about 40 mm (Winter 1995)."""
    lean_trunk_deg: tuple[float, float] = (-2.0, 4.0)
    """The same of the trunk."""
    look_up_deg: tuple[float, float] = (0.0, 0.0)
    """Mean and standard deviation of a turn of the head upwards. The corpus's heads are nearly level, so that
    a network takes them for spirit levels; people look at high cameras."""
    head_turn_deg: float = Field(default=0.0, ge=0)
    """Standard deviation of a turn of the head to a side."""
    head_tilt_deg: float = Field(default=0.0, ge=0)
    """Standard deviation of leaning the head to a side."""
    face_sd: float = Field(default=0.0, ge=0)
    """Additional standard deviation of the relative size of the face."""
    toes_down_deg: tuple[float, float] = (0.0, 0.0)
    """Mean and standard deviation of a pitch of both feet: shoes with heels."""
    foot_sd: float = Field(default=0.0, ge=0)
    """Additional standard deviation of the relative length from ankle to toe."""

    @field_validator("anatomy")
    @classmethod
    def _known_parts(cls, anatomy: dict[str, float]) -> dict[str, float]:
        parts = list(dict.fromkeys(_part(joint) for joint in SEALCAP26.joints[1:]))
        unknown = sorted(set(anatomy) - set(parts))
        if unknown:
            raise ValueError(f"no joint is called {', '.join(unknown)}; there are {', '.join(parts)}")
        return anatomy


class BodySampler:
    """Draws windows from a corpus that is kept in memory as tensors."""

    def __init__(self, corpus: Corpus, variety: BodyVariety) -> None:
        self.variety, self.corpus = variety, corpus
        self._bones = torch.from_numpy(corpus.bones)
        self._first, self._frames = torch.from_numpy(corpus.first), torch.from_numpy(corpus.frames)
        self._stature = torch.from_numpy(corpus.stature_m)
        self._chance = torch.from_numpy(_clip_chances(corpus, variety.category_power))
        self._ancestors = ancestor_matrix(SEALCAP26)
        self._anatomy = torch.tensor([math.log(variety.anatomy.get(_part(n), 1.0)) for n in SEALCAP26.joints])
        self._twin = torch.from_numpy(SEALCAP26.mirrored.copy())

    def sample(self, count: int, window: int, rng: Generator) -> Tensor:
        """(count, window, 26, 3) joints, newest frame last, one frame per 1/fps of the corpus."""
        v = self.variety
        bones, stature = self._windows(count, window, rng)
        mixed = round(count * v.mix)
        if mixed:
            other, _ = self._windows(mixed, window, rng)
            bones[:mixed, :, _UPPER] = _with_heading_of(bones[:mixed], other)[:, :, _UPPER]
        flip = (torch.rand(count, generator=rng) < 0.5).nonzero()[:, 0]
        bones[flip] = bones[flip].index_select(2, self._twin) * torch.tensor([1.0, -1.0, 1.0])
        bent = round(count * v.bend)
        if bent:
            chosen = torch.randperm(count, generator=rng)[:bent]
            bones[chosen] = bend(bones[chosen], self._ancestors, rng)
        bones = straighten(bones, v.straighten_deg, rng)
        bones = lean(bones, v.lean_legs_deg, v.lean_trunk_deg, rng)
        if any(v.look_up_deg) or v.head_turn_deg or v.head_tilt_deg:
            bones = nod(bones, v.look_up_deg, v.head_turn_deg, v.head_tilt_deg, rng)
        if any(v.toes_down_deg):
            bones = tiptoe(bones, v.toes_down_deg, rng)
        bones = bones * self._scales(stature, rng)[:, None, :, None]
        return torch.einsum("jk,btkc->btjc", self._ancestors, bones)

    def _windows(self, count: int, window: int, rng: Generator) -> tuple[Tensor, Tensor]:
        """Bones (count,window,26,3) at random moments and speeds, and the people's statures (count,)."""
        v = self.variety
        clip = torch.multinomial(self._chance, count, replacement=True, generator=rng)
        last = (self._frames[clip] - 1).float()
        spread = math.log(v.time_warp)
        speed = torch.exp((2 * torch.rand(count, generator=rng) - 1) * spread)
        end = torch.rand(count, generator=rng) * last
        early = torch.rand(count, generator=rng) < v.stream_start
        end = torch.where(early, end, torch.maximum(end, torch.minimum((window - 1) * speed, last)))
        back = torch.arange(window - 1, -1, -1)
        time = (end[:, None] - speed[:, None] * back).clamp(min=0.0)  # (B,T) frames
        if v.reverse:
            backwards = (torch.rand(count, generator=rng) < v.reverse) & ~early
            time = torch.where(backwards[:, None], time.flip(1), time)
        before = time.floor().long()
        after = torch.minimum(before + 1, last.long()[:, None])
        weight = (time - before)[..., None, None]
        first = self._first[clip][:, None]
        bones = torch.lerp(self._rows(first + before), self._rows(first + after), weight)
        return bones, self._stature[clip]

    def _rows(self, index: Tensor) -> Tensor:
        """Bones (B,T,26,3) of recorded frames (B,T); index_select of flat rows is the fastest gather."""
        return self._bones.flatten(1).index_select(0, index.flatten()).view(*index.shape, len(SEALCAP26), 3)

    def _scales(self, stature: Tensor, rng: Generator) -> Tensor:
        """(B,26) factor of each bone's length; row 0 scales the path of the pelvis."""
        v, count = self.variety, len(stature)
        mean, sd = v.stature_m
        height = (mean + sd * torch.randn(count, generator=rng)).clamp(mean - 3 * sd, mean + 3 * sd)
        common = (v.bone_sd * torch.randn(count, len(SEALCAP26), generator=rng)).clamp(
            -2.5 * v.bone_sd, 2.5 * v.bone_sd
        )
        common[:, _WIDTHS] += v.width_sd * torch.randn(count, len(_WIDTHS), generator=rng)
        common[:, _RIGHT] = common[:, _LEFT]
        common[:, _TRUNK] = common[:, _TRUNK[:1]]
        common[:, _FACE] = common[:, _FACE[:1]] + 0.5 * (common[:, _FACE] - common[:, _FACE[:1]])
        for joints, sd in ((_SKULL, v.face_sd), (_TOES, v.foot_sd)):
            if sd:
                common[:, joints] += sd * torch.randn(count, 1, generator=rng)
        leg = v.leg_sd * torch.randn(count, 1, generator=rng)
        common[:, _LEGS] += leg
        common += self._anatomy
        common[:, 0] = leg[:, 0]  # longer legs carry the pelvis higher
        own = v.asymmetry_sd * torch.randn(count, len(SEALCAP26), generator=rng)
        return (height / stature)[:, None] * torch.exp(common + own)


def ancestor_matrix(skeleton: Skeleton) -> Tensor:
    """(J,J): row j is 1 at j and all its ancestors, so that joints = matrix @ bones."""
    matrix = torch.zeros(len(skeleton), len(skeleton))
    for joint in range(len(skeleton)):
        at = joint
        while at >= 0:
            matrix[joint, at] = 1.0
            at = skeleton.parents[at]
    return matrix


def _clip_chances(corpus: Corpus, power: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    weight = corpus.frames.astype(np.float64)
    category = np.array(corpus.category)
    for name in set(corpus.category):
        member = category == name
        weight[member] *= corpus.frames[member].sum() ** -power
    return weight / weight.sum()  # type: ignore[no-any-return]


def _part(joint: str) -> str:
    """left_knee → knee."""
    return joint.removeprefix("left_").removeprefix("right_")


def _with_heading_of(target: Tensor, other: Tensor) -> Tensor:
    """Bones of `other` turned about the vertical so that its hips point where those of `target` do."""
    angle = _heading(target) - _heading(other)  # (B,T)
    up = torch.tensor([0.0, 0.0, 1.0]).expand(angle.numel(), 3)
    R = rotation_about(up, angle.flatten()).unflatten(0, angle.shape)
    return torch.einsum("btij,btkj->btki", R, other)


def _heading(bones: Tensor) -> Tensor:
    across = bones[:, :, _HIP_LEFT] - bones[:, :, _HIP_RIGHT]
    return torch.atan2(across[..., 1], across[..., 0])


_HIP_LEFT, _HIP_RIGHT = SEALCAP26.indices("left_hip", "right_hip")
_LEFT = [i for i, name in enumerate(SEALCAP26.joints) if name.startswith("left_")]
_RIGHT = [int(SEALCAP26.mirrored[i]) for i in _LEFT]
_WIDTHS = SEALCAP26.indices("left_shoulder", "left_hip")  # the right ones follow
_TRUNK = SEALCAP26.indices("spine", "chest")
_FACE = SEALCAP26.indices("head", "nose", "left_eye", "right_eye", "left_ear", "right_ear")
_SKULL, _TOES = _FACE[1:], SEALCAP26.indices("left_toe", "right_toe")
_LEGS = SEALCAP26.indices("left_knee", "right_knee", "left_ankle", "right_ankle")
_UPPER = subtree("spine")
