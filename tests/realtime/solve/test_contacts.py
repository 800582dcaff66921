"""Floor contact: low, slow and seen, for a moment; the same at any frame rate."""

from itertools import pairwise

import numpy as np
import pytest

from lifting.camera import gravity_from_pitch, world_from_cam
from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.solve.contacts import ContactEstimate
from realtime.solve.ground import Ground
from realtime.solve.rest import REST_JOINTS

Floats = np.ndarray
SEEN = np.ones(len(SEALCAP26))
STANDING = 1.7 * REST_JOINTS + (0, 0, -3.0)
FEET = SEALCAP26.indices(*CONTACTS)
GROUND = Ground(world_from_cam(gravity_from_pitch(8.0)), 1.3)


def _play(joints: list[Floats], fps: float = 30, confidence: Floats = SEEN, **options) -> Floats:
    """(T,4)"""
    estimate = ContactEstimate(**options)
    return np.array([estimate.update(pose, confidence, 1 / fps, GROUND) for pose in joints])


def _lifted(height_m: float) -> Floats:
    pose = STANDING.copy()
    pose[FEET[:2], 1] += height_m
    return pose


def _stepping(t: float) -> Floats:
    """Both feet step on the spot in turn, 10 cm high, 0.6 s in the air and 0.6 s down."""
    pose = STANDING.copy()
    for side in (0, 1):
        phase = (t + 0.6 * side) % 1.2
        up = 0.1 * np.sin(np.pi * phase / 0.6) ** 2 if phase < 0.6 else 0.0
        pose[FEET[2 * side : 2 * side + 2]] += (0, up, 0)
    return pose


def test_standing_feet_touch() -> None:
    """Four points at rest on the floor: full contact within a twentieth of a second."""
    out = _play([STANDING] * 10)
    np.testing.assert_array_equal(out[2:], 1)


def test_a_raised_foot_does_not() -> None:
    """A left foot 15 cm up has none, the right one keeps its contact."""
    np.testing.assert_array_equal(_play([_lifted(0.15)] * 10)[-1], (0, 0, 1, 1))


def test_a_sliding_foot_does_not() -> None:
    """Feet that skim the floor at 2 m/s are in the air, and those that stop are down."""
    poses = [STANDING + np.array([2 * t / 30, 0.0, 0.0]) for t in range(10)]
    assert _play(poses)[2:].max() == 0
    np.testing.assert_array_equal(_play([*poses, *[poses[-1]] * 10])[-1], 1)


def test_unseen_feet_begin_no_contact() -> None:
    """Hardly seen feet never begin one; lost from sight, one goes on as a doubtful one for a second."""
    np.testing.assert_array_equal(_play([STANDING] * 9, confidence=SEEN * 0.2)[-1], np.zeros(len(CONTACTS)))
    estimate = ContactEstimate()
    for _ in range(9):
        estimate.update(STANDING, SEEN, 1 / 30, GROUND)
    hidden = [estimate.update(STANDING, SEEN * 0.1, 1 / 30, GROUND).max() for _ in range(40)]
    assert 0 < min(hidden[:20]) <= max(hidden) < 0.5
    assert hidden[-1] == 0


def test_thresholds_have_two_sides() -> None:
    """Between the heights of beginning and end nothing changes: no chatter."""
    rng = np.random.default_rng(0)
    edge = [_lifted(0.02 + float(rng.uniform(0.032, 0.05))) for _ in range(300)]
    slow = [0.5 * (a + b) for a, b in pairwise(edge)]
    for start in (STANDING, _lifted(0.3)):
        out = _play([*[start] * 20, *slow])[25:, 0]
        assert np.abs(np.diff(out)).sum() <= 2


@pytest.mark.parametrize("fps", [15, 60, 24.7])
def test_contacts_agree_at_every_frame_rate(fps: float) -> None:
    """Steps seen at another rate begin and end within 0.11 s of those seen at 30 per second."""

    def switches(rate: float) -> Floats:
        out = _play([_stepping(k / rate) for k in range(round(6 * rate))], rate)
        changed = np.flatnonzero(np.diff(out[:, 0]))
        return changed[changed > 0.7 * rate] / rate

    expected, found = switches(30), switches(fps)
    assert len(found) == len(expected) >= 8
    assert np.abs(found - expected).max() < 0.11


def test_the_floor_may_lie_elsewhere() -> None:
    """Height counts from the level that soles were seen to rest at."""
    estimate = ContactEstimate()
    for _ in range(10):
        out = estimate.update(STANDING + np.array([0, 0.3, 0]), SEEN, 1 / 30, GROUND._replace(level_m=0.3))
    np.testing.assert_array_equal(out, 1)


def test_a_corrected_tilt_ends_no_contact() -> None:
    """When the world moves under the camera, feet have no speed."""
    estimate, cam = ContactEstimate(), STANDING[FEET]
    cam = GROUND.to_cam(cam)
    for k in range(30):
        ground = GROUND if k < 20 else Ground(world_from_cam(gravity_from_pitch(14.0)), 1.62)
        world = STANDING.copy()
        world[FEET] = cam @ ground.R_world_from_cam.T + (0, ground.lens_m, 0)
        level = float(world[FEET, 1].min()) - 0.015
        out = estimate.update(world, SEEN, 1 / 30, ground._replace(level_m=level))
        assert k < 3 or out.min() == 1


