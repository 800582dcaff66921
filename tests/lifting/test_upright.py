"""Camera tilt, view and height from where shoulders appear above ankles: exact, honest, quiet when unsure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lifting.camera import gravity_from_pitch, world_from_cam
from lifting.places import FORGET_S
from lifting.upright import (
    BANDS,
    Belief,
    UprightEvidence,
    UprightPeople,
    expected_upper,
)

SD = np.array([np.radians(5.5), 0.15, 0.8, 0.085])


def unknowns(pitch_deg: float = 12.0, log_k: float = 0.0, height: float = 1.5, s: float = 1.28) -> np.ndarray:
    """(4,) as in `Belief.value`."""
    return np.array([np.radians(pitch_deg), log_k, np.log(height), s])


def seen_at(x: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rays of ankles and shoulders of a vertical figure, from first principles: rotate and divide."""
    R = world_from_cam(gravity_from_pitch(np.degrees(x[0])))
    height, k = np.exp(x[2]), np.exp(x[1])
    rays = []
    for drop in (height, height - x[3]):
        points = np.stack([0 * distances, np.full_like(distances, -drop), -distances], axis=1) @ R
        rays.append(points[:, 1] / points[:, 2] / k)
    return rays[0], rays[1]


def watch(x: np.ndarray, distances: np.ndarray, rng: np.random.Generator | None = None) -> UprightEvidence:
    """Evidence of one second at each distance; with `rng` shoulders lean and stoop differently each time."""
    evidence = UprightEvidence()
    lower, upper = seen_at(x, distances)
    for i in range(len(distances)):
        if rng is not None:
            away, drop = distances[i] + rng.normal(0, 0.07), np.exp(x[2]) - x[3] + rng.normal(0, 0.03)
            upper[i] = np.tan(np.arctan2(drop, away) - x[0]) / np.exp(x[1])
        for _ in range(30):
            evidence.add(float(lower[i]), float(upper[i]), 1 / 30)
    return evidence


@given(
    pitch=st.floats(-15, 35), log_k=st.floats(-0.3, 0.3), height=st.floats(0.3, 2.5), s=st.floats(1.0, 1.5)
)
def test_the_model_is_a_camera(pitch: float, log_k: float, height: float, s: float) -> None:
    """The closed form agrees with rotating and projecting points."""
    x, distances = unknowns(pitch, log_k, height, s), np.array([1.8, 2.5, 4.0, 6.0])
    lower, upper = seen_at(x, distances)
    visible = np.tan(x[0]) * np.sin(np.arctan2(height, distances)) > -0.5
    found, distance = expected_upper(x, lower)
    assert_allclose(found[visible], upper[visible], atol=1e-6)
    assert_allclose(distance[visible], distances[visible], rtol=1e-6)


def test_nothing_seen_nothing_learned() -> None:
    """The belief comes back as it was, also after rays no camera sees."""
    evidence, before = UprightEvidence(), Belief(unknowns(), SD)
    for lower, upper, dt in ((np.nan, 0.0, 1.0), (0.1, np.inf, 1.0), (5.0, 0.0, 1.0), (0.2, 0.0, 0.0)):
        evidence.add(lower, upper, dt)
    assert evidence.update(before) is before
    assert evidence.seen_s == 0.0


def test_standing_still_teaches_no_pitch() -> None:
    """One place fits any pitch: the belief about it stays within 1.5°, and as uncertain."""
    before = Belief(unknowns(8.0), SD)
    after = watch(unknowns(8.0, height=1.25, s=1.26), np.array([3.0])).update(before)
    assert np.degrees(abs(after.value[0] - before.value[0])) < 1.5
    assert after.sd[0] > 0.75 * before.sd[0]


@pytest.mark.parametrize("pitch", [-8.0, 0.0, 10.0, 25.0])
def test_walking_gives_pitch_and_height(pitch: float) -> None:
    """From 2 to 6 m with a known view: pitch within 0.5°, camera height within 8 %."""
    true = unknowns(pitch, height=1.7, s=1.33)
    before = Belief(unknowns(pitch + 6.0, height=1.25, s=1.26), SD * (1, 1e-3, 1, 1))
    after = watch(true, np.linspace(2.0, 6.0, 12)).update(before)
    assert np.degrees(after.value[0]) == pytest.approx(pitch, abs=0.5)
    assert np.exp(after.value[2]) == pytest.approx(1.7, rel=0.08)
    assert (after.sd <= before.sd).all()


