"""Foot lock: laws, then slide, penetration and pops on recorded motion."""

from pathlib import Path

import numpy as np
import pytest

from lifting.camera import gravity_from_pitch, world_from_cam
from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.solve.contacts import ContactEstimate
from realtime.solve.feet import FootLock
from realtime.solve.ground import Ground
from realtime.solve.rest import PARENTS, REST_JOINTS

Floats = np.ndarray
STATURE_M = 1.7
SEEN = np.ones(len(SEALCAP26))
STANDING = STATURE_M * REST_JOINTS + np.array([0, 0, -3.0])
STANDING = STANDING - np.array([0, STANDING[-4:, 1].min() - 0.0136, 0])
FEET = SEALCAP26.indices(*CONTACTS)
GROUND = Ground(world_from_cam(gravity_from_pitch(8.0)), 1.3)
LEGS = SEALCAP26.indices(
    *(f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle", "heel", "toe"))
)
ANKLES = SEALCAP26.indices("left_ankle", "right_ankle")
MODES = ("auto", "always", "ground")
SOLES = np.array([0.010, 0.008, 0.010, 0.008])
"""Heel and toe joints above the sole, statures."""


def _play(joints: Floats, mode: str = "auto", fps: float = 30, contacts: Floats | None = None, **options):
    """Solved joints (T,26,3) and contacts (T,4); `contacts` replaces those found."""
    confidence, grounds = options.get("confidence", SEEN), options.get("grounds", [GROUND] * len(joints))
    estimate, lock, out, found = ContactEstimate(mode == "always"), FootLock(mode), [], []
    for t, pose in enumerate(joints):
        dt_s = 1 / fps if t else 0.0
        on = estimate.update(pose, confidence, dt_s, grounds[t]) if contacts is None else contacts[t]
        found.append(on)
        out.append(lock.update(pose, on, confidence, dt_s, grounds[t], options.get("stature_m", STATURE_M)))
    return np.array(out), np.array(found)


def _lengths(joints: Floats) -> Floats:
    return np.linalg.norm(joints - joints[..., PARENTS, :], axis=-1)


def _squats(seconds: float, fps: float) -> Floats:
    """Bent knees, feet that slide about by a few centimetres and sink into the floor."""
    t = np.arange(round(seconds * fps)) / fps
    out = np.tile(STANDING, (len(t), 1, 1))
    for side, sign in (("left", 1), ("right", -1)):
        knee, *foot = SEALCAP26.indices(*(f"{side}_{part}" for part in ("knee", "ankle", "heel", "toe")))
        out[:, foot] += 0.02 * sign * np.stack([np.sin(4 * t), np.sin(3 * t), np.cos(5 * t)], -1)[:, None]
        out[:, knee] += (0, 0, 0.12)
    wobble = 0.03 * np.stack([np.sin(2 * t), -1.0 - np.sin(2.5 * t), np.cos(3 * t)], -1)
    return out + wobble[:, None]


def _noise(shape: tuple[int, ...], fps: float, sigma: float, seed: int = 0) -> Floats:
    """Slow noise, correlated over a quarter of a second."""
    out, keep = np.random.default_rng(seed).standard_normal(shape), np.exp(-1 / fps / 0.25)
    for _ in range(2):
        for i in range(1, len(out)):
            out[i] = keep * out[i - 1] + (1 - keep) * out[i]
    return np.asarray(sigma * out / out.std())


@pytest.mark.parametrize("mode", MODES)
def test_lengths_are_kept_exactly(mode: str) -> None:
    """Whatever is pinned, lifted or torn, no bone changes."""
    joints = _squats(6, 30) + _noise((180, 26, 3), 30, 0.02)
    out, contacts = _play(joints, mode)
    assert contacts.max() == 1
    assert np.abs(out - joints).max() > 0.01
    np.testing.assert_allclose(_lengths(out), _lengths(joints), atol=1e-9)


@pytest.mark.parametrize("mode", ["auto", "always", "never", "ground"])
def test_free_feet_above_the_floor_are_left_alone(mode: str) -> None:
    """No contact, nothing below the floor: out = in."""
    joints = _squats(2, 30) + np.array([0, 0.4, 0])
    out, contacts = _play(joints, mode)
    assert contacts.max() == 0
    np.testing.assert_array_equal(out, joints)


def test_never_changes_nothing() -> None:
    """Off is off, even for feet that sink and slide."""
    joints = _squats(2, 30)
    np.testing.assert_array_equal(_play(joints, "never")[0], joints)


@pytest.mark.parametrize("mode", MODES)
def test_a_turned_world_gives_a_turned_result(mode: str) -> None:
    """Turned about the vertical through the camera, with the camera: the same body, turned."""
    angle = 0.8
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    joints = _squats(4, 30)
    turned = Ground(turn @ GROUND.R_world_from_cam, GROUND.lens_m)
    out, _ = _play(joints, mode)
    again, _ = _play(joints @ turn.T, mode, grounds=[turned] * len(joints))
    np.testing.assert_allclose(again, out @ turn.T, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_the_upper_body_moves_as_one(mode: str) -> None:
    """Only legs are bent; everything above is shifted rigidly."""
    joints = _squats(4, 30)
    out, _ = _play(joints, mode)
    above = [j for j in range(len(SEALCAP26)) if j not in LEGS]
    moved = (out - joints)[:, above]
    np.testing.assert_allclose(moved, moved[:, :1] + np.zeros_like(moved), atol=1e-12)


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_feet_in_contact_stay_where_they_are(fps: float) -> None:
    """Wobbling feet of somebody who stands rest within 1 cm/s and 1 cm of the floor, at any frame rate."""
    out, contacts = _play(_squats(8, fps), fps=fps)
    feet = out[fps:, FEET]
    assert contacts[fps:].min() == 1
    assert np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1).max() * fps < 0.01
    assert (feet[..., 1] - SOLES * STATURE_M).min() > -0.01
    assert (feet[..., 1] - SOLES * STATURE_M).max() < 0.02


@pytest.mark.parametrize("mode", MODES)
def test_no_foot_sinks(mode: str) -> None:
    """A body 6 cm too low is lifted, a foot below the other by its own leg; nothing goes 1 cm below."""
    joints = _squats(3, 30) - np.array([0, 0.06, 0])
    joints[:, FEET[2:]] -= (0, 0.03, 0)
    out, _ = _play(joints, mode)
    assert (out[:, FEET, 1] - SOLES * STATURE_M).min() > -0.01


def test_ground_mode_pins_nothing() -> None:
    """Feet slide as they did; they only never sink."""
    joints = _squats(4, 30) + np.array([0, 0.15, 0])
    joints = np.concatenate([joints, joints - np.array([0, 0.11, 0])])
    out, _ = _play(joints, "ground")
    np.testing.assert_allclose(out[..., [0, 2]][:, FEET], joints[..., [0, 2]][:, FEET], atol=0.03)
    assert (out[:, FEET, 1] - SOLES * STATURE_M).min() > -0.01


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_a_lock_opens_without_a_pop(fps: float) -> None:
    """A pinned foot that is seen 10 cm up and 6 cm aside: let go it is there within 0.35 s, evenly."""
    n = round(fps)
    joints = np.tile(STANDING - np.array([0, 0.03, 0]), (2 * n, 1, 1))
    left = SEALCAP26.indices("left_ankle", "left_heel", "left_toe")
    joints[:, SEALCAP26.index("left_knee")] += (0, 0, 0.1)
    joints[n // 2 :, left] += (0.06, 0.1, 0.0)
    contacts = np.ones((2 * n, 4))
    contacts[n:, :2] = 0
    out, _ = _play(joints, contacts=contacts, fps=fps)
    way = np.linalg.norm(
        out[n - 1 :, left[0]] - joints[n - 1 :, left[0]] - (out - joints)[n - 1 :, 0], axis=-1
    )
    assert way[0] > 0.02
    assert way[round(0.35 * fps)] < 0.012
    assert np.abs(np.diff(way)).max() * fps < 1.1
    moves = np.diff(out[:, 0], axis=0) * fps
    assert np.linalg.norm(np.diff(moves, axis=0), axis=-1)[n:].max() * fps < 10


@pytest.mark.parametrize("mode", ["auto", "always", "ground"])
def test_a_jump_leaves_the_floor(mode: str) -> None:
    """In flight nothing is locked: feet and pelvis rise as seen, but for the fading rest of the lock."""
    fps, crouch = 60, _squats(1, 60)[:1] + np.array([0, 0.05, 0])
    t = np.arange(-60, 90) / fps
    height = np.where((t > 0) & (t < 0.5), 2.45 * t - 4.905 * t**2, 0.0)
    joints = crouch + height[:, None, None] * np.array([0, 1, 0])
    out, contacts = _play(joints, mode, fps)
    flying = (t > 0.1) & (t < 0.45)
    assert contacts[flying].max() == 0
    top = int(np.argmax(height))
    assert height[top] > 0.3
    np.testing.assert_allclose(out[top, 0, 1], joints[top, 0, 1], atol=0.02)
    np.testing.assert_allclose(out[top, FEET, 1], joints[top, FEET, 1], atol=0.02)
    assert contacts[-1].min() == 1


@pytest.mark.parametrize("pitch_deg", [8.05, 13.0])
def test_pins_survive_a_corrected_world(pitch_deg: float) -> None:
    """A new tilt moves the whole figure; pinned feet go along at once or stay, and none tears."""
    other = Ground(world_from_cam(gravity_from_pitch(pitch_deg)), 1.3)
    joints = _squats(4, 30)
    cam = (joints - (0, GROUND.lens_m, 0)) @ GROUND.R_world_from_cam
    moved = cam @ other.R_world_from_cam.T + (0, other.lens_m, 0)
    down = moved[60:, FEET, 1].min() - joints[60:, FEET, 1].min()
    other = other._replace(lens_m=other.lens_m - down)
    joints[60:] = moved[60:] - (0, down, 0)
    out, contacts = _play(joints, grounds=[GROUND] * 60 + [other] * 60)
    assert contacts[10:].min() == 1
    steps = np.linalg.norm(np.diff(out[:, FEET][..., [0, 2]], axis=0), axis=-1).max(axis=1) * 30
    assert steps[10:58].max() < 0.01
    assert steps[62:].max() < 0.012
    leg = out[:, LEGS] - out[:, :1]
    assert np.linalg.norm(np.diff(leg, axis=0), axis=-1)[10:].max() < (0.03 if pitch_deg < 9 else 0.1)


def test_drift_does_not_tear_legs() -> None:
    """A figure that drifts away by a metre while its feet claim contact: legs give a little, then let go."""
    n = 300
    joints = np.tile(_squats(1, 30)[:1], (n, 1, 1)) + np.linspace(0, 1.0, n)[:, None, None] * np.array(
        [0, 0, -1]
    )
    for mode in ("auto", "always"):
        out, _ = _play(joints, mode, contacts=np.ones((n, 4)))
        bend = np.linalg.norm((out - out[:, :1]) - (joints - joints[:, :1]), axis=-1)
        assert bend.max() < 0.3
        assert np.linalg.norm(out[:, 0] - joints[:, 0], axis=-1).max() < (0.45 if mode == "auto" else 1.05)


def test_unseen_feet_are_not_pinned_and_move_no_body() -> None:
    """Somebody seated behind a table: inferred feet are lifted to the floor, the body stays."""
    joints = _squats(3, 30) - np.array([0, 0.05, 0])
    confidence = SEEN.copy()
    confidence[LEGS] = 0.1
    out, contacts = _play(joints, confidence=confidence)
    assert contacts.max() == 0
    np.testing.assert_array_equal(out[1:, 0], joints[1:, 0])
    assert (out[:, FEET, 1] - SOLES * STATURE_M).min() > -0.01


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["one point", "legs of no length", "upside down"])
def test_degenerate_poses_stay_finite(mode: str, kind: str) -> None:
    """Nothing makes a NaN or an exception."""
    joints = _squats(1, 30)
    if kind == "one point":
        joints[:] = joints[:, :1]
    elif kind == "legs of no length":
        joints[:, LEGS] = joints[:, [SEALCAP26.index("left_hip")]]
    else:
        joints[..., 1] *= -1
    assert np.isfinite(_play(joints, mode, contacts=np.ones((30, 4)))[0]).all()


def test_equal_times_do_not_hurt() -> None:
    """A step of 0 s moves nothing and divides by nothing."""
    lock, pose = FootLock(), _squats(1, 30)[0]
    for dt_s in (0.0, 1 / 30, 1 / 30, 0.0, 0.0, 1 / 30):
        out = lock.update(pose, np.ones(4), SEEN, dt_s, GROUND, STATURE_M)
        assert np.isfinite(out).all()


def _recorded(folder: Path, count: int = 12) -> list[tuple[Floats, float]]:
    """Joints (T,26,3), Y up, before the camera, and stature, of some test clips."""
    with np.load(folder / "cmu_test.npz") as file:
        names = [str(name) for name in file["joints"]]
        ours = [n.replace("left_", "l_").replace("right_", "r_") for n in SEALCAP26.joints]
        joints = file["rel"] * float(file["scale"]) + file["root"][:, None]
        joints = joints[:, [names.index(n) for n in ours]][..., [1, 2, 0]]
        start, stature = file["start"], file["stature"]
        chosen = [i for i, kind in enumerate(file["category"]) if kind in ("walk", "jump", "gesture")][:count]
    clips = [(joints[start[i] : start[i + 1]][:300], float(stature[i])) for i in chosen]
    return [(clip - [clip[:, 0, 0].mean(), 0, clip[..., 2].max() + 2.5], height) for clip, height in clips]


def _labels(truth: Floats, stature_m: float) -> Floats:
    """(T,4) true soles within 3 cm of the floor and slower than 0.3 m/s, in this and both next frames."""
    points = truth[:, FEET]
    speed = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * 30
    down = (speed < 0.3) & (points[..., 1] - SOLES * stature_m < 0.03)
    inner = down.copy()
    inner[1:] &= down[:-1]
    inner[:-1] &= down[1:]
    inner[:30] = False
    return inner


@pytest.mark.parametrize("sigma_m", [0.0, 0.015])
def test_recorded_feet_rest(motion_dir: Path, sigma_m: float) -> None:
    """Walks and jumps, exact and with slow noise on limbs and body: what is labelled as contact is found,
    slides less than 1 cm/s (truth itself: 6) and never lies 1 cm below the floor.
    """
    slides, own, hits, wrong = [], [], [], []
    for truth, stature_m in _recorded(motion_dir):
        joints = truth + _noise(truth.shape, 30, 0.5 * sigma_m) + _noise((len(truth), 1, 3), 30, sigma_m, 1)
        out, contacts = _play(joints, stature_m=stature_m)
        labels = _labels(truth, stature_m)
        lifted = truth[:, FEET, 1] - SOLES * stature_m > 0.08
        for joints_of, speeds in ((out, slides), (truth, own)):
            feet = joints_of[:, FEET][..., [0, 2]]
            speeds.append((np.linalg.norm(np.gradient(feet, axis=0), axis=-1) * 30)[labels])
        hits.append(contacts[labels])
        wrong.append(contacts[30:][lifted[30:]])
        assert (out[:, FEET, 1] - SOLES * stature_m).min() > -0.01
        np.testing.assert_allclose(_lengths(out), _lengths(joints), atol=1e-9)
    assert np.concatenate(own).mean() > 0.03
    assert np.concatenate(slides).mean() < 0.01
    assert np.concatenate(hits).mean() > 0.98
    assert np.concatenate(wrong).mean() < 0.05


def test_a_pin_that_pulls_too_hard_is_dragged() -> None:
    """A foot falsely in contact while the body leaves it: it follows at a bounded distance, smoothly."""
    t = np.arange(45) / 30
    joints = np.tile(STANDING, (45, 1, 1))
    left = SEALCAP26.indices("left_knee", "left_ankle", "left_heel", "left_toe")
    joints[:, left, 2] += 0.4 * np.clip(t - 0.5, 0, 0.6)[:, None]
    out, _ = _play(joints, contacts=np.tile([1.0, 1.0, 1.0, 1.0], (45, 1)))
    toe = SEALCAP26.index("left_toe")
    pull = (out[:, toe] - out[:, 0]) - (joints[:, toe] - joints[:, 0])
    assert 0.1 < np.linalg.norm(pull, axis=-1).max() < 0.16
    assert np.linalg.norm(np.diff(out[:, toe], axis=0), axis=-1).max() < 0.03


def test_strides_too_short_carry_nobody_away() -> None:
    """Walking on feet that slide along by a third of the way: the body stays near where it is seen."""
    t = np.arange(120) / 30
    joints = np.tile(STANDING, (120, 1, 1)) + np.array([0, 0, 1.0]) * (t * 1.0)[:, None, None]
    contacts = np.zeros((120, 4))
    for side, shift in ((0, 0.0), (1, 0.5)):
        phase = (t + shift) % 1.0
        down = phase < 0.6
        leg = LEGS[4 * side + 1 : 4 * side + 4]
        reach = np.where(down, 0.2 - 0.667 * phase, -0.2 + (phase - 0.6))
        joints[:, leg, 2] += reach[:, None]
        contacts[down, 2 * side : 2 * side + 2] = 1.0
    out, _ = _play(joints, contacts=contacts)
    assert np.abs(out[30:, 0, 2] - joints[30:, 0, 2]).max() < 0.08


def test_no_foot_stays_below_the_floor() -> None:
    """What joint limits turn below y = 0 is raised with the whole body, but not in mode `never`."""
    sunk = STANDING - np.array([0, 0.05, 0])
    lock = FootLock("auto")
    lock.update(STANDING, np.zeros(4), SEEN, 0.0, GROUND, STATURE_M)
    raised = lock.lifted(sunk)
    assert raised[FEET, 1].min() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(raised - raised[0], sunk - sunk[0], atol=1e-12)
    assert lock.lifted(STANDING) is STANDING
    assert FootLock("never").lifted(sunk) is sunk


@pytest.mark.parametrize("fps", [30, 60])
def test_no_body_climbs_where_the_tilt_is_unsure(fps: float) -> None:
    """Feet that rest where they are seen ask for no shift upwards, however many steps are taken."""
    unsure = Ground(GROUND.R_world_from_cam, GROUND.lens_m, slope=np.tan(np.radians(8.0)))
    t = np.arange(round(8 * fps)) / fps
    steps = np.tile(STANDING, (len(t), 1, 1)) + 0.01 * _noise((len(t), 1, 3), fps, 1.0)
    for half, side in enumerate(("left", "right")):
        phase = (t + 0.5 * half) % 1.0
        rows = SEALCAP26.indices(*(f"{side}_{part}" for part in ("knee", "ankle", "heel", "toe")))
        raised = np.where(phase < 0.4, 0.12 * np.sin(np.pi * phase / 0.4), 0.0)
        steps[:, rows] += raised[:, None, None] * np.array([0, 1, 0.3])
        steps[:, rows[3], 1] += 0.03 * np.sin(2 * np.pi * phase)  # it rolls
    solved, contacts = _play(steps, fps=fps, grounds=[unsure] * len(t))
    climbed = (solved - steps)[:, 0, 1]
    assert (contacts > 0).any(1).mean() > 0.7
    assert np.abs(climbed[round(fps) :]).max() < 0.03


def test_a_body_that_sits_down_follows_both_its_feet() -> None:
    """Feet that seem to slide under a fast body are its error when both have long been on the floor."""
    t = np.arange(60) / 30
    away = 0.2 * np.clip(t - 1.0, 0.0, 0.5) / 0.5  # depth of the whole figure goes wrong, at 0.4 m/s
    joints = np.tile(STANDING, (60, 1, 1)) + np.array([0, 0, -1.0]) * away[:, None, None]
    out, _ = _play(joints, contacts=np.ones((60, 4)))
    assert np.abs(out[45:, 0, 2] - STANDING[0, 2]).max() < 0.03
    assert np.linalg.norm(np.diff(out[:, FEET], axis=0), axis=-1).max() * 30 < 0.05


def test_soles_of_a_rigid_foot_do_not_slide_when_it_rolls() -> None:
    """Feet whose heel-toe distance wobbles by centimetres: all four points stay, and the toe still does when
    its heel goes up."""
    lock, rng, out = FootLock(), np.random.default_rng(3), []
    sole_m = float(np.linalg.norm(STANDING[FEET[1]] - STANDING[FEET[0]]))
    for t in range(45):
        pose = STANDING.copy()
        for toe, ankle in zip(FEET[1::2], ANKLES, strict=True):
            angle = 0.1 * rng.standard_normal()
            x, y, z = STANDING[toe] - STANDING[ankle]
            c, s = np.cos(angle), np.sin(angle)
            pose[toe] = STANDING[ankle] + (x, c * y - s * z, s * y + c * z)
        on = np.ones(4)
        if t > 30:
            pose[FEET[0], 1], on[0] = pose[FEET[0], 1] + 0.01 * (t - 30), 0.0
        out.append(lock.update(pose, on, SEEN, 1 / 30 if t else 0.0, GROUND, STATURE_M, [sole_m, sole_m]))
    feet = np.stack(out)[:, list(FEET)]
    moved = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1) * 30
    assert moved[3:30].max() < 0.05
    assert moved[3:, 1].mean() < 0.02
    apart = np.linalg.norm(feet[3:, 1::2] - feet[3:, ::2], axis=-1)
    np.testing.assert_allclose(apart, sole_m, atol=1e-3)
