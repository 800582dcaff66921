"""The occlusion protocol: hide joints from a lifter on purpose and see what it makes of them.

Three ways of hiding, each in two forms, always the same for the same seed:

* `joints`: every joint of every frame with probability p = 0.1, 0.2, 0.3;
* `limb`: one whole limb (an arm with its shoulder, a leg with its hip and foot) for 5, 15, 30 frames;
* `all`: everything for 5, 15, 30 frames, as when tracking is lost;

* `gone`: coordinates and confidence 0, what a detector says that found nothing;
* `jitter`: Gaussian noise of 5 % of the person's box and a low confidence, what it says when it guesses.

The papers' own protocols are not public; this one is ours. Training sees the same kind of thing already:
limbs covered for a while, lost or noisy, single points missing (`covered…` and `lost` in
`training.detector_noise`). Without that a loss on hidden joints, such as RePOSE's, could not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import BODY21, SEALCAP26
from training import metrics
from training.batches import BatchMaker, seeded
from training.config import TrainingConfig
from training.corpus import Corpus
from training.evaluate import lift_windows
from training.segments import below_root

SEQUENCES = 100
SEQUENCE_FRAMES = 40
JITTER = 0.05
"""Standard deviation in longer sides of the box around the frame's seen joints."""
LOW_CONFIDENCE = (0.05, 0.3)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
What = Literal["joints", "limb", "all"]
Form = Literal["gone", "jitter"]


@dataclass(frozen=True)
class Occlusion:
    """One way of hiding joints."""

    what: What
    amount: float
    """Probability of `joints`; number of frames of the others."""
    form: Form

    def __post_init__(self) -> None:
        if self.what not in ("joints", "limb", "all") or self.form not in ("gone", "jitter"):
            raise ValueError(
                f"joints, limb or all can be gone or jitter; there is no {self.what!r} that is {self.form!r}"
            )
        if self.what == "joints" and not 0 < self.amount <= 1:
            raise ValueError(f"a probability must lie in 0..1, got {self.amount}")
        if self.what != "joints" and (self.amount < 1 or self.amount != int(self.amount)):
            raise ValueError(f"a number of frames must be whole and at least 1, got {self.amount}")

    def __str__(self) -> str:
        size = f"{self.amount:.0%}" if self.what == "joints" else f"{self.amount:.0f} frames"
        return f"{self.what} {size}, {self.form}"


def _cases() -> tuple[Occlusion, ...]:
    forms: tuple[Form, ...] = ("gone", "jitter")
    table: dict[What, tuple[float, ...]] = {
        "joints": (0.1, 0.2, 0.3),
        "limb": (5, 15, 30),
        "all": (5, 15, 30),
    }
    return tuple(Occlusion(what, n, form) for form in forms for what, row in table.items() for n in row)


CASES = _cases()
"""The whole protocol."""


@dataclass(frozen=True)
class OcclusionRow:
    """What one case does to a lifter."""

    case: Occlusion | None
    """None: nothing hidden but what the detector lost by itself."""
    mpjpe_m: float
    """Over all joints and frames."""
    depth_order: float
    """Share of joint pairs, more than 20 mm apart in depth, in the right order, 0..1."""
    hidden_mpjpe_m: float | None = None
    """Over the hidden joints only."""
    hidden_before_m: float | None = None
    """Over the same joints of the same frames while nothing was hidden."""
    hidden_depth_order: float | None = None
    """Over pairs of which at least one joint is hidden."""


def evaluate_occluded(
    lifter: RayLifter,
    corpus: Corpus,
    config: TrainingConfig,
    cases: tuple[Occlusion, ...] = CASES,
    seed: int = 7,
) -> list[OcclusionRow]:
    """One row for the open view and one for each case, all on the same `SEQUENCES` sequences of `corpus`.

    Joints that no detector reports (pelvis to head) are never hidden. Hiding happens within the answered
    frames, so a network with a longer window has no advantage before it begins.
    """
    made = BatchMaker(corpus, config).windows(SEQUENCES, lifter.window + SEQUENCE_FRAMES - 1, seeded(seed, 1))
    first = lifter.frames[-1]
    answered = (first, first + SEQUENCE_FRAMES)
    open_view, truth = lift_windows(lifter, made)
    rows = [_row(None, open_view, open_view, truth, np.zeros(truth.shape[:3], bool))]
    for case in cases:
        keypoints, occluded = corrupt(made.keypoints, case, seed, within=answered)
        predicted, _ = lift_windows(lifter, replace(made, keypoints=keypoints))
        hidden = np.zeros(truth.shape[:3], bool)
        hidden[:, :, SEALCAP26.indices(*BODY21.joints)] = occluded[:, slice(*answered)].numpy()
        rows.append(_row(case, predicted, open_view, truth, hidden))
    return rows


