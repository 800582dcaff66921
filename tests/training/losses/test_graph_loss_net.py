"""The graph loss-net against its definition: symmetry, a plain transformer, hop counts, published sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lifting.skeleton import H36M17, SEALCAP26, Skeleton
from training.losses.loss_nets import LOSS_NETS
from training.losses.loss_nets.graph import GraphLossNet, SkeletonBias

SMALL = {"width": 32, "depth": 3, "heads": 4}


def scene(skeleton: Skeleton, count: int = 5, channels: int = 2) -> tuple[Tensor, Tensor]:
    """Random observations (N,J,channels) and poses (N,J,3)."""
    g = torch.Generator().manual_seed(count)
    joints = len(skeleton)
    return torch.randn(count, joints, channels, generator=g), torch.randn(count, joints, 3, generator=g)


def test_order_of_joints_means_nothing() -> None:
    """Permuting joints together with the adjacency and the identities leaves the energy unchanged."""
    order = torch.randperm(len(H36M17), generator=torch.Generator().manual_seed(3)).tolist()
    place = {old: new for new, old in enumerate(order)}
    parents = tuple(-1 if H36M17.parents[old] < 0 else place[H36M17.parents[old]] for old in order)
    shuffled = Skeleton("shuffled", tuple(H36M17.joints[old] for old in order), parents)
    net, twin = GraphLossNet(H36M17, **SMALL), GraphLossNet(shuffled, **SMALL)
    twin.load_state_dict(net.state_dict() | {"identity": net.identity[order]})
    observed, pose = scene(H36M17)
    torch.testing.assert_close(twin(observed[:, order], pose[:, order]), net(observed, pose))
    other = twin(observed, pose)
    assert not torch.allclose(other, net(observed, pose), atol=1e-4)  # the order does mean something alone


def test_without_bias_it_is_a_plain_transformer() -> None:
    """With β = γ = δ = 0 its blocks are PyTorch's pre-norm encoder layers."""
    net = GraphLossNet(SEALCAP26, **SMALL, mlp_ratio=2.0).eval()
    with torch.no_grad():
        for scalar in net.bias.parameters():
            scalar.zero_()
    observed, pose = scene(SEALCAP26)
    identity = net.identity.expand(len(pose), -1, -1)
    z = net.encoder(torch.cat([observed, pose, identity], dim=-1))
    z = torch.cat([net.graph_token.expand(len(pose), 1, -1), z], dim=1)
    for block in net.blocks:
        z = encoder_layer(block)(z)
    torch.testing.assert_close(net(observed, pose), net.energy(net.norm(z[:, 0])), rtol=1e-4, atol=1e-5)


def encoder_layer(block: nn.Module) -> nn.TransformerEncoderLayer:
    """PyTorch's layer with the weights of a block."""
    layer = nn.TransformerEncoderLayer(32, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True)
    attention = layer.self_attn
    pairs = {
        attention.in_proj_weight: torch.cat([block.query.weight, block.key_value.weight]),
        attention.in_proj_bias: torch.cat([block.query.bias, block.key_value.bias]),
    }
    for theirs, ours in (
        (attention.out_proj, block.out),
        (layer.linear1, block.widen),
        (layer.linear2, block.narrow),
        (layer.norm1, block.norm_attention),
        (layer.norm2, block.norm_mlp),
    ):
        pairs |= {theirs.weight: ours.weight, theirs.bias: ours.bias}
    with torch.no_grad():
        for theirs, ours in pairs.items():
            theirs.copy_(ours)
    return layer


@pytest.mark.parametrize(
    ("a", "b", "hops"),
    [
        ("left_ankle", "right_wrist", 8),
        ("right_ankle", "head", 7),
        ("left_ankle", "right_ankle", 6),
        ("left_wrist", "right_wrist", 6),
        ("pelvis", "pelvis", 0),
    ],
)
def test_hop_distances(a: str, b: str, hops: int) -> None:
    """Links between joints of Human3.6M's skeleton, both ways."""
    d = SkeletonBias(H36M17).hops
    i, j = H36M17.indices(a, b)
    assert d[i, j] == d[j, i] == hops


