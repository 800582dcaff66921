"""VideoPose3D: the answers are those of plain dilated convolutions over the whole recording."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lifting.models.video_pose import VideoPose3D
from lifting.skeleton import H36M17

RECORDING = 60


def randomise(network: nn.Module) -> None:
    """Random weights and running statistics, so that every term counts."""
    torch.manual_seed(3)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.15)
    for norm in network.modules():
        if (
            isinstance(norm, nn.BatchNorm1d)
            and norm.running_mean is not None
            and norm.running_var is not None
        ):
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)


def dense(network: VideoPose3D, features: Tensor, kernels: list[int], causal: bool) -> Tensor:
    """The published form: features (B,F,L) of a recording -> answers (B,3J,L), one for every frame.

    Every convolution is dilated and padded with zeros to keep the length, on the left alone when causal, so
    that frames for which a whole window exists have the answer of that window.
    """
    w = network.state_dict()

    def convolve(x: Tensor, name: str, kernel: int, dilation: int) -> Tensor:
        reach = (kernel - 1) * dilation
        left = reach if causal else reach // 2
        matrix = w[f"{name}.linear.weight"].unflatten(1, (kernel, -1)).transpose(1, 2)  # (W,F,k)
        mixed = functional.conv1d(functional.pad(x, (left, reach - left)), matrix, dilation=dilation)
        norm = [w[f"{name}.norm.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(mixed, *norm).clamp(min=0)

    x, dilation = convolve(features, "embed", kernels[0], 1), kernels[0]
    for block, kernel in enumerate(kernels[1:]):
        over_time = convolve(x, f"blocks.{block}.over_time", kernel, dilation)
        x = x + convolve(over_time, f"blocks.{block}.per_frame", 1, 1)
        dilation *= kernel
    return functional.conv1d(x, w["head.weight"][:, :, None], w["head.bias"])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kernels", [[3, 3, 3], [5, 3], [3, 5], [9], [1, 3, 1, 5]])
def test_every_window_has_the_dense_answer(kernels: list[int], causal: bool) -> None:
    """Window after window, the answer is the dilated convolution's for the answered frame."""
    window = torch.tensor(kernels).prod().item()
    network = VideoPose3D(H36M17, int(window), kernels=kernels, width=12, context=2, causal=causal).eval()
    randomise(network)
    joints, context = torch.randn(2, RECORDING, 17, 3), torch.randn(2, RECORDING, 2)
    features = torch.cat([joints.flatten(2), context], dim=-1).transpose(1, 2)
    expected = dense(network, features, kernels, causal).transpose(1, 2).unflatten(-1, (17, 3))
    for start in range(RECORDING - network.window + 1):
        part = slice(start, start + network.window)
        got = network(joints[:, part], context[:, part])[:, 0]
        assert torch.allclose(got, expected[:, start + network.frames[0]], atol=1e-4)


def test_causal_and_centred_share_weights_but_not_residuals() -> None:
    """Both forms have the same weights; which frame the residual carries tells them apart."""
    causal, centred = (VideoPose3D(H36M17, 9, width=12, causal=c).eval() for c in (True, False))
    randomise(causal)
    centred.load_state_dict(causal.state_dict())
    joints = torch.randn(2, 9, 17, 3)
    assert not torch.allclose(causal(joints), centred(joints))


@pytest.mark.parametrize(("window", "layers"), [(1, 5), (3, 1), (9, 2), (27, 3), (81, 4), (243, 5)])
def test_published_kernels(window: int, layers: int) -> None:
    """Powers of three and a single frame need no kernels to be named."""
    network = VideoPose3D(H36M17, window, width=4)
    assert len(network.blocks) == layers - 1
    assert network.eval()(torch.randn(2, window, 17, 3)).shape == (2, 1, 17, 3)


def test_single_frame_network() -> None:
    """With kernels of one frame there is one answer, for that frame."""
    network = VideoPose3D(H36M17, 1, kernels=[1, 1, 1], width=8)
    assert network.frames == (0,)
    assert len(network.blocks) == 2


def test_batch_statistics_only_in_training() -> None:
    """While training an answer depends on the batch; live it must not."""
    network, joints = VideoPose3D(H36M17, 3, width=8, dropout=0.0), torch.randn(4, 3, 17, 3)
    assert not torch.allclose(network(joints)[:2], network(joints[:2]))
    network.eval()
    assert torch.allclose(network(joints)[:2], network(joints[:2]), atol=1e-6)


@pytest.mark.parametrize("window", [0, 2, 10, 80])
def test_windows_without_published_kernels(window: int) -> None:
    """Other windows need kernels, and the message says so."""
    with pytest.raises(ValueError, match="1, 3, 9, 27, 81 or 243 frames"):
        VideoPose3D(H36M17, window)


@pytest.mark.parametrize("kernels", [[], [2, 3], [0], [-3, -3]])
def test_impossible_kernels(kernels: list[int]) -> None:
    """Kernels are odd, so that they have a middle."""
    with pytest.raises(ValueError, match="odd numbers of frames"):
        VideoPose3D(H36M17, 9, kernels=kernels)


@pytest.mark.parametrize(("window", "kernels"), list(itertools.product([1, 27, 10], [[3, 3], [5]])))
def test_kernels_must_see_the_window(window: int, kernels: list[int]) -> None:
    """The receptive field is the window, or the message says what it is."""
    with pytest.raises(ValueError, match=f"the window has {window}; their product must be the window"):
        VideoPose3D(H36M17, window, kernels=kernels)


def test_impossible_width() -> None:
    """A network needs features."""
    with pytest.raises(ValueError, match="width must be 1 or more"):
        VideoPose3D(H36M17, 9, width=0)