def test_depth_counts_less_than_what_the_picture_shows() -> None:
    """At 0.6 m/s towards the camera a contact may begin, across it not."""
    steps = np.arange(10) * 0.6 / 30
    towards, across = (STANDING + np.outer(steps, d)[:, None] for d in ((0, 0, 1), (1, 0, 0)))
    assert _play(list(towards))[-1].max() == 1
    assert _play(list(across))[-1].max() == 0


def test_feet_that_the_picture_shows_at_rest_stay_in_contact() -> None:
    """Legs that the network swings over still feet end no contact where the feet are seen."""
    swing = 0.2 * np.sin(2 * np.pi * 1.0 * np.arange(30) / 30)  # up to 1.3 m/s
    poses = [STANDING] * 6 + [STANDING + np.array([x, 0, 0]) for x in swing]
    cam = GROUND.to_cam(STANDING[FEET])
    ends = []
    for rays in (cam[:, :2] / cam[:, 2:], np.full((4, 2), np.nan), None):
        estimate = ContactEstimate()
        ends.append(np.array([estimate.update(p, SEEN, 1 / 30, GROUND, rays) for p in poses])[6:].min())
    assert ends == [1, 0, 0]


def test_sticky_contacts_end_later() -> None:
    """For performers who stand a foot must go higher to be off the floor."""
    poses = [*[STANDING] * 9, *(_lifted(x) for x in np.linspace(0, 0.1, 30)), *[_lifted(0.1)] * 9]
    assert _play(poses)[-1, 0] == 0
    assert _play(poses, sticky=True)[-1, 0] == 1


def test_reset_forgets() -> None:
    """After a cut nothing is in contact before it has been seen to rest."""
    estimate = ContactEstimate()
    for _ in range(9):
        estimate.update(STANDING, SEEN, 1 / 30, GROUND)
    estimate.reset()
    assert estimate.update(STANDING, SEEN, 0.0, GROUND).max() == 0


@pytest.mark.parametrize(("slope", "touch"), [(0.0, 0.0), (0.18, 1.0)])
def test_feet_tell_where_the_floor_is_when_the_tilt_does_not(slope: float, touch: float) -> None:
    """Feet that rest 20 cm above y = 0: off the floor of a known camera, on that of one tilted somehow."""
    estimate, ground, up = ContactEstimate(), GROUND._replace(slope=slope), np.array([0, 0.2, 0])
    poses = [STANDING + up] * 10 + [_lifted(0.15) + up] * 10
    out = np.array([estimate.update(pose, SEEN, 1 / 30, ground) for pose in poses])
    np.testing.assert_array_equal(out[9], touch)
    np.testing.assert_array_equal(out[-1], (0, 0, touch, touch))


def test_noise_of_a_low_foot_begins_contact() -> None:
    """A foot close to the floor may wobble upwards; one that leaves it may not begin a contact."""
    slow = [STANDING + np.array([0, 0.2 / 30 * (t % 2), 0]) for t in range(12)]
    np.testing.assert_array_equal(_play(slow)[-1], 1)
    leaving = [_lifted(0.03 + 0.4 / 30 * t) for t in range(3)]
    np.testing.assert_array_equal(_play(leaving)[-1], (0, 0, 1, 1))


def _seen_at(pose: Floats) -> Floats:
    """Rays (4,2) of the feet of a figure."""
    points_cam = GROUND.to_cam(pose[list(FEET)])
    return points_cam[:, :2] / points_cam[:, 2:]


def test_feet_that_are_seen_to_rest_rest() -> None:
    """A figure that runs away in depth or rises by its own error ends no contact while the picture stands."""
    estimate, rays = ContactEstimate(), _seen_at(STANDING)
    for t in range(40):
        wrong = (0.0, 0.1 * min(max(t - 9, 0) / 5, 1.0), -0.07 * max(t - 9, 0))
        contacts = estimate.update(STANDING + wrong, SEEN, 1 / 30, GROUND, rays)
        assert t < 3 or contacts.min() == 1


def test_one_stray_picture_ends_nothing_but_a_step_does() -> None:
    """A foot seen 30 cm off in one frame goes on resting; seen so for a tenth of a second it has left."""
    estimate, rays = ContactEstimate(), _seen_at(STANDING)
    for _ in range(9):
        estimate.update(STANDING, SEEN, 1 / 30, GROUND, rays)
    stray = rays + np.array([0.1, 0.0])
    assert estimate.update(STANDING, SEEN, 1 / 30, GROUND, stray).min() == 1
    for _ in range(5):
        assert estimate.update(STANDING, SEEN, 1 / 30, GROUND, rays).min() == 1
    poses = [STANDING + np.array([0.1 * t, 0.0, 0.0]) for t in range(4)]
    gone = [estimate.update(pose, SEEN, 1 / 30, GROUND, _seen_at(pose)) for pose in poses]
    assert gone[-1].max() == 0
