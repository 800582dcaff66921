"""The corrector and the projector of 3D Human Pose Machines."""

from __future__ import annotations

import pytest
import torch

from lifting.models.pose_machine import Corrector, Projector, Range, bone_vectors
from lifting.skeleton import BODY21, H36M17, SEALCAP26, Skeleton

SKELETONS = pytest.mark.parametrize("skeleton", [H36M17, SEALCAP26], ids=lambda s: s.name)


@SKELETONS
def test_the_corrector_is_two_layers_that_replace_the_pose(skeleton: Skeleton) -> None:
    """With an output layer of zero the answer is the bottom of the range, not the input."""
    network, pose = Corrector(skeleton), torch.randn(5, len(skeleton), 3)
    torch.nn.init.zeros_(network.out.weight)
    torch.nn.init.zeros_(network.out.bias)
    torch.testing.assert_close(network(pose), network.range.low.expand_as(pose))
    coordinates = 3 * len(skeleton)
    assert sum(p.numel() for p in network.parameters()) == 2 * coordinates * 1024 + 1024 + coordinates


@SKELETONS
def test_the_projector_is_its_formula(skeleton: Skeleton) -> None:
    """out = W6 (h + g) with h = ReLU(W3 p), g = ReLU(W5 ReLU(W4 h)), written out with matrices."""
    network, pose = Projector(skeleton, width=32).double(), torch.randn(4, len(skeleton), 3).double()
    network.range.fit(pose)
    x = ((pose - network.range.low) / network.range.span).reshape(4, -1)
    w, b = zip(*((m.weight.T, m.bias) for m in list(network.children())[1:]), strict=True)
    h = (x @ w[0] + b[0]).clamp(min=0)
    g = ((h @ w[1] + b[1]).clamp(min=0) @ w[2] + b[2]).clamp(min=0)
    torch.testing.assert_close(network(pose), ((h + g) @ w[3] + b[3]).reshape(4, -1, 2))


def test_the_published_size() -> None:
    """With 16 joints and 1024 units C and P have about 0.1 and 2.2 million parameters."""
    joints = tuple(f"j{i}" for i in range(16))
    skeleton = Skeleton("sixteen", joints, (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 8, 10, 11, 8, 13, 14))
    sizes = [sum(p.numel() for p in net(skeleton).parameters()) for net in (Corrector, Projector)]
    assert sizes == [99_376, 2_182_176]


def test_range_maps_the_extremes_to_0_and_1_and_back() -> None:
    """Smallest → 0, largest → 1; the inverse restores metres; a constant coordinate maps to the middle."""
    poses = torch.randn(50, 7, 3)
    poses[:, 0] = 0.0
    table = Range(7)
    table.fit(poses)
    scaled = table.scaled(poses)
    torch.testing.assert_close(scaled[:, 1:].amin(dim=0), torch.zeros(6, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled[:, 1:].amax(dim=0), torch.ones(6, 3))
    torch.testing.assert_close(scaled[:, 0], torch.full((50, 3), 0.5))
    torch.testing.assert_close(table.metres(scaled), poses)


def test_range_refuses_nan() -> None:
    """A table of NaN would spoil every later pose."""
    with pytest.raises(ValueError, match="finite"):
        Range(2).fit(torch.full((3, 2, 3), float("nan")))


@SKELETONS
def test_bones_are_parent_minus_child(skeleton: Skeleton) -> None:
    """Joint by joint, in 2D and 3D."""
    points = torch.randn(3, len(skeleton), 2)
    bones = bone_vectors(points, skeleton)
    for i, parent in enumerate(skeleton.parents):
        expected = torch.zeros(3, 2) if parent < 0 else points[:, parent] - points[:, i]
        torch.testing.assert_close(bones[:, i], expected)


def test_bones_need_a_tree() -> None:
    """BODY21 has none."""
    with pytest.raises(ValueError, match="no tree"):
        bone_vectors(torch.zeros(1, 21, 2), BODY21)
