"""Laws of the networks that answer every frame of a clip: MotionAGFormer, MixSTE, KTPFormer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from lifting.models.ktp_former import KTPFormer
from lifting.models.mixste import MixSTE
from lifting.models.motion_ag_former import MotionAGFormer
from lifting.skeleton import SEALCAP26, Skeleton

FRAMES, JOINTS, CONTEXT = 5, len(SEALCAP26), 4
NETWORKS: tuple[type[nn.Module], ...] = (MotionAGFormer, MixSTE, KTPFormer)
Make = Callable[..., nn.Module]


@pytest.fixture(params=NETWORKS, ids=lambda network: network.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    """Builds a small network in eval mode, with random weights that let every input matter."""

    def build(skeleton: Skeleton = SEALCAP26, window: int = FRAMES, **options: object) -> nn.Module:
        torch.manual_seed(3)
        small = {"width": 16, "layers": 2, "heads": 4, "context": CONTEXT}
        network: nn.Module = request.param(skeleton, window, **(small | options))
        for name, parameter in sorted(network.named_parameters()):
            nn.init.normal_(parameter, mean=float("norm" in name and "weight" in name), std=0.2)
        for name, buffer in sorted(network.named_buffers()):
            if name.endswith("running_var"):
                nn.init.uniform_(buffer, 0.5, 1.5)
            elif name.endswith("running_mean"):
                nn.init.normal_(buffer, std=0.1)
        return network.eval()

    return build


def clip(people: int = 2, window: int = FRAMES) -> tuple[Tensor, Tensor]:
    """joints (people,window,26,3) and context (people,window,4)."""
    rng = torch.Generator().manual_seed(people)
    joints = torch.randn(people, window, JOINTS, 3, generator=rng)
    return joints, torch.randn(people, window, CONTEXT, generator=rng)


def test_every_frame_is_answered(make: Make) -> None:
    """The answers are those of all frames, three numbers a joint."""
    network = make()
    assert network.frames == tuple(range(FRAMES))
    assert network(*clip()).shape == (2, FRAMES, JOINTS, 3)
    assert make(context=0, channels=2)(clip()[0][..., :2]).shape == (2, FRAMES, JOINTS, 3)


def test_a_single_frame_is_a_clip(make: Make) -> None:
    """A window of one frame works, causal or not, and both are the same."""
    causal, published = make(window=1), make(window=1, causal=False)
    published.load_state_dict(causal.state_dict())
    assert torch.allclose(causal(*clip(window=1)), published(*clip(window=1)), atol=1e-6)


@pytest.mark.parametrize("newest", range(FRAMES - 1))
def test_causal_answers_do_not_change_when_time_goes_on(make: Make, newest: int) -> None:
    """Streaming: whatever comes after frame t, the answers up to t stay; the later ones do change."""
    network, (joints, context) = make(), clip()
    before = network(joints, context)
    joints[:, newest + 1 :] += 1
    context[:, newest + 1 :] -= 1
    after = network(joints, context)
    assert torch.allclose(before[:, : newest + 1], after[:, : newest + 1], atol=1e-5)
    assert ((before - after)[:, newest + 1 :].abs().amax(dim=(0, 2, 3)) > 1e-3).all()


def test_published_form_looks_ahead(make: Make) -> None:
    """With causal=False the last frame changes the first answer."""
    network, (joints, context) = make(causal=False), clip()
    before = network(joints, context)
    joints[:, -1] += 1
    assert (before - network(joints, context))[:, 0].abs().max() > 1e-4


@pytest.mark.parametrize("causal", [True, False])
def test_every_frame_matters(make: Make, causal: bool) -> None:
    """Each frame and each joint reaches the newest answer."""
    network, (joints, context) = make(causal=causal), clip(1)
    joints.requires_grad_()
    (gradient,) = torch.autograd.grad(network(joints, context)[:, -1].square().sum(), joints)
    assert (gradient.abs().amax(dim=-1) > 0).all()


def test_context_matters(make: Make) -> None:
    """Facts about a frame reach its answer."""
    network, (joints, context) = make(), clip()
    assert not torch.allclose(network(joints, context), network(joints, context + 1), atol=1e-3)


def test_people_do_not_influence_each_other(make: Make) -> None:
    """A person's answer is the same alone and in a batch."""
    network, (joints, context) = make(), clip(4)
    alone = network(joints[2:3], context[2:3])
    assert torch.allclose(network(joints, context)[2:3], alone, atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_gradients_reach_all_parameters(make: Make, causal: bool) -> None:
    """Nothing in the network is idle, in training mode and with stochastic depth off."""
    network = make(causal=causal, drop_path=0.0).train()
    network(*clip(4)).square().mean().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle


def test_order_of_the_joints_is_free(make: Make) -> None:
    """Permuting joints, skeleton and whatever a network keeps per joint permutes the answer."""
    order = torch.randperm(JOINTS, generator=torch.Generator().manual_seed(1))
    place = order.argsort()
    parents = [SEALCAP26.parents[i] for i in order]
    names = tuple(SEALCAP26.joints[i] for i in order)
    shuffled = Skeleton("shuffled", names, tuple(-1 if p < 0 else int(place[p]) for p in parents))
    network, other = make(), make(shuffled)
    kept = network.state_dict()
    for tensor in kept.values():
        for axis in (a for a, size in enumerate(tensor.shape) if size == JOINTS):
            tensor.copy_(tensor.index_select(axis, order).clone())
    expected = make()(*clip())[:, :, order]
    other.load_state_dict(kept)
    joints, context = clip()
    assert torch.allclose(other(joints[:, :, order], context), expected, atol=1e-5)


def test_stochastic_depth_is_for_training(make: Make) -> None:
    """Two answers of the same clip differ in training mode only."""
    network = make(drop_path=0.5)
    assert torch.equal(network(*clip()), network(*clip()))
    network.train()
    assert not torch.equal(network(*clip()), network(*clip()))


@pytest.mark.parametrize("frames", [FRAMES - 1, FRAMES + 1])
def test_other_windows_are_refused(make: Make, frames: int) -> None:
    """A network answers windows of its own length only."""
    with pytest.raises(ValueError, match=f"windows of 5 frames, got {frames}"):
        make()(*clip(window=frames))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 18}, "multiple of the 4 heads, got 18"),
        ({"layers": 0}, "layers"),
        ({"window": 0}, "at least 1"),
        ({"drop_path": 1.0}, "drop_path"),
        ({"drop_path": -0.1}, "drop_path"),
    ],
)
def test_impossible_options(make: Make, options: dict[str, float], message: str) -> None:
    """Wrong values are named."""
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("causal", [True, False])
def test_bfloat16_is_close(make: Make, causal: bool) -> None:
    """Under autocast, forward and backward work and the answer stays within rounding."""
    network = make(causal=causal)
    exact = network(*clip())
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network(*clip())
    rounded.float().square().mean().backward()
    assert (rounded - exact).abs().median() < 0.05 * exact.abs().max()


def test_onnx_has_the_same_numbers(make: Make, tmp_path: Path) -> None:
    """The exported network agrees with torch to 1e-4 for any number of people."""
    network, path = make(layers=1), tmp_path / "clip.onnx"
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        torch.onnx.export(
            network, clip(), path, input_names=["joints", "context"], output_names=["answer"],
            opset_version=18, dynamo=True, dynamic_shapes=({0: batch}, {0: batch}), verbose=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(path)
    for people in (1, 2, 7):
        joints, context = clip(people)
        (got,) = session.run(None, {"joints": joints.numpy(), "context": context.numpy()})
        assert np.abs(got - network(joints, context).detach().numpy()).max() < 1e-4
