"""SimpleBaseline: the equations of its module's text, frame by frame."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lifting.models.simple_baseline import SimpleBaseline
from lifting.skeleton import H36M17


def randomise(network: nn.Module) -> None:
    """Random weights and running statistics, so that every term counts."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    for norm in network.modules():
        if (
            isinstance(norm, nn.BatchNorm1d)
            and norm.running_mean is not None
            and norm.running_var is not None
        ):
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)


def layer(network: SimpleBaseline, name: str, x: Tensor) -> Tensor:
    """relu(batch_norm(linear(x))) written out from the weights called `name`."""
    w = network.state_dict()
    mixed = x @ w[f"{name}.0.weight"].T + w[f"{name}.0.bias"]
    scale = w[f"{name}.1.weight"] / (w[f"{name}.1.running_var"] + 1e-5).sqrt()
    return ((mixed - w[f"{name}.1.running_mean"]) * scale + w[f"{name}.1.bias"]).clamp(min=0)


def test_equations() -> None:
    """The answer is that of the published equations."""
    network = SimpleBaseline(H36M17, 3, channels=2, width=16, stages=2).eval()
    randomise(network)
    joints = torch.randn(4, 3, 17, 2)
    h = layer(network, "embed", joints.reshape(12, 34))
    for stage in range(2):
        h = h + layer(network, f"stages.{stage}.1", layer(network, f"stages.{stage}.0", h))
    expected = (h @ network.head.weight.T + network.head.bias).reshape(4, 3, 17, 3)
    assert torch.allclose(network(joints), expected, atol=1e-4)


def test_frames_are_independent() -> None:
    """A frame's answer is that of a window of one frame with the same weights."""
    window = SimpleBaseline(H36M17, 9, width=16, context=2).eval()
    single = SimpleBaseline(H36M17, 1, width=16, context=2).eval()
    randomise(window)
    single.load_state_dict(window.state_dict())
    joints, context = torch.randn(2, 9, 17, 3), torch.randn(2, 9, 2)
    for t in range(9):
        alone = single(joints[:, t : t + 1], context[:, t : t + 1])
        assert torch.allclose(window(joints, context)[:, t : t + 1], alone, atol=1e-5)


def test_causal_or_not_is_the_same() -> None:
    """One frame has no future, so both forms are one network."""
    causal = SimpleBaseline(H36M17, 3, width=16).eval()
    published = SimpleBaseline(H36M17, 3, width=16, causal=False).eval()
    published.load_state_dict(causal.state_dict())
    joints = torch.randn(2, 3, 17, 3)
    assert torch.equal(causal(joints), published(joints))


def test_dropout_only_in_training() -> None:
    """Training answers vary, live answers do not."""
    network, joints = SimpleBaseline(H36M17, 3, width=16), torch.randn(4, 3, 17, 3)
    assert not torch.equal(network(joints), network(joints))
    network.eval()
    assert torch.equal(network(joints), network(joints))


@pytest.mark.parametrize(("window", "width", "stages"), [(0, 8, 1), (1, 0, 1), (1, 8, 0)])
def test_impossible_sizes(window: int, width: int, stages: int) -> None:
    """Sizes below one are refused, with the published ones named."""
    with pytest.raises(ValueError, match="width 1024 and 2 stages"):
        SimpleBaseline(H36M17, window, width=width, stages=stages)
