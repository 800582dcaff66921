"""Comparison files: mistakes are found before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lifting.errors import ConfigError
from training.compare.config import load_compare, merge


def test_settings_are_layered(compare_file: Path) -> None:
    """Common settings, then the network's, then the arm's, then the tuned value."""
    config = load_compare(compare_file)
    cell = config.settings("conv", "bones", 4, {"losses.bone_length": 0.25, "optimiser.learning_rate": 0.1})
    assert cell.losses == {"position": 1.0, "velocity": 1.0, "bone_length": 0.25}
    assert cell.optimiser.learning_rate == 0.1
    assert (cell.seed, cell.model.backbone, cell.model.window) == (4, "temporal_conv", 3)
    assert cell.corpus.folder == compare_file.parent
    assert config.settings("conv", "plain", 4, {}).losses == {"position": 1.0, "velocity": 1.0}


def test_merge() -> None:
    """Sections are merged, None takes away, nothing is shared with the source."""
    into, source = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": [1]}, "d": {"f": 1}}
    merge(into, source)
    assert into == {"a": {"c": 2, "e": [1]}, "d": {"f": 1}}
    source["a"]["e"].append(2)
    assert into["a"]["e"] == [1]


def test_tuned_weight_of_a_loss_with_options(compare_settings: dict[str, Any], compare_file: Path) -> None:
    """Turning a loss's knob turns its weight and leaves its options."""
    compare_settings["arms"]["bones"] = {"losses": {"depth_order_space": {"weight": 1.0, "tie_m": 0.01}}}
    compare_settings["tuning"]["bones"] = {"key": "losses.depth_order_space", "values": [0.3, 3.0]}
    compare_file.write_text(yaml.safe_dump(compare_settings, sort_keys=False))
    cell = load_compare(compare_file).settings("conv", "bones", 1, {"losses.depth_order_space": 3.0})
    assert cell.losses["depth_order_space"] == {"weight": 3.0, "tie_m": 0.01}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("cells", 0, "arms"), ["plain", "magic"], "'magic' is not in arms, which has plain, bones"),
        (("cells", 0, "backbones"), ["none"], "'none' is not in backbones, which has conv, small"),
        (("cells", 0, "arms"), ["bones"], "need the baseline 'plain'"),
        (("cells", 0, "backbones"), ["conv", "conv"], "conv with plain.* more than once"),
        (("tuning", "bones", "factors"), [2.0], "either values or factors"),
        (("tuning", "bones", "key"), "losses.nothing", "conv/bones: losses: .*no loss is called nothing"),
        (("arms", "bones", "seal"), {"loss": 1}, "conv/bones: seal"),
        (("backbones", "conv", "backbone"), "nonet", "no backbone 'nonet'; choose one of"),
        (("backbones", "conv", "training"), {"optimiser": {"step": 4}}, "conv/.*: optimiser.step"),
        (("bank", "size"), 4, "bank.size: Extra inputs"),
        (("arms", "bones", "camera"), {"roll_deg": 2.0}, r"conv/bones has another camera .* same windows"),
    ],
)
def test_mistakes(
    compare_settings: dict[str, Any], compare_file: Path, path: tuple[Any, ...], value: Any, message: str
) -> None:
    """Unknown names, keys and impossible values name their place and what there is."""
    at: Any = compare_settings
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    compare_file.write_text(yaml.safe_dump(compare_settings, sort_keys=False))
    with pytest.raises(ConfigError, match=message):
        load_compare(compare_file)


def test_factors_need_a_number(compare_settings: dict[str, Any], compare_file: Path) -> None:
    """A factor of a setting that is not there cannot be taken."""
    compare_settings["tuning"]["plain"] = {"key": "seal.gradient_ratio", "factors": [1.0]}
    compare_file.write_text(yaml.safe_dump(compare_settings, sort_keys=False))
    with pytest.raises(ConfigError, match=r"conv/plain has no number seal\.gradient_ratio"):
        load_compare(compare_file)


def test_unreadable_files(tmp_path: Path) -> None:
    """Missing and broken files."""
    with pytest.raises(ConfigError, match="There is no file"):
        load_compare(tmp_path / "no.yaml")
    (tmp_path / "c.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_compare(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("- a")
    with pytest.raises(ConfigError, match="keys and values"):
        load_compare(tmp_path / "c.yaml")