def test_bias_of_each_kind_of_pair() -> None:
    """The table at its first values: −γd + [no edge]β + δ(deg + deg)/max deg, couplings of the token 0."""
    table = SkeletonBias(H36M17)().detach()
    hip, knee, ankle = (i + 1 for i in H36M17.indices("left_hip", "left_knee", "left_ankle"))
    most = 4  # the thorax: spine, neck, shoulders
    assert table[hip, knee] == pytest.approx(-0.8 + 0.2 * (2 + 2) / most)
    assert table[hip, ankle] == pytest.approx(-0.8 * 2 - 2.0 + 0.2 * (2 + 1) / most)
    assert table[ankle, ankle] == pytest.approx(-2.0 + 0.2 * (1 + 1) / most)
    assert not table[0].any()
    assert not table[:, 0].any()


def test_couplings_of_the_graph_token_are_learned_apart() -> None:
    """Token → joints fills row 0, joints → token column 0, the token itself the corner."""
    bias = SkeletonBias(H36M17)
    with torch.no_grad():
        for value, scalar in enumerate((bias.token_to_joints, bias.joints_to_token, bias.token_to_token), 1):
            scalar.fill_(value)
    table = bias().detach()
    assert (table[0, 1:] == 1).all()
    assert (table[1:, 0] == 2).all()
    assert table[0, 0] == 3


def test_every_scalar_learns() -> None:
    """All parameters, the six of the bias included, get a gradient."""
    net = GraphLossNet(H36M17, **SMALL)
    net(*scene(H36M17)).square().sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("name", "options", "millions"),
    [
        ("graph", {}, 2.45),
        ("graph", {"depth": 4, "mlp_ratio": 2.0, "dropout": 0.1}, 2.19),
        ("mlp", {}, 4.29),
    ],
)
def test_published_sizes(name: str, options: dict[str, float], millions: float) -> None:
    """Parameters on 17 joints with x and y only."""
    net = LOSS_NETS[name](H36M17, **options)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


@pytest.mark.parametrize("name", LOSS_NETS)
@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("skeleton", [H36M17, SEALCAP26], ids=lambda s: s.name)
def test_one_energy_per_pose(name: str, channels: int, skeleton: Skeleton) -> None:
    """(N,J,channels) and (N,J,3) -> (N,1), each pose judged by itself."""
    net = LOSS_NETS[name](skeleton, width=32, channels=channels).eval()
    observed, pose = scene(skeleton, 6, channels)
    energy = net(observed, pose)
    assert energy.shape == (6, 1)
    torch.testing.assert_close(net(observed[2:3], pose[2:3]), energy[2:3], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", LOSS_NETS)
def test_energies_under_bfloat16(name: str) -> None:
    """Stay float32, and near those computed in it."""
    net = LOSS_NETS[name](H36M17, width=64).eval()
    observed, pose = scene(H36M17)
    with torch.autocast("cpu", torch.bfloat16):
        energy = net(observed, pose)
    assert energy.dtype == torch.float32
    torch.testing.assert_close(energy, net(observed, pose), rtol=0.05, atol=0.02)


@pytest.mark.parametrize("options", [{"width": 30}, {"depth": 0}])
def test_impossible_networks(options: dict[str, int]) -> None:
    """8 heads do not fit into 30; without blocks the graph token sees nothing."""
    with pytest.raises(ValueError, match=r"heads must divide|at least 1 block"):
        GraphLossNet(H36M17, **options)


def test_batch_norm_is_an_option_of_the_mlp() -> None:
    """Off unless asked for."""
    kinds = [
        any(isinstance(m, nn.BatchNorm1d) for m in LOSS_NETS["mlp"](H36M17, width=8, batch_norm=b).modules())
        for b in (False, True)
    ]
    assert kinds == [False, True]
