"""MotionAGFormer's own parts; tests/lifting/models/test_clip_to_clip.py holds the laws of the whole."""

from __future__ import annotations

import pytest
import torch

from lifting.models.motion_ag_former import (
    SIZES,
    MotionAGFormer,
    _scaled_linear,
    _SimilarFramesGraph,
    skeleton_adjacency,
)
from lifting.skeleton import H36M17, SEALCAP26, Skeleton


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("count", [1, 2, 6])
def test_neighbours_are_the_most_similar_frames(causal: bool, count: int) -> None:
    """Each row is the mean over the frames of largest inner product, found here one by one."""
    torch.manual_seed(0)
    tokens = torch.randn(4, 6, 8)
    got = _SimilarFramesGraph(8, 6, count, causal).neighbours(tokens)
    for clip, rows in zip(tokens, got, strict=True):
        for t, row in enumerate(rows):
            known = range(t + 1 if causal else 6)
            nearest = sorted(known, key=lambda s: -float(clip[t] @ clip[s]))[:count]
            expected = torch.zeros(6)
            expected[nearest] = 1 / len(nearest)
            assert torch.allclose(row, expected)


def test_neighbours_are_chosen_in_full_precision() -> None:
    """Autocast does not blur which frames of a smooth motion are alike."""
    time = torch.linspace(0, 0.02, 9)[:, None]
    tokens = (torch.randn(5, 1, 64) + time * torch.randn(5, 1, 64)).contiguous()
    graph = _SimilarFramesGraph(64, 9, 2, True)
    with torch.autocast("cpu", torch.bfloat16):
        blurred = graph.neighbours(tokens)
    assert torch.equal(blurred, graph.neighbours(tokens))


def test_standing_still_is_no_special_case() -> None:
    """Frames that are all the same are all neighbours, and the answer is finite."""
    network = MotionAGFormer(SEALCAP26, 5, layers=1, width=16, heads=4).eval()
    still = torch.randn(2, 1, 26, 3).expand(-1, 5, -1, -1)
    assert network(still).isfinite().all()


@pytest.mark.parametrize("skeleton", [H36M17, SEALCAP26])
def test_skeleton_adjacency(skeleton: Skeleton) -> None:
    """Symmetric, 1/sqrt(degree degree') on bones, 0 elsewhere; its largest eigenvalue is 1."""
    adjacency = skeleton_adjacency(skeleton)
    degree = [sum(joint in edge for edge in skeleton.edges) for joint in range(len(skeleton))]
    for a in range(len(skeleton)):
        for b in range(len(skeleton)):
            linked = (a, b) in skeleton.edges or (b, a) in skeleton.edges
            expected = (degree[a] * degree[b]) ** -0.5 if linked else 0.0
            assert adjacency[a, b] == pytest.approx(expected, abs=1e-6)
    assert torch.linalg.eigvalsh(adjacency)[-1] == pytest.approx(1, abs=1e-5)


def test_layer_scale_in_the_weights() -> None:
    """Scaling the weights is scaling the answer."""
    linear, x, scale = torch.nn.Linear(6, 4), torch.randn(3, 6), torch.randn(4)
    assert torch.allclose(_scaled_linear(linear, x, scale), scale * linear(x), atol=1e-6)


def test_streams_start_alike() -> None:
    """With layer scales of 1e-5 a new network is close to its embedding and head alone."""
    torch.manual_seed(0)
    network = MotionAGFormer(SEALCAP26, 5).eval()
    joints = torch.randn(2, 5, 26, 3)
    tokens = network.embed(joints)
    alone = network.head(torch.tanh(network.represent(network.norm(tokens))))
    assert torch.allclose(network(joints), alone, atol=1e-3)
    assert not torch.equal(network(joints), alone)


def test_sizes() -> None:
    """`size` gives layers and width, which can be overridden; other sizes are refused by name."""
    small = MotionAGFormer(H36M17, 3, size="s", layers=1)
    assert len(small.layers) == 1
    assert small.norm.normalized_shape == (SIZES["s"][1],)
    with pytest.raises(ValueError, match="xs, s, b, l, got 'xxl'"):
        MotionAGFormer(H36M17, 3, size="xxl")
    with pytest.raises(ValueError, match="neighbours"):
        MotionAGFormer(H36M17, 3, neighbours=0)
