"""Floor contact is low, slow and seen."""

import numpy as np

from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.solve.contacts import ContactEstimate
from realtime.solve.rest import REST_JOINTS

SEEN = np.ones(len(SEALCAP26))
STANDING = 1.7 * REST_JOINTS


def _after(estimate: ContactEstimate, joints: list[np.ndarray], confidence: np.ndarray = SEEN) -> np.ndarray:
    for pose in joints:
        out = estimate.update(pose, confidence, 1 / 30)
    return out


def test_standing_feet_touch() -> None:
    """Four points at rest on the floor: full contact."""
    np.testing.assert_allclose(_after(ContactEstimate(), [STANDING] * 10), 1)


def test_a_raised_foot_does_not() -> None:
    """A left foot 15 cm up has none, the right one keeps its contact."""
    pose = STANDING.copy()
    pose[SEALCAP26.indices("left_heel", "left_toe"), 1] += 0.15
    np.testing.assert_allclose(_after(ContactEstimate(), [pose] * 10), (0, 0, 1, 1))


def test_a_sliding_foot_does_not() -> None:
    """Feet that skim the floor at 2 m/s are in the air."""
    poses = [STANDING + np.array([0.0, 0.0, 2 * t / 30]) for t in range(10)]
    np.testing.assert_allclose(_after(ContactEstimate(), poses), 0)


def test_unseen_feet_claim_nothing() -> None:
    """Without confidence there is no contact."""
    np.testing.assert_array_equal(
        _after(ContactEstimate(), [STANDING] * 5, SEEN * 0), np.zeros(len(CONTACTS))
    )


def test_the_floor_may_lie_elsewhere() -> None:
    """Height counts from the level that soles were seen to rest at."""
    estimate = ContactEstimate()
    for _ in range(10):
        out = estimate.update(STANDING + np.array([0, 0.3, 0]), SEEN, 1 / 30, 0.3)
    np.testing.assert_allclose(out, 1)
