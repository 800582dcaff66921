"""Which trainings a comparison needs, and which of them can run now.

Fairness: every arm has one knob, and every value of it is tried with the first seed; the value with the
lowest MPJPE on the *validation* split is kept and trained with the other seeds. The baseline's knob (usually
the learning rate) is chosen first and then holds for every arm of that backbone, so that no method is
compared with a badly tuned baseline. The run that tried the best value with the first seed is also that
seed's cell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from training.compare.config import CellGroup, CompareConfig
from training.config import TrainingConfig

Outcome = float | None
"""MPJPE on the validation split in metres, or None for a cell that failed."""


@dataclass(frozen=True)
class Cell:
    """One training."""

    backbone: str
    arm: str
    seed: int
    config: TrainingConfig = field(compare=False)
    """Everything that decides the result, the data apart."""
    tuned: tuple[tuple[str, float], ...] = ()
    """Dotted key and value of every knob that was turned."""
    indicative: bool = False

    def folder(self, data: str) -> str:
        """Its own folder, relative to that of the comparison. Changed settings, or training on other `data`
        (a hash), get another one, so that old results stay and are never mistaken for new ones. Settings
        at their defaults do not count: a new kind of setting must not orphan all results."""
        outside = {"name", "checkpoint_every", "validate_every"}
        record = self.config.model_dump(mode="json", exclude=outside, exclude_defaults=True)
        record["corpus"] = data
        digits = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:10]
        return f"cells/{self.backbone}/{self.arm}/seed{self.seed}-{digits}"


Known = Callable[[Cell], Outcome | str]
"""What is known of a cell: its MPJPE, None when it failed, "" when it did not run yet."""


@dataclass(frozen=True)
class Choice:
    """How far the tuning of one arm of one backbone got."""

    cells: list[Cell]
    """One per value, with the first seed."""
    best: Cell | None
    """Known when all of them ended and one succeeded."""
    ended: bool


def choice(config: CompareConfig, group: CellGroup, backbone: str, arm: str, known: Known) -> Choice | None:
    """The tuning of an arm; None while the baseline's knob, on which it builds, is not chosen."""
    inherited: dict[str, float] = {}
    if arm != config.baseline:
        base = choice(config, group, backbone, config.baseline, known)
        if base is None or base.best is None:
            return None
        inherited = dict(base.best.tuned)
    cells = [
        _cell(config, group, backbone, arm, group.seeds[0], inherited | tuned)
        for tuned in _tries(config, group, backbone, arm)
    ]
    outcomes = [known(cell) for cell in cells]
    ended = "" not in outcomes
    succeeded = [(o, i) for i, o in enumerate(outcomes) if isinstance(o, float)]
    best = cells[min(succeeded)[1]] if ended and succeeded else None
    return Choice(cells, best, ended)


def table_cells(config: CompareConfig, known: Known) -> list[Cell]:
    """The cells that make the table, as far as they are decided: the best value of each arm, all seeds."""
    cells: list[Cell] = []
    for group, backbone, arm in _pairs(config):
        chosen = choice(config, group, backbone, arm, known)
        if chosen is not None and chosen.best is not None:
            tuned = dict(chosen.best.tuned)
            cells += [_cell(config, group, backbone, arm, seed, tuned) for seed in group.seeds]
    return cells


def next_cells(config: CompareConfig, known: Known) -> list[Cell]:
    """Cells that did not run and depend on nothing unfinished, the most useful first.

    Order: priority of the group; then each backbone in turn gives the next cell of its own list, which is the
    baseline's tuning, the arms' tunings, then seed after seed of all arms.
    """
    ready: list[tuple[tuple[int, int, int], Cell]] = []
    for group in config.cells:
        for column, backbone in enumerate(group.backbones):
            for row, cell in _in_order(config, group, backbone, known):
                if known(cell) == "":
                    ready.append(((group.priority, row, column), cell))
    return [cell for _, cell in sorted(ready, key=lambda item: item[0])]


def decided_cells(config: CompareConfig, known: Known) -> list[Cell]:
    """All cells, of tunings and of the table, that are decided so far; each once."""
    return [
        cell
        for group in config.cells
        for backbone in group.backbones
        for _, cell in _in_order(config, group, backbone, known)
    ]


def count_cells(config: CompareConfig) -> int:
    """How many trainings the whole comparison takes."""
    return sum(
        len(_tries(config, group, backbone, arm)) + len(group.seeds) - 1
        for group, backbone, arm in _pairs(config)
    )


def _in_order(config: CompareConfig, group: CellGroup, backbone: str, known: Known) -> list[tuple[int, Cell]]:
    """One backbone's decided cells with their place in its list."""
    arms = [config.baseline, *(arm for arm in group.arms if arm != config.baseline)]
    chosen = {arm: choice(config, group, backbone, arm, known) for arm in arms}
    placed: list[tuple[int, Cell]] = []
    row = 0
    for arm in arms:
        tuning = chosen[arm]
        if tuning is not None:
            placed += [(row + i, cell) for i, cell in enumerate(tuning.cells)]
        row += len(_tries(config, group, backbone, arm))
    for seed in group.seeds[1:]:
        for arm in arms:
            tuning = chosen[arm]
            if tuning is not None and tuning.best is not None:
                placed.append((row, _cell(config, group, backbone, arm, seed, dict(tuning.best.tuned))))
            row += 1
    return placed


def _pairs(config: CompareConfig) -> list[tuple[CellGroup, str, str]]:
    return [(group, b, a) for group in config.cells for b in group.backbones for a in group.arms]


def _tries(config: CompareConfig, group: CellGroup, backbone: str, arm: str) -> list[dict[str, float]]:
    """What the knob is set to, one by one; one empty setting without a knob, or where none is turned."""
    if not group.tuned:
        return [{}]
    tries = [{key: value} for key, values in config.knob_values(backbone, arm).items() for value in values]
    return tries or [{}]


def _cell(
    config: CompareConfig, group: CellGroup, backbone: str, arm: str, seed: int, tuned: dict[str, float]
) -> Cell:
    settings = config.settings(backbone, arm, seed, tuned)
    return Cell(backbone, arm, seed, settings, tuple(sorted(tuned.items())), group.indicative)
