"""MixSTE's own parts; tests/lifting/models/test_clip_to_clip.py holds the laws of the whole."""

from __future__ import annotations

import pytest
import torch

from lifting.models._attention import DropPath
from lifting.models.mixste import MixSTE
from lifting.skeleton import SEALCAP26


def test_order_of_the_frames_is_only_in_their_positions() -> None:
    """Published form: permuting frames and their positions permutes the answers; frames alone do not."""
    torch.manual_seed(0)
    network = MixSTE(SEALCAP26, 5, width=16, layers=2, heads=4, causal=False).eval()
    torch.nn.init.normal_(network.frame_position)
    joints, order = torch.randn(2, 5, 26, 3), torch.randperm(5)
    before = network(joints)[:, order]
    assert not torch.allclose(network(joints[:, order]), before, atol=1e-3)
    with torch.no_grad():
        network.frame_position.copy_(network.frame_position[order].clone())
    assert torch.allclose(network(joints[:, order]), before, atol=1e-5)


def test_stochastic_depth_rises_from_layer_to_layer() -> None:
    """The first layer is never left out, the last with the chance that was asked for."""
    network = MixSTE(SEALCAP26, 3, width=16, layers=5, heads=4, drop_path=0.2)
    for blocks in (network.spatial, network.temporal):
        chances = [m.chance for m in blocks.modules() if isinstance(m, DropPath)]
        assert chances == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_one_norm_serves_all_layers() -> None:
    """Two norms stand between the blocks, however many layers there are."""
    shallow, deep = (MixSTE(SEALCAP26, 3, width=16, layers=n, heads=4) for n in (1, 3))
    block = sum(p.numel() for p in shallow.spatial.parameters())
    counts = [sum(p.numel() for p in network.parameters()) for network in (shallow, deep)]
    assert counts[1] - counts[0] == 4 * block
