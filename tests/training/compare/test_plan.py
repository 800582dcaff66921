"""Plans: how many trainings, in which order, and what tuning decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.compare.config import CompareConfig, load_compare, parse_compare
from training.compare.plan import Cell, count_cells, decided_cells, next_cells, table_cells

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def planned(settings: dict[str, Any]) -> CompareConfig:
    """Two knobs of three values, two backbones with two seeds, and one indicative group."""
    settings["tuning"] = {
        "plain": {"key": "optimiser.learning_rate", "factors": [0.5, 1.0, 2.0]},
        "bones": {"key": "losses.bone_length", "values": [0.1, 0.5, 1.0]},
    }
    settings["backbones"]["third"] = settings["backbones"]["small"]
    group = {"arms": ["plain", "bones"], "seeds": [7, 8]}
    settings["cells"] = [
        {"backbones": ["conv", "small"], **group},
        {"backbones": ["third"], "arms": ["plain"], "seeds": [7], "indicative": True, "priority": 1},
    ]
    return parse_compare(settings, Path(), "test")


def run_all(config: CompareConfig, mpjpe: Callable[[Cell], float | None]) -> list[Cell]:
    """Run cell after cell as the plan says; returns them in order."""
    done: dict[str, float | None] = {}
    order: list[Cell] = []

    def known(cell: Cell) -> float | str | None:
        return done.get(cell.folder("bank"), "")

    while ready := next_cells(config, known):
        order.append(ready[0])
        done[ready[0].folder("bank")] = mpjpe(ready[0])
    assert {c.folder("bank") for c in decided_cells(config, known)} == set(done)
    assert len(order) == len(done), "no cell runs twice"
    order_of_table = table_cells(config, known)
    assert all(isinstance(known(cell), float) or known(cell) is None for cell in order_of_table)
    return order


def error(cell: Cell) -> float:
    """The doubled learning rate and the weight 0.5 are the best."""
    knobs = dict(cell.tuned)
    rate = abs(knobs["optimiser.learning_rate"] / 0.002 - 2)
    return 0.05 + 0.01 * rate + 0.01 * abs(knobs.get("losses.bone_length", 0.5) - 0.5)


def test_counts(compare_settings: dict[str, Any]) -> None:
    """2 backbones × 2 arms × (3 values + 1 more seed) + 3 of the indicative one = 19, and that many run."""
    config = planned(compare_settings)
    assert count_cells(config) == 19
    assert len(run_all(config, error)) == 19


def test_untuned_groups(compare_settings: dict[str, Any]) -> None:
    """Without tuning, a cell per seed with the settings as written."""
    config = planned(compare_settings)
    groups = [group.model_copy(update={"tuned": False}) for group in config.cells]
    config = config.model_copy(update={"cells": groups})
    assert count_cells(config) == 2 * 2 * 2 + 1
    cells = run_all(config, lambda _: 0.05)
    assert all(not cell.tuned for cell in cells)
    assert {c.config.losses.get("bone_length") for c in cells} == {None, 0.5}


def test_the_best_value_gets_the_other_seeds(compare_settings: dict[str, Any]) -> None:
    """The baseline's best knob holds for all arms, each arm's best for its seeds; the first is not rerun."""
    order = run_all(planned(compare_settings), error)
    second = [cell for cell in order if cell.seed == 8]
    assert len(second) == 4
    for cell in order:
        if cell.arm == "bones":
            assert dict(cell.tuned)["optimiser.learning_rate"] == 0.004
            assert cell.config.optimiser.learning_rate == 0.004
    assert {dict(c.tuned)["losses.bone_length"] for c in second if c.arm == "bones"} == {0.5}
    assert {c.config.losses["bone_length"] for c in second if c.arm == "bones"} == {0.5}


def test_order_makes_partial_tables_useful(compare_settings: dict[str, Any]) -> None:
    """Backbones take turns; tuning comes before more seeds, and low priorities last."""
    order = run_all(planned(compare_settings), error)
    assert [cell.backbone for cell in order[:6]] == ["conv", "small"] * 3
    assert [cell.seed for cell in order] == [7] * 12 + [8] * 4 + [7] * 3
    assert all(cell.indicative for cell in order[-3:])
    assert not any(cell.indicative for cell in order[:-3])


def test_failed_cells_do_not_stop_the_rest(compare_settings: dict[str, Any]) -> None:
    """A failed value is not chosen; when the baseline fails as a whole, its arms cannot run, others can."""

    def broken(cell: Cell) -> float | None:
        if cell.backbone == "small":
            return None
        return None if dict(cell.tuned)["optimiser.learning_rate"] == 0.004 else error(cell)

    order = run_all(planned(compare_settings), broken)
    assert {c.arm for c in order if c.backbone == "small"} == {"plain"}
    best = {dict(c.tuned)["optimiser.learning_rate"] for c in order if c.arm == "bones"}
    assert best == {0.002}


def test_folders_follow_settings_and_data(compare_settings: dict[str, Any]) -> None:
    """Changed settings or data get another folder; where checkpoints fall does not matter."""
    config = planned(compare_settings)
    cell = next_cells(config, lambda _: "")[0]
    assert cell.folder("bank") != cell.folder("another bank")
    changes = {
        "checkpoint_every": (compare_settings["training"] | {"checkpoint_every": 5}, True),
        "gravity_known": (compare_settings["training"] | {"gravity_known": 0.1}, False),
    }
    for training, same in changes.values():
        other = config.model_copy(update={"training": training})
        folder = next_cells(other, lambda _: "")[0].folder("bank")
        assert (folder == cell.folder("bank")) is same


@pytest.mark.parametrize("name", ["compare.yaml", "compare_gpu.yaml"])
def test_shipped_comparisons(name: str) -> None:
    """Every cell of the shipped comparisons is a valid training; every arm but the controls is in it."""
    config = load_compare(CONFIGS / name)
    assert len(config.backbones) >= 8
    assert count_cells(config) > 50
    assert {"plain", "seal_graph_bone", "structure", "repose"} <= set(config.arms)
