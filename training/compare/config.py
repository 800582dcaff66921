"""The comparison file: what is compared, and how fairly."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lifting.errors import ConfigError
from lifting.mistake import first_mistake
from training.config import TrainingConfig, parse_config
from training.trainer import make_lifter
from training.window_bank import SECTIONS
from training.yaml_file import read_yaml

Overrides = dict[str, Any]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class BackboneEntry(_Section):
    """One network and how it is trained, the same for every arm."""

    backbone: str
    """A name in lifting.models.BACKBONES."""
    window: int = Field(default=9, ge=1, le=243)
    """Frames that it sees."""
    options: dict[str, Any] = {}
    """Arguments of the backbone itself."""
    training: Overrides = {}
    """What differs from the common `training` section, such as `optimiser: {learning_rate: 1.0e-3}`."""


class Tuning(_Section):
    """One knob of an arm. Every value is tried with the first seed; the validation split chooses."""

    key: str
    """Where the knob is in the training configuration, such as seal.gradient_ratio."""
    values: list[float] = []
    """What is tried, or"""
    factors: list[float] = []
    """multiples of what the training configuration says."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Tuning:
        if bool(self.values) == bool(self.factors):
            raise ValueError("give either values or factors")
        return self


class CellGroup(_Section):
    """Cells of the table: every one of `backbones` with every one of `arms`."""

    backbones: list[str]
    """Keys of the backbones section."""
    arms: list[str]
    """Keys of the arms section; the baseline is always among them."""
    seeds: list[int] = Field(min_length=1)
    """Of weights, dropout and order of the data; the same for all arms, so that differences are paired."""
    tuned: bool = True
    """Whether the arms' knobs are tuned here; otherwise they stay as written."""
    indicative: bool = False
    """Marked in the tables: too few seeds or too small a network for a claim."""
    priority: int = 0
    """Smaller ones first; equal ones take turns by backbone."""


class BankSize(_Section):
    """How much data is made, once, for all cells."""

    windows: int = Field(default=100_000, ge=1)
    """Training windows."""
    sequences: int = Field(default=300, ge=1)
    """Held-out sequences of each split."""
    sequence_frames: int = Field(default=24, ge=3)
    """Answers per sequence."""
    window: int | None = Field(default=None, ge=1, le=243)
    """Longest window that it can serve; by default the longest of the backbones."""
    seed: int = 1
    """Of the data, whatever the seeds of the cells."""
    folder: Path | None = None
    """Where it lies; relative paths start at this file's folder. By default inside the folder of the run."""


