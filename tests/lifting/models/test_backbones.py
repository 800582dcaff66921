"""What every one of these backbones does: shapes, use of its inputs, training, and the way to ONNX."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from lifting.models.pose_former_v2 import PoseFormerV2
from lifting.models.sem_gcn import SemGCN
from lifting.models.simple_baseline import SimpleBaseline
from lifting.models.video_pose import VideoPose3D
from lifting.skeleton import SEALCAP26, Skeleton

JOINTS, FACTS = len(SEALCAP26), 5
Network = type[nn.Module]

SMALL: dict[str, tuple[Network, dict[str, Any]]] = {
    "simple_baseline": (SimpleBaseline, {"width": 24, "stages": 2}),
    "sem_gcn": (SemGCN, {"width": 12, "blocks": 2}),
    "sem_gcn_non_local": (SemGCN, {"width": 32, "blocks": 1, "non_local": True}),
    "video_pose": (VideoPose3D, {"width": 24}),
    "pose_former_v2": (
        PoseFormerV2,
        {"joint_width": 4, "heads": 2, "depth": 2, "kept_frames": 3, "coefficients": 2, "drop_path": 0.0},
    ),
}
ONE_FRAME = (SimpleBaseline, SemGCN)


@pytest.fixture(params=sorted(SMALL))
def small(request: pytest.FixtureRequest) -> tuple[Network, dict[str, Any]]:
    """A network and options that make it small."""
    return SMALL[request.param]


def build(small: tuple[Network, dict[str, Any]], window: int = 9, **more: Any) -> Any:
    """The network for SEALCAP26 with FACTS facts per frame and random weights, ready to answer."""
    torch.manual_seed(0)
    network, options = small
    made = network(SEALCAP26, window, **{"context": FACTS} | options | more).eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)
    return made


def windows(batch: int, window: int = 9, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Random joints (batch,window,26,channels) and context (batch,window,FACTS)."""
    rng = torch.Generator().manual_seed(batch)
    joints = torch.randn(batch, window, JOINTS, channels, generator=rng)
    return joints, torch.randn(batch, window, FACTS, generator=rng)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("window", [3, 9, 27])
def test_shapes(small: tuple[Network, dict[str, Any]], window: int, channels: int) -> None:
    """Every window gets an answer of all joints for each frame that `frames` names."""
    network = build(small, window, channels=channels)
    answer = network(*windows(2, window, channels))
    assert answer.shape == (2, len(network.frames), JOINTS, 3)
    assert network.frames == (tuple(range(window)) if small[0] in ONE_FRAME else (window - 1,))


def test_published_form_answers_the_middle(small: tuple[Network, dict[str, Any]]) -> None:
    """With causal=False nets with one answer give it for the middle frame."""
    network = build(small, causal=False)
    assert network.frames == (tuple(range(9)) if small[0] in ONE_FRAME else (4,))
    assert network(*windows(2)).shape == (2, len(network.frames), JOINTS, 3)


@pytest.mark.parametrize("causal", [False, True])
def test_which_frames_matter(small: tuple[Network, dict[str, Any]], causal: bool) -> None:
    """A single-frame answer depends on its own frame only; all others on every frame of the window."""
    network, (joints, context) = build(small, causal=causal), windows(1)
    before = network(joints, context)
    for frame in range(9):
        changed = joints.clone()
        changed[:, frame, 7] += 0.5
        moved = (network(changed, context) - before).abs().amax(dim=(0, 2, 3)) > 0  # (T',)
        assert [network.frames[i] for i in moved.nonzero().flatten()] == (
            [frame] if small[0] in ONE_FRAME else list(network.frames)
        )


def test_context_changes_the_answer(small: tuple[Network, dict[str, Any]]) -> None:
    """Each fact about a frame reaches the answer."""
    network, (joints, context) = build(small), windows(2)
    before = network(joints, context)
    for fact in range(FACTS):
        changed = context.clone()
        changed[:, -1, fact] += 0.5
        assert not torch.allclose(network(joints, changed)[:, -1], before[:, -1])


def test_published_inputs(small: tuple[Network, dict[str, Any]]) -> None:
    """Without context the network takes the joints alone."""
    network = build(small, context=0, channels=2)
    assert network(windows(2, channels=2)[0]).isfinite().all()


def test_people_do_not_influence_each_other(small: tuple[Network, dict[str, Any]]) -> None:
    """An answer is the same alone and in a batch."""
    network, (joints, context) = build(small), windows(5)
    assert torch.allclose(network(joints, context)[2:3], network(joints[2:3], context[2:3]), atol=1e-4)


def test_gradients_reach_all_parameters(small: tuple[Network, dict[str, Any]]) -> None:
    """Nothing in the network is idle while it trains."""
    network = build(small).train()
    network(*windows(8)).square().mean().backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_bfloat16_is_close(small: tuple[Network, dict[str, Any]]) -> None:
    """Under autocast the answers stay near those of float32."""
    network, (joints, context) = build(small), windows(4)
    expected = network(joints, context)
    with torch.autocast("cpu", torch.bfloat16):
        got = network(joints, context)
    assert (got.float() - expected).norm() < 0.05 * expected.norm()


def test_other_windows_are_refused(small: tuple[Network, dict[str, Any]]) -> None:
    """A window of another length raises instead of mixing frames of different people."""
    with pytest.raises(ValueError, match="windows of 9 frames, got 27"):
        build(small)(*windows(2, 27))


def test_onnx_gives_the_same_numbers(small: tuple[Network, dict[str, Any]]) -> None:
    """Exported once, the network agrees with torch to 1e-4 for any batch size."""
    network = build(small)
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            network,
            windows(2),
            input_names=["joints", "context"],
            opset_version=18,
            dynamo=True,
            dynamic_shapes={"joints": {0: batch}, "context": {0: batch}},
            verbose=False,
        )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for people in (1, 2, 7):
        joints, context = windows(people)
        (got,) = session.run(None, {"joints": joints.numpy(), "context": context.numpy()})
        expected = network(joints, context).detach().numpy()
        assert np.abs(got - expected).max() < 1e-4 * max(1.0, np.abs(expected).max())


def test_options_are_keyword_only(small: tuple[Network, dict[str, Any]]) -> None:
    """All backbones are built alike: skeleton, window, then named options."""
    network, _ = small
    with pytest.raises(TypeError):
        network(SEALCAP26, 9, 3)


def test_skeletons_of_any_size(small: tuple[Network, dict[str, Any]]) -> None:
    """The number of joints is the skeleton's, not a constant."""
    pair = Skeleton("pair", ("root", "tip"), (-1, 0))
    network, options = small
    made = network(pair, 9, **options).eval()
    assert made(torch.randn(2, 9, 2, 3)).shape[2:] == (2, 3)
