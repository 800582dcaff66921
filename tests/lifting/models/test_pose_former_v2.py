"""PoseFormerV2: the cosine transform, which frames enter how, and what its two kinds of token carry."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lifting.models.pose_former_v2 import PoseFormerV2, cosine_transform
from lifting.skeleton import H36M17

TINY: dict[str, Any] = {"joint_width": 4, "heads": 2, "depth": 2}


def build(window: int = 27, **options: Any) -> PoseFormerV2:
    """A small network with random weights, ready to answer."""
    torch.manual_seed(4)
    network = PoseFormerV2(H36M17, window, **TINY | options).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network


@pytest.mark.parametrize("length", [1, 2, 9, 27, 243])
def test_cosine_transform_round_trip(length: int) -> None:
    """The transform's inverse is its transpose."""
    D, x = cosine_transform(length), torch.randn(length, 5)
    assert torch.allclose(D.T @ (D @ x), x, atol=1e-5)


def test_cosine_transform_by_definition() -> None:
    """Row k of the transform of x is c_k Σ_t x_t cos(π k (2t+1) / 2T)."""
    x = torch.randn(9)
    for k, value in enumerate(cosine_transform(9) @ x):
        waves = sum(x[t].item() * math.cos(math.pi * k * (2 * t + 1) / 18) for t in range(9))
        assert value.item() == pytest.approx(waves * math.sqrt((1 if k == 0 else 2) / 9), abs=1e-5)


def test_a_still_window_is_its_lowest_frequency() -> None:
    """Where nothing moves all coefficients but the first are 0."""
    still = cosine_transform(27) @ torch.full((27,), 0.7)
    assert still[0].item() == pytest.approx(0.7 * math.sqrt(27), rel=1e-5)
    assert still[1:].abs().max() < 1e-5


NEWEST, MIDDLE = range(22, 27), range(11, 16)


@pytest.mark.parametrize(("causal", "kept", "other"), [(True, NEWEST, MIDDLE), (False, MIDDLE, NEWEST)])
def test_only_kept_frames_enter_in_full(causal: bool, kept: range, other: range) -> None:
    """Motion without low frequencies is seen in the kept frames and nowhere else."""
    network = build(kept_frames=5, coefficients=3, causal=causal)
    joints = torch.randn(1, 27, 17, 3)
    before = network(joints)
    assert torch.allclose(network(joints + shiver(network.lowest, still=kept)), before, atol=1e-3)
    assert not torch.allclose(network(joints + shiver(network.lowest, still=other)), before, atol=1e-2)


def shiver(lowest: Tensor, still: range) -> Tensor:
    """Random motion (1,27,17,3) without the `lowest` frequencies (n,27) that leaves some frames still."""
    moving = [t for t in range(27) if t not in still]
    low, motion = lowest[:, moving], torch.zeros(27, 51)
    noise = torch.randn(len(moving), 51)
    motion[moving] = noise - low.T @ torch.linalg.solve(low @ low.T, low @ noise)
    return motion.reshape(1, 27, 17, 3)


def test_frame_tokens_are_filtered_by_frequency() -> None:
    """Behind the attention: frequency x + MLP(x); frames x + D⁻¹ MLP(D x), with D the definition's sum."""
    block: Any = build(kept_frames=5, coefficients=3).mixed[0]
    nn.init.zeros_(block.attention.out.weight)
    nn.init.zeros_(block.attention.out.bias)
    x = torch.randn(2, 8, 68)
    low, recent = x[:, :3], x[:, 3:]
    waves = [[math.cos(math.pi * k * (2 * t + 1) / 10) for t in range(5)] for k in range(5)]
    D = functional.normalize(torch.tensor(waves), dim=1)
    filtered = torch.linalg.solve(D, block.mlp_recent(D @ block.norm_recent(recent)))
    expected = torch.cat([low + block.mlp_low(block.norm_low(low)), recent + filtered], dim=1)
    assert torch.allclose(block(x), expected, atol=1e-4)


def test_frequencies_carry_the_whole_window() -> None:
    """Every frame, however old, reaches the answer through its low frequencies."""
    network, joints = build(kept_frames=1, coefficients=3), torch.randn(1, 27, 17, 3)
    before = network(joints)
    for frame in range(27):
        moved = joints.clone()
        moved[:, frame, 5] += 1.0
        assert not torch.allclose(network(moved), before, atol=1e-5)


@pytest.mark.parametrize(("window", "tokens"), [(1, 1), (3, 1), (27, 3), (81, 9)])
def test_a_ninth_of_the_window_unless_said(window: int, tokens: int) -> None:
    """Without options the published pairs of 27, 81 and 243 frames with f = n result."""
    network = build(window)
    assert network.which_frame.shape[0] == network.which_frequency.shape[0] == tokens
    assert network(torch.randn(2, window, 17, 3)).shape == (2, 1, 17, 3)


def test_drop_path_only_in_training() -> None:
    """Training answers vary, live answers do not."""
    network, joints = build(drop_path=0.5), torch.randn(4, 27, 17, 3)
    assert torch.equal(network(joints), network(joints))
    network.train()
    assert not torch.equal(network(joints), network(joints))


@pytest.mark.parametrize("options", [{"kept_frames": 0}, {"kept_frames": 10}, {"coefficients": 10}])
def test_impossible_tokens(options: dict[str, int]) -> None:
    """Neither more frames nor more frequencies than the window has, and at least one."""
    with pytest.raises(ValueError, match="between 1 and the window's 9 frames"):
        PoseFormerV2(H36M17, 9, **options)


@pytest.mark.parametrize("options", [{"heads": 3}, {"depth": 0}, {"heads": 0}, {"joint_width": 0}])
def test_impossible_sizes(options: dict[str, int]) -> None:
    """The heads share the width evenly."""
    with pytest.raises(ValueError, match="heads must divide joint_width"):
        PoseFormerV2(H36M17, 9, **options)


def test_window_of_nothing() -> None:
    """A window has a frame."""
    with pytest.raises(ValueError, match="kept_frames must be between 1"):
        PoseFormerV2(H36M17, 0)
