"""The lifter in the package is the one that configs/lifter.yaml makes, and it works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.lifter import Lifter
from training import metrics
from training.batches import BatchMaker, from_hips, seeded
from training.config import config_record, load_config, parse_config
from training.corpus import load_corpus

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "lifting" / "weights" / "lifter-small.onnx"


@pytest.fixture(scope="module")
def shipped() -> Lifter:
    """The lifter in the package."""
    return Lifter.load(WEIGHTS)


def test_it_was_made_from_the_shipped_configuration(shipped: Lifter) -> None:
    """Its metadata holds exactly what configs/lifter.yaml says, trained to the last step."""
    config = load_config(ROOT / "configs" / "lifter.yaml")
    recorded = dict(shipped.metadata.training["config"])
    recorded["corpus"] = recorded["corpus"] | {"folder": "."}  # the training machine's is not recorded
    assert config_record(parse_config(recorded, "metadata")) == config_record(config)
    assert shipped.metadata.training["steps"] == config.optimiser.steps
    assert "mocap.cs.cmu.edu" in str(shipped.metadata.data_licences)


def test_it_is_small() -> None:
    """At most 15 MB."""
    assert WEIGHTS.stat().st_size < 15e6


def test_it_lifts_people_it_has_not_seen(shipped: Lifter, motion_dir: Path) -> None:
    """On noisy synthetic views of the test split it beats an average pose by far; gravity is worth 4 mm."""
    config = load_config(ROOT / "configs" / "lifter.yaml")
    config = config.model_copy(update={"gravity_known": 1.0, "gravity_sd_deg": (0.1, 0.1)})
    made = BatchMaker(load_corpus(motion_dir, "cmu", "test"), config).windows(1000, 9, seeded(11, 0))
    keypoints, truth = made.keypoints.numpy(), from_hips(made.joints_cam[:, -1]).numpy()
    lifted = shipped.lift(keypoints, made.gravity.numpy())
    assert metrics.mpjpe(lifted, truth) < 0.11
    assert metrics.p_mpjpe(lifted, truth) < 0.08
    assert metrics.mpjpe(np.broadcast_to(truth.mean(axis=0), truth.shape), truth) > 0.25
    assert metrics.mpjpe(lifted, truth) < metrics.mpjpe(shipped.lift(keypoints), truth) - 0.004
