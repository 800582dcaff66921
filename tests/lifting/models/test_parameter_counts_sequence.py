"""The clip-to-clip networks are as large as published, with Human3.6M's 17 joints and published inputs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lifting.models.ktp_former import KTPFormer
from lifting.models.mixste import MixSTE
from lifting.models.motion_ag_former import MotionAGFormer
from lifting.skeleton import H36M17


def millions(network: type[nn.Module], window: int, channels: int, **options: str) -> float:
    """Parameters of a network in its published form; nothing is allocated."""
    with torch.device("meta"):
        made = network(H36M17, window, channels=channels, causal=False, **options)
    return sum(parameter.numel() for parameter in made.parameters()) / 1e6


@pytest.mark.parametrize(
    ("size", "window", "published"), [("xs", 27, 2.2), ("s", 81, 4.8), ("b", 243, 11.7), ("l", 243, 19.0)]
)
def test_motion_ag_former(size: str, window: int, published: float) -> None:
    """All four sizes, which take x, y and confidence."""
    assert millions(MotionAGFormer, window, 3, size=size) == pytest.approx(published, rel=0.03)


def test_mixste() -> None:
    """33.70 million at 81 frames; each further frame has a position of 512 numbers."""
    assert millions(MixSTE, 81, 2) == pytest.approx(33.70, abs=0.005)
    assert millions(MixSTE, 243, 2) == pytest.approx(33.70 + 162 * 512 / 1e6, abs=0.005)


def test_ktp_former() -> None:
    """About 35 million at 243 frames, and more than MixSTE."""
    assert millions(KTPFormer, 243, 2) == pytest.approx(35, rel=0.1)
    assert millions(KTPFormer, 243, 2) > millions(MixSTE, 243, 2)
