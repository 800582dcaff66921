"""SemGCN: the graph convolution of its module's text, and that joints have no order but their links."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lifting.models.sem_gcn import SemGCN
from lifting.skeleton import BODY21, H36M17, SEALCAP26, Skeleton


def randomise(network: nn.Module) -> None:
    """Random weights, so that every link and joint counts differently."""
    torch.manual_seed(2)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)


def links(skeleton: Skeleton) -> list[tuple[int, int]]:
    """(i, j) of every joint with itself and its neighbours, row by row."""
    near = {(i, i) for i in range(len(skeleton))} | set(skeleton.edges) | {(b, a) for a, b in skeleton.edges}
    return sorted(near)


def test_convolution_is_the_published_one() -> None:
    """Y_i = a_ii X_i W_self + Σ_j a_ij X_j W_neighbour + b, with a = softmax of e over i's neighbours."""
    network = SemGCN(H36M17, 1, width=4)
    randomise(network)
    head, x = network.head, torch.randn(17, 4)
    e = {link: head.strength[k].exp().item() for k, link in enumerate(links(H36M17))}
    for i in range(17):
        near = [j for a, j in e if a == i]
        whole = sum(e[i, j] for j in near)
        expected = head.bias + e[i, i] / whole * (x[i] @ head.own.weight.T)
        for j in near:
            if j != i:
                expected = expected + e[i, j] / whole * (x[j] @ head.neighbour.weight.T)
        assert torch.allclose(head(x[None])[0, i], expected, atol=1e-5)


@pytest.mark.parametrize("non_local", [False, True])
def test_permuted_joints_permute_the_answer(non_local: bool) -> None:
    """The same figure with its joints in another order has the same answer in that order."""
    order = [int(i) for i in torch.randperm(len(SEALCAP26), generator=torch.Generator().manual_seed(3))]
    shuffled = Skeleton(
        "shuffled",
        tuple(SEALCAP26.joints[i] for i in order),
        tuple(order.index(p) if (p := SEALCAP26.parents[i]) >= 0 else -1 for i in order),
    )
    network = SemGCN(SEALCAP26, 2, width=8, blocks=2, non_local=non_local, context=3).eval()
    randomise(network)
    twin = SemGCN(shuffled, 2, width=8, blocks=2, non_local=non_local, context=3).eval()
    twin.load_state_dict(
        {
            name: value[same_links(shuffled, order)] if name.endswith("strength") else value
            for name, value in network.state_dict().items()
        }
    )
    joints, context = torch.randn(3, 2, 26, 3), torch.randn(3, 2, 3)
    assert torch.allclose(
        twin(joints[:, :, order], context), network(joints, context)[:, :, order], atol=1e-4
    )


def same_links(shuffled: Skeleton, order: list[int]) -> list[int]:
    """For each link of the shuffled skeleton, where SEALCAP26 keeps the same link's strength."""
    old = links(SEALCAP26)
    return [old.index((order[i], order[j])) for i, j in links(shuffled)]


@pytest.mark.parametrize("blocks", [1, 2])
def test_reach_grows_with_every_convolution(blocks: int) -> None:
    """A convolution reaches one link further; non-local layers reach every joint."""
    chain = Skeleton("chain", tuple(f"j{i}" for i in range(12)), tuple(range(-1, 11)))
    for non_local in (False, True):
        network = SemGCN(chain, 1, width=16, blocks=blocks, non_local=non_local).eval()
        randomise(network)
        joints = torch.randn(1, 1, 12, 3)
        moved = joints.clone()
        moved[:, :, 0] += 1
        changed = (network(moved) - network(joints)).abs().amax(dim=(0, 1, 3)) > 0  # (J,)
        assert int(changed.nonzero().max()) == (11 if non_local else 2 * blocks + 2)


def test_non_local_layers_begin_as_the_identity() -> None:
    """Fresh non-local layers add nothing, and the formula's sum over all joints after training."""
    layer = SemGCN(H36M17, 1, width=6, non_local=True).eval().non_local[0]
    x = torch.randn(2, 17, 6)
    assert torch.equal(layer(x), x)
    randomise(layer)
    assert torch.allclose(layer(x)[1, 4], non_local_by_hand(layer, x[1], 4), atol=1e-5)


def non_local_by_hand(layer: nn.Module, x: Tensor, i: int) -> Tensor:
    """The layer's answer for joint i of x (J,F), written as in the paper; running statistics are 0 and 1."""
    w = layer.state_dict()
    theta, phi, g = (x @ w[f"{n}.weight"].T + w[f"{n}.bias"] for n in ("theta", "phi", "g"))
    joined = torch.cat([w["from_theta.weight"], w["from_phi.weight"]], dim=1)[0]
    z = sum((torch.cat([theta[i], phi[j]]) @ joined).clamp(min=0) * g[j] for j in range(len(x))) / len(x)
    out = z @ w["out.weight"].T + w["out.bias"]
    return x[i] + out / math.sqrt(1 + 1e-5) * w["norm.weight"] + w["norm.bias"]


def test_attention_is_a_mean_over_neighbours() -> None:
    """Rows add up to 1 and are 0 where there is no link; untrained, neighbours count alike."""
    attention = SemGCN(H36M17, 1).head.attention()
    linked = torch.zeros(17, 17)
    for i, j in links(H36M17):
        linked[i, j] = 1
    assert torch.allclose(attention, linked / linked.sum(dim=1, keepdim=True))


def test_impossible_networks() -> None:
    """Sizes that make no network and skeletons without links are refused."""
    for options in ({"width": 1}, {"blocks": 0}):
        with pytest.raises(ValueError, match="width 128 and 4 blocks"):
            SemGCN(H36M17, 1, **options)
    with pytest.raises(ValueError, match="window and blocks must be 1 or more"):
        SemGCN(H36M17, 0)
    with pytest.raises(ValueError, match="body21 has no links; choose one whose joints form a tree"):
        SemGCN(BODY21, 1)
