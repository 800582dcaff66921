"""Confidences of the 3D joints follow from the 2D ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lifting.skeleton import BODY21, SEALCAP26
from realtime.solve.confidence import joint_confidence


@given(st.lists(st.floats(-0.5, 1.5), min_size=21, max_size=21))
def test_always_in_range(values: list[float]) -> None:
    """Whatever a detector reports, the result lies in 0..1."""
    out = joint_confidence(np.array(values))
    assert out.shape == (26,)
    assert ((out >= 0) & (out <= 1 + 1e-12)).all()


def test_named_joints_keep_theirs() -> None:
    """A joint that exists in both skeletons keeps its confidence."""
    confidence = np.linspace(0, 1, 21)
    out = joint_confidence(confidence)
    for i, name in enumerate(BODY21.joints):
        assert out[SEALCAP26.index(name)] == confidence[i]


def test_inner_joints_follow_their_neighbours() -> None:
    """With only the legs seen, the pelvis is known and neck and head are not."""
    confidence = np.zeros(21)
    confidence[11:] = 1
    out = joint_confidence(confidence)
    assert out[SEALCAP26.index("pelvis")] == 1
    assert out[SEALCAP26.index("spine")] == 0.5
    assert out[SEALCAP26.index("neck")] == out[SEALCAP26.index("head")] == 0
