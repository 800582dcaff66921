"""What the clip-to-clip networks share: attention, stochastic depth, mixing along one axis."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lifting.models._attention import Attention, DropPath, attend, over_joints, over_time


def by_hand(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """Attention of one head (nodes,d), node by node."""
    answers = []
    for i, asked in enumerate(query):
        last = i + 1 if causal else len(key)
        weight = torch.softmax(key[:last] @ asked / len(asked) ** 0.5, dim=0)
        answers.append(weight @ value[:last])
    return torch.stack(answers)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
def test_attention_is_the_softmax_mean(causal: bool, dtype: torch.dtype, tolerance: float) -> None:
    """Both ways of computing it agree with the definition."""
    query, key, value = torch.randn(3, 2, 4, 7, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    got = attend(query, key, value, causal=causal)
    assert got.dtype == dtype
    for n in range(2):
        for head in range(4):
            expected = by_hand(query[n, head].float(), key[n, head].float(), value[n, head].float(), causal)
            assert torch.allclose(got[n, head].float(), expected, atol=tolerance)


def test_nodes_have_no_order() -> None:
    """Without a mask, permuted nodes get permuted answers."""
    attention, x, order = Attention(8, 2), torch.randn(3, 6, 8), torch.randperm(6)
    assert torch.allclose(attention(x[:, order]), attention(x)[:, order], atol=1e-6)


def test_dropped_rows_are_whole_and_the_mean_stays() -> None:
    """A row's change is left out or enlarged; on average nothing is lost."""
    torch.manual_seed(0)
    change = DropPath(0.25).train()(torch.ones(4000, 3, 2))
    assert ((change == 0) | (change == 1 / 0.75)).all()
    assert (change == change[:, :1, :1]).all()
    assert change.mean() == pytest.approx(1, abs=0.05)


def test_axes_are_mixed_apart() -> None:
    """A block over joints sees one frame at a time, a block over time one joint."""
    tokens = torch.randn(2, 4, 3, 5)
    running = nn.Module()
    running.forward = lambda x: x.cumsum(dim=1)
    assert torch.allclose(over_joints(running, tokens), tokens.cumsum(dim=2))
    assert torch.allclose(over_time(running, tokens), tokens.cumsum(dim=1))