class CompareConfig(_Section):
    """A comparison of training methods."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    """What it is called: its folder, its section in the documentation."""
    training: Overrides
    """Common settings, keys as in configs/lifter.yaml, without name, seed and model."""
    backbones: dict[str, BackboneEntry]
    """Name in the tables → network."""
    arms: dict[str, Overrides]
    """Name in the tables → what differs from `training`: losses, seal, critic."""
    baseline: str = "plain"
    """The arm from which the others' differences are taken. Its tuned knob also holds for them."""
    tuning: dict[str, Tuning] = {}
    """Arm → its knob."""
    cells: list[CellGroup] = Field(min_length=1)
    """Which backbone runs which arms with which seeds."""
    bank: BankSize = BankSize()
    workers: int = Field(default=1, ge=1)
    """Cells at once on this machine, or per GPU where there are any."""

    @model_validator(mode="after")
    def _names_fit(self) -> CompareConfig:
        for names, section, known in (
            ([b for group in self.cells for b in group.backbones], "backbones", self.backbones),
            ([a for group in self.cells for a in group.arms] + [self.baseline], "arms", self.arms),
            (list(self.tuning), "arms", self.arms),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(f"{name!r} is not in {section}, which has {', '.join(known)}")
        pairs = [(b, a) for group in self.cells for b in group.backbones for a in group.arms]
        twice = sorted({" with ".join(pair) for pair in pairs if pairs.count(pair) > 1})
        if twice:
            raise ValueError(f"cells lists {', '.join(twice)} more than once")
        for group in self.cells:
            if self.baseline not in group.arms:
                raise ValueError(f"the arms of every group in cells need the baseline {self.baseline!r}")
        return self

    def settings(self, backbone: str, arm: str, seed: int, tuned: dict[str, float]) -> TrainingConfig:
        """The training configuration of one cell; `tuned` maps dotted keys to values.

        Raises ConfigError naming the cell when it is none.
        """
        entry, name = self.backbones[backbone], f"{backbone}/{arm}"
        raw = copy.deepcopy(self.training)
        merge(raw, entry.training)
        merge(raw, self.arms[arm])
        for key, value in tuned.items():
            _put(raw, key, value, name)
        model = {"backbone": entry.backbone, "window": entry.window, "options": entry.options}
        return parse_config(raw | {"name": name, "seed": seed, "model": model}, name)

    def knob_values(self, backbone: str, arm: str) -> dict[str, list[float]]:
        """Dotted key of the arm's knob → the values tried, or nothing when the arm has no knob."""
        knob = self.tuning.get(arm)
        if knob is None:
            return {}
        if knob.values:
            return {knob.key: knob.values}
        raw = self.settings(backbone, arm, 0, {}).model_dump()
        usual = _get(raw, knob.key)
        if not isinstance(usual, (int, float)):
            raise ConfigError(
                f"tuning.{arm}: the configuration of {backbone}/{arm} has no number {knob.key} to multiply."
            )
        return {knob.key: [factor * usual for factor in knob.factors]}


def load_compare(path: Path) -> CompareConfig:
    """Read and check a comparison; every configuration and network is built, so that mistakes show now.

    Raises ConfigError naming the key and what would be right.
    """
    raw = read_yaml(path, "comparison", "configs/compare.yaml")
    config = parse_compare(raw, path.parent, str(path))
    data: dict[str, Any] = {}
    for group in config.cells:
        for backbone in group.backbones:
            for arm in group.arms:
                _check_cell(config, group, backbone, arm, data)
            make_lifter(config.settings(backbone, config.baseline, 0, {}))
    return config


def parse_compare(raw: dict[str, Any], base: Path, where: str) -> CompareConfig:
    """Check plain data; relative folders start at `base`. Raises ConfigError."""
    try:
        config = CompareConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{where}: {first_mistake(error)}.") from error
    training = copy.deepcopy(config.training)
    corpus = training.get("corpus")
    if isinstance(corpus, dict) and "folder" in corpus:
        corpus["folder"] = str(base / Path(str(corpus["folder"])).expanduser())
    bank = config.bank
    if bank.folder is not None:
        bank = bank.model_copy(update={"folder": base / bank.folder.expanduser()})
    return config.model_copy(update={"training": training, "bank": bank})


def merge(into: Overrides, overrides: Overrides) -> None:
    """Write `overrides` over `into`, section by section; None takes a key away."""
    for key, value in overrides.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif value is None:
            into.pop(key, None)
        else:
            into[key] = copy.deepcopy(value)


def _check_cell(
    config: CompareConfig, group: CellGroup, backbone: str, arm: str, data: dict[str, Any]
) -> None:
    """Build the configuration of every value of the knob. Raises ConfigError.

    `data` is what all cells must agree on, as they learn from the same windows; the first one fills it.
    """
    settings = config.settings(backbone, arm, group.seeds[0], {})
    own = settings.model_dump(include={*SECTIONS, "corpus"})
    changed = [key for key in own if own[key] != data.setdefault(key, own[key])]
    if changed:
        raise ConfigError(
            f"{backbone}/{arm} has another {', '.join(changed)} than the cells before it, but all learn from "
            f"the same windows. Write it under training, for all."
        )
    if settings.corpus.kind != "motion":
        raise ConfigError(
            f"Comparisons run on motion corpora, whose windows can be made once; corpus.kind of "
            f"{backbone}/{arm} is {settings.corpus.kind}."
        )
    knobs = config.knob_values(backbone, arm) if group.tuned else {}
    for key, values in knobs.items():
        for value in values:
            config.settings(backbone, arm, group.seeds[0], {key: value})


def _put(raw: Overrides, key: str, value: float, where: str) -> None:
    *sections, last = key.split(".")
    for section in sections:
        raw = raw.setdefault(section, {})
        if not isinstance(raw, dict):
            raise ConfigError(f"{where}: the tuned key {key} leads through {section}, which is no section.")
    if isinstance(raw.get(last), dict) and "weight" in raw[last]:
        raw, last = raw[last], "weight"  # losses: {name: {weight: 1.0, option: ...}}
    raw[last] = value


def _get(raw: Any, key: str) -> Any:
    for part in key.split("."):
        raw = raw.get(part) if isinstance(raw, dict) else None
    return raw
