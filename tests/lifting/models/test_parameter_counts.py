"""The networks are as large as the published ones, at Human3.6M's 17 joints with x and y."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from lifting.models.pose_former_v2 import PoseFormerV2
from lifting.models.sem_gcn import SemGCN
from lifting.models.simple_baseline import SimpleBaseline
from lifting.models.video_pose import VideoPose3D
from lifting.skeleton import H36M17

PUBLISHED: list[tuple[type[nn.Module], int, dict[str, Any], float, float]] = [
    # network, window, options, millions of weights, tolerance: 10 % where the number is from memory
    (SimpleBaseline, 1, {}, 4.29, 0.03),
    (SimpleBaseline, 1, {"width": 2048, "stages": 3}, 25.4, 0.03),
    (SemGCN, 1, {}, 0.27, 0.03),
    (SemGCN, 1, {"non_local": True}, 0.43, 0.03),
    (VideoPose3D, 243, {}, 16.95, 0.03),
    (VideoPose3D, 1, {}, 8.5, 0.10),
    (PoseFormerV2, 27, {"kept_frames": 1, "coefficients": 3}, 14.4, 0.10),
    (PoseFormerV2, 81, {}, 14.4, 0.10),
    (PoseFormerV2, 243, {}, 14.4, 0.10),
]


@pytest.mark.parametrize(("network", "window", "options", "millions", "tolerance"), PUBLISHED)
def test_as_many_weights_as_published(
    network: type[nn.Module], window: int, options: dict[str, Any], millions: float, tolerance: float
) -> None:
    """The published form has the published number of weights."""
    made = network(H36M17, window, channels=2, causal=False, **options)
    weights = sum(parameter.numel() for parameter in made.parameters())
    assert weights == pytest.approx(millions * 1e6, rel=tolerance)