def corrupt(
    keypoints: Tensor, case: Occlusion, seed: int, within: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """Hide joints of sequences (S,F,21,3) of rays and confidences: the sequences after it, and (S,F,21) True
    where a joint was hidden.

    Limb and all happen once per sequence, wholly within the frames `within` (first, end), by default all.
    Joints that were lost before stay lost. Raises ValueError for other shapes, seen joints that are not
    finite, and events longer than the frames they must fit into.
    """
    if keypoints.ndim != 4 or keypoints.shape[2:] != (len(BODY21), 3) or not keypoints.numel():
        raise ValueError(f"keypoints must be (S,F,{len(BODY21)},3), got {tuple(keypoints.shape)}")
    seen = keypoints[..., 2] > 0
    if not keypoints[seen].isfinite().all() or keypoints[..., 2].isnan().any():
        raise ValueError("keypoints hold seen joints that are not finite")
    rng = seeded(seed, CASES.index(case) if case in CASES else len(CASES))
    hidden = _choose(keypoints.shape[:3], case, within or (0, keypoints.shape[1]), rng)
    if case.form == "gone":
        return torch.where(hidden[..., None], 0.0, keypoints), hidden
    noise = torch.randn(*keypoints.shape[:3], 2, generator=rng) * (JITTER * _box(keypoints))[..., None, None]
    low, high = LOW_CONFIDENCE
    confidence = low + (high - low) * torch.rand(keypoints.shape[:3], generator=rng)
    guessed = torch.cat([keypoints[..., :2] + noise, confidence[..., None]], dim=-1)
    return torch.where((hidden & seen)[..., None], guessed, keypoints), hidden


def _choose(shape: torch.Size, case: Occlusion, within: tuple[int, int], rng: Generator) -> Tensor:
    """(S,F,21) what is hidden."""
    if case.what == "joints":
        return torch.rand(shape, generator=rng) < case.amount
    count, frames, _ = shape
    begin, end = within
    latest = end - int(case.amount)
    if not 0 <= begin <= latest or end > frames:
        raise ValueError(
            f"{case} must fit into the frames {begin} to {end} of {frames}; give longer sequences"
        )
    start = torch.randint(begin, latest + 1, (count, 1), generator=rng)
    time = torch.arange(frames)
    during = (time >= start) & (time < start + int(case.amount))  # (S,F)
    which = LIMBS[torch.randint(len(LIMBS), (count,), generator=rng)]  # (S,21)
    if case.what == "all":
        which = torch.ones_like(which)
    return during[:, :, None] & which[:, None]


def _box(keypoints: Tensor) -> Tensor:
    """(S,F,21,3) -> (S,F) longer side of the box around the seen joints, 0 where there are none."""
    seen = keypoints[..., 2:] > 0
    rays = keypoints[..., :2]
    high = torch.where(seen, rays, -torch.inf).amax(dim=2)
    low = torch.where(seen, rays, torch.inf).amin(dim=2)
    return torch.where(seen.any(dim=2), high - low, 0.0).amax(dim=-1)


def _row(
    case: Occlusion | None, predicted: Floats, open_view: Floats, truth: Floats, hidden: Bools
) -> OcclusionRow:
    below = list(below_root(SEALCAP26))
    p, o, t = (x[:, :, below].reshape(-1, len(below), 3) for x in (predicted, open_view, truth))
    marked = hidden[:, :, below].reshape(-1, len(below))
    row = OcclusionRow(case, metrics.mpjpe(p, t), metrics.depth_order_accuracy(p, t))
    if not marked.any():
        return row
    return replace(
        row,
        hidden_mpjpe_m=float(np.linalg.norm(p - t, axis=-1)[marked].mean()),
        hidden_before_m=float(np.linalg.norm(o - t, axis=-1)[marked].mean()),
        hidden_depth_order=metrics.depth_order_accuracy(p, t, only=marked),
    )


def _limbs() -> Tensor:
    """(4,21) which joints each limb has."""
    parts = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "heel", "toe"))
    table = torch.zeros(4, len(BODY21), dtype=torch.bool)
    for row, (side, limb) in enumerate((side, limb) for limb in parts for side in ("left", "right")):
        table[row, BODY21.indices(*(f"{side}_{part}" for part in limb))] = True
    return table


LIMBS = _limbs()
"""Left arm, right arm, left leg, right leg."""
