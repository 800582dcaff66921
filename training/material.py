"""What a training run learns from and is validated on, for every kind of corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lifting.models.ray_lifter import RayLifter
from lifting.models.screen_lifter import ScreenLifter
from training.batches import Batch, BatchMaker
from training.config import TrainingConfig
from training.corpus import check_live_rate, load_corpus
from training.datasets import load_sequences
from training.evaluate import evaluate_synthetic
from training.screen_batches import ScreenBatchMaker
from training.screen_evaluation import evaluate_sequences

VALIDATION_FRAMES = 20_000
"""About as many frames of a benchmark are answered at each validation; `sealcap evaluate` takes all."""

FEW = 16
"""Windows in a batch that is only looked at."""

Lifter = RayLifter | ScreenLifter
Scores = dict[str, float]
_L = TypeVar("_L", RayLifter, ScreenLifter)


@dataclass(frozen=True)
class Material:
    """Batches by step, and the judgement of a lifter on held-out people."""

    batch: Callable[[int], Batch]
    held_out: Callable[[int], Batch]
    """A few windows of the validation split, to be looked at."""
    validate: Callable[[Lifter], Scores]


def open_material(config: TrainingConfig, frames: tuple[int, ...], clip_frames: int) -> Material:
    """Read the training and the validation split.

    `frames` of its window are what the network answers; `clip_frames` > 1 as in `BatchMaker`. Raises
    DataError for missing or broken files, and for motion at another rate than live video is lifted at.
    """
    corpus = config.corpus
    few = config.model_copy(update={"optimiser": config.optimiser.model_copy(update={"batch": FEW})})
    if corpus.kind == "motion":
        learned, held_out = (
            check_live_rate(load_corpus(corpus.folder, corpus.name, split), corpus.folder)
            for split in ("train", "val")
        )
        return Material(
            BatchMaker(learned, config, clip_frames),
            BatchMaker(held_out, few),
            lambda lifter: evaluate_synthetic(_expect(lifter, RayLifter), held_out, config),
        )
    split = "train" if corpus.hold_out else "trainval"
    training = load_sequences(corpus.kind, corpus.folder, split, corpus.input)
    validation = load_sequences(corpus.kind, corpus.folder, "val", corpus.input)
    return Material(
        ScreenBatchMaker(training, config, frames, clip_frames),
        ScreenBatchMaker(validation, few, frames),
        lambda lifter: evaluate_sequences(_expect(lifter, ScreenLifter), validation, VALIDATION_FRAMES),
    )


def score(lifter: Lifter, config: TrainingConfig, split: str) -> Scores:
    """Errors on all of one split. Raises DataError for missing or broken files."""
    corpus = config.corpus
    if isinstance(lifter, RayLifter):
        return evaluate_synthetic(lifter, load_corpus(corpus.folder, corpus.name, split), config)
    return evaluate_sequences(lifter, load_sequences(corpus.kind, corpus.folder, split, corpus.input))


def _expect(lifter: Lifter, kind: type[_L]) -> _L:
    if not isinstance(lifter, kind):
        raise TypeError(f"this material judges a {kind.__name__}, not a {type(lifter).__name__}")
    return lifter
