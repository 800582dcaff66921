"""Hidden limbs: continuous at both edges, true to the body, never touching what is seen."""

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from realtime.solve.limbs import BEYOND, END, HiddenLimbs
from realtime.solve.rest import PARENTS, REST_JOINTS

UP = np.array([0.0, 1.0, 0.0])
ARM, LEG = ("elbow", "wrist"), ("knee", "ankle", "heel", "toe")
LIMBS = {
    f"{side}_{name}": SEALCAP26.indices(*(f"{side}_{joint}" for joint in joints))
    for side in ("left", "right")
    for name, joints in (("arm", ARM), ("leg", LEG))
}
GONE, BEGIN_S = 0.0, 1.0


def _turn(axis: int, angle: float) -> np.ndarray:
    out, (i, j) = np.eye(3), [k for k in range(3) if k != axis]
    out[i, i] = out[j, j] = np.cos(angle)
    out[i, j], out[j, i] = -np.sin(angle), np.sin(angle)
    return out


def _astray(joints: np.ndarray, usual: np.ndarray, rows: list[int]) -> np.ndarray:
    """What a network says of a limb it does not see: something usual, all at once."""
    out, first = joints.copy(), PARENTS[rows[0]]
    out[rows] = (usual[rows] - usual[first]) @ _turn(0, 0.7).T + joints[first]
    return out


def _said(scene, times: np.ndarray, hidden: np.ndarray, rows: list[int]) -> np.ndarray:
    """(T,26,3) network's words on a walker, relative to mid-hip."""
    walker = [scene.world(t) for t in times]
    joints = [w - w[0] for w in walker]
    usual = joints[0]
    return np.stack([_astray(j, usual, rows) if h else j for j, h in zip(joints, hidden, strict=True)])


def _play(said: np.ndarray, hidden: np.ndarray, rows: list[int], fps: float, level: float = GONE):
    limbs, out = HiddenLimbs(), []
    for i, (joints, gone) in enumerate(zip(said, hidden, strict=True)):
        confidence = np.full(26, 0.9)
        confidence[rows] = level if gone else 0.9
        out.append(limbs.update(joints, confidence, UP, None, 1 / fps if i else 0.0))
    return np.stack(out)


def _limb_m(a: np.ndarray, b: np.ndarray, rows: list[int]) -> float:
    return float(np.linalg.norm(a[rows] - b[rows], axis=-1).mean())


def _lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints - joints[..., PARENTS, :], axis=-1)


@pytest.mark.parametrize("name", LIMBS)
@pytest.mark.parametrize("seconds", [0.3, 1.0, 5.0])
def test_no_pop_at_either_edge(scene, name: str, seconds: float) -> None:
    """The network jumps by up to half a metre; what is shown never steps 15 cm beyond the walk itself."""
    rows, fps = LIMBS[name], 30
    times = np.arange(0, BEGIN_S + seconds + 1.0, 1 / fps)
    hidden = (times >= BEGIN_S) & (times < BEGIN_S + seconds - 1e-6)
    said = _said(scene(), times, hidden, rows)
    shown = _play(said, hidden, rows, fps)
    calm = _said(scene(), times, np.zeros_like(hidden), rows)

    def pop(joints: np.ndarray) -> float:
        return float(np.linalg.norm(np.diff(joints - calm, axis=0)[:, rows], axis=-1).max())

    assert pop(said) > 0.25
    assert pop(shown) < min(0.15, 0.5 * pop(said))
    acceleration = np.linalg.norm(np.diff(shown, 2, axis=0)[:, rows], axis=-1).max() * fps**2
    assert acceleration < 130
    np.testing.assert_allclose(shown[-1], said[-1], atol=0.01)
    np.testing.assert_allclose(_lengths(shown), _lengths(said), atol=1e-9)
    others = [j for j in range(26) if j not in rows]
    np.testing.assert_allclose(shown[:, others], said[:, others], atol=1e-12)


@pytest.mark.parametrize("name", LIMBS)
def test_prediction_first_network_later(scene, name: str) -> None:
    """After 0.1 s the limb is still on its way, after 3 s where the network says."""
    rows, times = LIMBS[name], np.arange(0, 4, 1 / 30)
    hidden = times >= BEGIN_S
    said = _said(scene(), times, hidden, rows)
    shown = _play(said, hidden, rows, 30)
    true = _said(scene(), times, np.zeros_like(hidden), rows)
    soon, late = np.searchsorted(times, BEGIN_S + 0.1), len(times) - 1

    assert _limb_m(shown[soon], true[soon], rows) < 0.5 * _limb_m(said[soon], true[soon], rows)
    assert _limb_m(shown[late], said[late], rows) < 0.06


