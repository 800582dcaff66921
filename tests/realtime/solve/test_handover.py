"""From a coasted pose to a seen one: continuous, quick, and not across cuts."""

import numpy as np

from realtime.solve.calm import toward_standing
from realtime.solve.handover import Handover
from realtime.solve.rest import PARENTS, REST_JOINTS

JOINTS, ROOT = REST_JOINTS - REST_JOINTS[0], np.array([0.0, 0.0, 3.0])
NOW = toward_standing(JOINTS, np.array([0.0, 1.0, 0.0]), 1.0)
"""Arms down where they were spread."""
DT = 1 / 60


def test_the_difference_fades_within_a_third_of_a_second() -> None:
    """The first pose is the one shown before; of a quarter turn less than a fifth is left after 0.43 s."""
    handover = Handover()
    handover.leave(JOINTS, ROOT)
    shown = [handover.arrive(NOW, ROOT + 0.3, DT) for _ in range(60)]
    joints, roots = np.stack([j for j, _ in shown]), np.stack([r for _, r in shown])
    np.testing.assert_allclose(joints[0], JOINTS, atol=1e-9)
    np.testing.assert_allclose(roots[0], ROOT)
    assert np.abs(joints[26] - NOW).max() < 0.2 * np.abs(JOINTS - NOW).max()
    np.testing.assert_allclose(joints[-1], NOW, atol=0.005)
    np.testing.assert_array_equal(roots[-1], ROOT + 0.3)
    assert np.abs(np.diff(joints, axis=0)).max() / DT < 5.0
    links = np.linalg.norm(joints - joints[:, PARENTS], axis=-1)
    np.testing.assert_allclose(links, np.broadcast_to(links[-1], links.shape), atol=1e-9)


def test_frame_rates_agree() -> None:
    """What is left after 0.2 s does not depend on the frame rate."""
    left = []
    for fps in (15, 30, 60):
        handover = Handover()
        handover.leave(JOINTS, ROOT)
        left.append([handover.arrive(NOW, ROOT, 1 / fps)[0] for _ in range(fps // 5 + 1)][-1])
    np.testing.assert_allclose(left[0], left[2], atol=1e-9)
    np.testing.assert_allclose(left[1], left[2], atol=1e-9)


def test_nothing_left_nothing_changed() -> None:
    """Without a gap the very same arrays come out."""
    joints, root = Handover().arrive(JOINTS, ROOT, DT)
    assert joints is JOINTS
    assert root is ROOT


def test_far_away_is_not_walked_to() -> None:
    """Somebody 2 m from where the pose was held is there at once."""
    handover = Handover()
    handover.leave(JOINTS, ROOT)
    away = ROOT + np.array([2.0, 0.0, 0.0])
    joints, root = handover.arrive(NOW, away, DT)
    np.testing.assert_array_equal(joints, NOW)
    np.testing.assert_array_equal(root, away)


def test_unknown_roots_blend_the_joints_alone() -> None:
    """A distance unknown before or now does no harm."""
    for before, now in ((None, ROOT), (ROOT, None), (None, None)):
        handover = Handover()
        handover.leave(JOINTS, before)
        joints, root = handover.arrive(NOW, now, DT)
        np.testing.assert_allclose(joints, JOINTS, atol=1e-9)
        assert (root is None) == (now is None)
        assert root is None or np.isfinite(root).all()
        for _ in range(60):
            joints, root = handover.arrive(NOW, ROOT, DT)
        np.testing.assert_array_equal(root, ROOT)


def test_a_cut_ends_fading_but_not_waiting() -> None:
    """While somebody is seen a cut jumps; what was shown in a gap is blended in still."""
    handover = Handover()
    handover.leave(JOINTS, ROOT)
    handover.cut()
    assert handover.waiting
    np.testing.assert_allclose(handover.arrive(NOW, ROOT, DT)[0], JOINTS, atol=1e-9)
    handover.cut()
    np.testing.assert_array_equal(handover.arrive(NOW, ROOT, DT)[0], NOW)
