"""Shared fixtures: where the optional outside data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SEALCAP_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def motion_dir() -> Path:
    """The motion corpus; skips where it is absent."""
    if not (DATA / "motion" / "cmu_train.npz").is_file():
        pytest.skip("the motion corpus is not here (set SEALCAP_DATA)")
    return DATA / "motion"


@pytest.fixture
def eval3d_dir() -> Path:
    """The evaluation videos; skips where they are absent."""
    if not (DATA / "eval3d" / "score.py").is_file():
        pytest.skip("the evaluation videos are not here (set SEALCAP_DATA)")
    return DATA / "eval3d"


@pytest.fixture(scope="session")
def small_backbones() -> dict[str, dict]:
    """Options with which every backbone is small and takes 9 frames, or 3."""
    return {
        "temporal_conv": {"width": 32, "blocks": 1, "hidden": 32},
        "simple_baseline": {"width": 32, "stages": 1},
        "sem_gcn": {"width": 16, "blocks": 1},
        "video_pose": {"width": 32},
        "motion_ag_former": {"width": 16, "layers": 1},
        "pose_former_v2": {"joint_width": 4, "heads": 2, "depth": 1},
        "mixste": {"width": 16, "layers": 1},
        "ktp_former": {"width": 16, "layers": 1},
    }