def test_guessed_limbs_follow_sooner(scene) -> None:
    """A limb at which the detector still guesses is with the network after 0.3 s, an unseen one is not."""
    rows, times = LIMBS["left_arm"], np.arange(0, 1.3, 1 / 30)
    hidden = times >= BEGIN_S
    said = _said(scene(), times, hidden, rows)
    guessed, blind = (_play(said, hidden, rows, 30, level)[-1, rows] - said[-1, rows] for level in (0.2, 0.0))
    assert np.linalg.norm(guessed, axis=-1).max() < 0.1 < np.linalg.norm(blind, axis=-1).max()


def test_seen_limbs_pass_unchanged(scene) -> None:
    """Nothing hidden, nothing changed, not even by rounding."""
    times = np.arange(0, 2, 1 / 30)
    said = _said(scene(), times, np.zeros(len(times), bool), [])
    np.testing.assert_array_equal(_play(said, np.zeros(len(times), bool), [], 30), said)


def test_turning_everything_turns_the_answer(scene) -> None:
    """Axes are the body's: a rotated world gives the rotated figure."""
    rows, times = LIMBS["right_leg"], np.arange(0, 2, 1 / 30)
    hidden = times >= BEGIN_S
    said = _said(scene(), times, hidden, rows)
    R = _turn(0, 0.7) @ _turn(1, 2.0)
    shown = _play(said, hidden, rows, 30)
    limbs = HiddenLimbs()
    for i, joints in enumerate(said):
        confidence = np.full(26, 0.9)
        confidence[rows] = 0.0 if hidden[i] else 0.9
        turned = limbs.update(joints @ R.T, confidence, R @ UP, None, 1 / 30 if i else 0.0)
    np.testing.assert_allclose(turned, shown[-1] @ R.T, atol=1e-9)


def test_hidden_arm_goes_with_the_turning_body() -> None:
    """While the body turns by 40° in 0.2 s a hidden arm keeps its place relative to the trunk."""
    rest, rows = REST_JOINTS - REST_JOINTS[0], LIMBS["left_arm"]
    limbs, confidence = HiddenLimbs(), np.full(26, 0.9)
    limbs.update(rest, confidence, UP, None, 0.0)
    limbs.update(rest, confidence, UP, None, 1 / 30)
    confidence[rows] = 0.0
    for i in range(1, 7):
        R = _turn(1, np.radians(40) * i / 6)
        shown = limbs.update(rest @ R.T, confidence, UP, None, 1 / 30)
    np.testing.assert_allclose(shown, rest @ R.T, atol=1e-6)


def test_frame_rates_agree(scene) -> None:
    """At 15, 30 and 60 fps a hidden limb is at the same place at the same time."""
    rows, found = LIMBS["left_leg"], []
    for fps in (15, 30, 60):
        times = np.arange(0, 2.0 + 1e-9, 1 / fps)
        hidden = times > BEGIN_S + 1e-9
        found.append(_play(_said(scene(), times, hidden, rows), hidden, rows, fps)[-1, rows])
    np.testing.assert_allclose(found[0], found[2], atol=0.04)
    np.testing.assert_allclose(found[1], found[2], atol=0.02)


def test_flicker_at_the_threshold_stays_calm(scene) -> None:
    """Confidence that jumps between nothing and plenty every other frame gives no shaking limb."""
    rows, times = LIMBS["right_arm"], np.arange(0, 3, 1 / 30)
    hidden = (np.arange(len(times)) % 2 == 0) & (times > BEGIN_S)
    said = _said(scene(), times, hidden, rows)
    shown = _play(said, hidden, rows, 30)

    def shake(x: np.ndarray) -> float:
        return float(np.abs(np.diff(x[:, rows], 2, axis=0)).mean())

    assert shake(shown) < 0.2 * shake(said)


def test_degenerate_figures_stay_finite() -> None:
    """All joints in one place, hips on top of each other: finite out, whatever is hidden."""
    limbs = HiddenLimbs()
    for joints in (np.zeros((26, 3)), np.ones((26, 3)), np.tile(np.arange(26.0)[:, None], 3)):
        for level in (0.9, 0.0, 0.9):
            assert np.isfinite(limbs.update(joints, np.full(26, level), UP, 0.0, 1 / 30)).all()


def test_a_link_is_seen_through_what_lies_beyond() -> None:
    """A knee counts as seen while its foot is; a wrist does not while only its elbow is."""
    row = {SEALCAP26.joints[j]: r for r, j in enumerate(END)}
    assert BEYOND[row["left_knee"], SEALCAP26.index("left_toe")]
    assert not BEYOND[row["left_wrist"], SEALCAP26.index("left_elbow")]
    assert not BEYOND[row["left_knee"], SEALCAP26.index("right_toe")]