def test_claimed_errors_are_the_real_ones() -> None:
    """Over 60 people who lean at random, errors over claims have a spread near one."""
    rng, ratio = np.random.default_rng(3), []
    for _ in range(60):
        draw = rng.normal(size=4) * (5.0, 0.0, 0.3, 0.08)
        true = unknowns(10.0 + draw[0], height=1.4 * np.exp(draw[2]), s=1.26 + draw[3])
        before = Belief(unknowns(10.0, height=1.25, s=1.26), SD * (1, 1e-3, 1, 1))
        after = watch(true, rng.uniform(1.8, 5.0, 8), rng).update(before)
        ratio.append((after.value[0] - true[0]) / after.sd[0])
    assert 0.4 < np.std(ratio) < 1.2


def test_one_stranger_does_not_spoil_it() -> None:
    """A band with a body on a table among eleven good ones moves the pitch by less than a degree."""
    true = unknowns(12.0, height=1.6)
    before = Belief(unknowns(8.0, height=1.25), SD * (1, 1e-3, 1, 1))
    evidence = watch(true, np.linspace(2.0, 5.5, 11))
    clean = evidence.update(before).value[0]
    lower, upper = seen_at(true, np.array([1.6]))
    for _ in range(30):
        evidence.add(float(lower[0]), float(upper[0]) - 0.35, 1 / 30)
    spoilt = evidence.update(before)
    assert abs(np.degrees(spoilt.value[0] - clean)) < 1.0


def test_frame_rate_does_not_matter() -> None:
    """The same seconds at 15 and at 60 fps give the same belief."""
    lower, upper = seen_at(unknowns(15.0), np.linspace(2, 5, 10))
    beliefs = []
    for fps in (15, 60):
        evidence = UprightEvidence()
        for a, b in zip(lower, upper, strict=True):
            for _ in range(fps):
                evidence.add(float(a), float(b), 1 / fps)
        beliefs.append(evidence.update(Belief(unknowns(5.0), SD)).value)
    assert_allclose(beliefs[0], beliefs[1], atol=1e-3)


def test_evidence_fades() -> None:
    """After a camera was moved the new view wins within ten minutes."""
    evidence = watch(unknowns(0.0), np.linspace(2, 5, 10))
    lower, upper = seen_at(unknowns(15.0), np.linspace(2, 5, 20))
    for i in range(int(2 * FORGET_S)):
        evidence.add(float(lower[i % 20]), float(upper[i % 20]), 1.0)
    after = evidence.update(Belief(unknowns(15.0), SD * (1, 1e-3, 1, 1)))
    assert np.degrees(after.value[0]) == pytest.approx(15.0, abs=1.5)


@given(
    lower=st.lists(st.floats(-1.3, 1.3), min_size=1, max_size=BANDS),
    seed=st.integers(0, 99),
)
def test_never_anything_but_numbers(lower: list[float], seed: int) -> None:
    """Whatever was seen, the belief is finite and no less certain than before."""
    rng, evidence = np.random.default_rng(seed), UprightEvidence()
    for ray in lower:
        evidence.add(ray, float(rng.uniform(-2, 2)), 0.2)
    before = Belief(unknowns(), SD)
    after = evidence.update(before)
    assert np.isfinite(after.value).all()
    assert np.isfinite(after.sd).all()
    assert (after.sd <= before.sd).all()


def test_people_of_different_height_do_not_contradict_each_other() -> None:
    """A tall and a small person who take turns: kept apart the pitch is better, and claimed to be."""
    people, mixed, distances = UprightPeople(), UprightEvidence(), np.linspace(2.0, 6.0, 9)
    before = Belief(unknowns(pitch_deg=7.0), SD)
    for person_id, s in enumerate((1.42, 1.05)):
        lower, upper = seen_at(unknowns(s=s), distances[person_id::2])
        for _ in range(30):
            for low, up in zip(lower.tolist(), upper.tolist(), strict=True):
                people.of(person_id).add(low, up, 1 / 30)
                mixed.add(low, up, 1 / 30)
    apart, together = people.update(before), mixed.update(before)
    assert abs(np.degrees(apart.value[0]) - 12.0) < 1.5
    assert apart.sd[0] < 0.7 * together.sd[0]
