"""A comparison that trains in seconds on the tiny corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def compare_settings() -> dict[str, Any]:
    """What the YAML file beside the tiny corpus would say: five trainings of eight steps."""
    return {
        "name": "tiny",
        "training": {
            "checkpoint_every": 2,
            "corpus": {"folder": ".", "name": "tiny"},
            "losses": {"position": 1.0, "velocity": 1.0},
            "optimiser": {"steps": 8, "batch": 16, "warmup": 2, "learning_rate": 0.002},
        },
        "backbones": {
            "conv": {
                "backbone": "temporal_conv",
                "window": 3,
                "options": {"width": 16, "blocks": 1, "hidden": 16, "dropout": 0.1},
            },
            "small": {"backbone": "simple_baseline", "window": 1, "options": {"width": 16, "stages": 1}},
        },
        "arms": {"plain": {}, "bones": {"losses": {"bone_length": 0.5}}},
        "tuning": {"bones": {"key": "losses.bone_length", "values": [0.1, 1.0]}},
        "cells": [{"backbones": ["conv"], "arms": ["plain", "bones"], "seeds": [1, 2]}],
        "bank": {"windows": 64, "sequences": 6, "sequence_frames": 5},
        "workers": 2,
    }


@pytest.fixture
def compare_file(corpus_dir: Path, compare_settings: dict[str, Any]) -> Path:
    """That file."""
    path = corpus_dir / "compare.yaml"
    path.write_text(yaml.safe_dump(compare_settings, sort_keys=False), encoding="utf-8")
    return path
