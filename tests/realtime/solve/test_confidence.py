"""Confidences of the 3D joints follow from the 2D ones."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lifting.skeleton import BODY21, SEALCAP26
from realtime.solve.confidence import Observed, joint_confidence


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


def _flags(confidences: list[float], fps: float = 30.0) -> list[bool]:
    observed = Observed()
    return [bool(observed.update(np.full(26, c), int(i / fps * 1e9))[0]) for i, c in enumerate(confidences)]


def test_no_flicker_at_the_threshold() -> None:
    """Noise of ±0.04 around the threshold changes a flag at most once."""
    noisy = list(0.3 + 0.04 * np.random.default_rng(0).uniform(-1, 1, 300))
    flags = _flags(noisy)
    assert sum(a != b for a, b in itertools.pairwise(flags)) <= 1


def test_a_doubtful_frame_changes_nothing() -> None:
    """One frame of low confidence among good ones does not change the flag; a second later it has changed."""
    flags = _flags([0.9] * 10 + [0.15] + [0.9] * 10 + [0.15] * 30)
    assert all(flags[:22])
    assert not any(flags[-20:])


def test_what_is_not_seen_at_all_is_never_observed() -> None:
    """Confidence 0 says no at once, and a limb long hidden is observed within 0.1 s of its return."""
    flags = _flags([0.9] * 10 + [0.0] * 30 + [0.9] * 10)
    assert not any(flags[10:40])
    assert all(flags[42:])


def test_clock_steps_decide_by_the_frame_alone() -> None:
    """A time that does not move on starts anew."""
    observed = Observed()
    for t, c in ((5, 0.9), (5, 0.2), (3, 0.9)):
        assert observed.update(np.full(26, c), t)[0] == (c > 0.3)
