"""KTPFormer's priors; tests/lifting/models/test_clip_to_clip.py holds the laws of the whole."""

from __future__ import annotations

import pytest
import torch

from lifting.models._attention import DropPath
from lifting.models.ktp_former import KTPFormer, _GraphConv, prior_adjacency
from lifting.skeleton import H36M17, SEALCAP26, Skeleton


@pytest.mark.parametrize("skeleton", [H36M17, SEALCAP26])
def test_a_joint_hears_of_itself_and_the_mean_of_its_bones(skeleton: Skeleton) -> None:
    """Rows of the prior: 1 for the joint, and its neighbours share another 1."""
    prior = prior_adjacency(len(skeleton), torch.tensor(skeleton.edges))
    for joint, row in enumerate(prior):
        others = [a + b - joint for a, b in skeleton.edges if joint in (a, b)]
        expected = torch.zeros(len(skeleton))
        expected[others], expected[joint] = 1 / len(others), 1
        assert torch.allclose(row, expected)


@pytest.mark.parametrize("causal", [True, False])
def test_graph_convolution_is_its_formula(causal: bool) -> None:
    """relu(norm(...)) node by node, with an adjacency that is symmetric before its upper half goes."""
    torch.manual_seed(0)
    conv = _GraphConv(3, 8, 4, torch.tensor([[0, 1], [1, 2], [2, 3]]), causal=causal).eval()
    for parameter in (conv.learned, conv.modulation, conv.bias):
        torch.nn.init.normal_(parameter)
    x, free = torch.randn(5, 4, 3), conv.prior + conv.learned
    for i in range(4):
        total = conv.bias.expand(5, -1)
        for j in range(i + 1 if causal else 4):
            linear = conv.of_itself if i == j else conv.of_others
            total = total + (free[i, j] + free[j, i]) / 2 * conv.modulation[j] * linear(x[:, j])
        assert torch.allclose(conv(x)[:, i], torch.relu(conv.norm(total)), atol=1e-5)


def test_trajectory_is_a_residual_around_the_spatial_tokens() -> None:
    """Without the frames' convolutions the network still runs on kinematics and attention."""
    network = KTPFormer(SEALCAP26, 5, width=16, layers=1, heads=4).eval()
    joints = torch.randn(2, 5, 26, 3)
    before = network(joints)
    torch.nn.init.zeros_(network.get_parameter("trajectory.1.norm.weight"))
    assert not torch.allclose(network(joints), before, atol=1e-4)
    assert network(joints).isfinite().all()


def test_stochastic_depth_rises_after_the_prior_blocks() -> None:
    """One pair of blocks with priors that is never left out, then `layers` pairs."""
    network = KTPFormer(SEALCAP26, 3, width=16, layers=4, heads=4, drop_path=0.2)
    chances = [m.chance for m in network.temporal.modules() if isinstance(m, DropPath)]
    assert chances == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
