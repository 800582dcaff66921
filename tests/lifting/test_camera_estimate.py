"""Tilt and floor are recovered from an upright person, and every number says where it comes from."""

import numpy as np
import pytest

from lifting.camera import Intrinsics, gravity_from_pitch, pitch_of_gravity, world_from_cam
from lifting.camera_estimate import CameraEstimate, Source
from lifting.skeleton import BODY21, SEALCAP26

INTRINSICS = Intrinsics.from_fov(1280, 720)
SEEN = np.full(len(BODY21), 0.9, np.float32)
STATURE = 1.75


def standing(lean_deg: float = 0.0) -> np.ndarray:
    """(26,3) a simple upright figure, world axes, soles on the floor, in metres."""
    heights = {"pelvis": 0.52, "spine": 0.64, "chest": 0.71, "neck": 0.83, "head": 0.925, "nose": 0.914,
               "eye": 0.938, "ear": 0.925, "shoulder": 0.81, "elbow": 0.645, "wrist": 0.49, "hip": 0.52,
               "knee": 0.29, "ankle": 0.043, "heel": 0.010, "toe": 0.008}  # fmt: skip
    forward = {"nose": 0.07, "heel": -0.03, "toe": 0.108}
    out = np.zeros((len(SEALCAP26), 3))
    for i, name in enumerate(SEALCAP26.joints):
        part = name.split("_")[-1]
        side = 0.06 * (name.startswith("left") - name.startswith("right"))
        out[i] = side, heights[part], forward.get(part, 0.0)
    c, s = np.cos(np.radians(lean_deg)), np.sin(np.radians(lean_deg))
    return STATURE * out @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T


def seen_by(pitch_deg: float, height_m: float, at: tuple[float, float], body: np.ndarray | None = None):
    """(rays, joints_cam, root_cam) of the figure at (x, z) of the floor, camera over the origin."""
    R = world_from_cam(gravity_from_pitch(pitch_deg))
    figure = standing() if body is None else body
    cam = (figure + np.array([at[0], -height_m, at[1]])) @ R
    points = cam[SEALCAP26.indices(*BODY21.joints)]
    return (points[:, :2] / points[:, 2:]).astype(np.float32), cam - cam[0], cam[0]


def feed(camera: CameraEstimate, view, seconds: float = 2.0, start_s: float = 0.0) -> None:
    """Show the same view at 30 fps."""
    rays, joints, root = view
    for i in range(int(seconds * 30)):
        camera.update(rays, SEEN, joints, root, int((start_s + i / 30) * 1e9))


@pytest.mark.parametrize("pitch", [-5.0, 0.0, 12.0, 19.0, 30.0])
def test_known_heights_and_view_give_the_pitch(pitch: float) -> None:
    """Field of view and both heights given: pitch within 1.5° after three seconds of standing still."""
    camera = CameraEstimate(INTRINSICS, fov_given=True, camera_height_m=1.6, person_height_m=STATURE)
    assert not camera.gravity_known
    assert camera.gravity_input.tolist() == [0, 0, 0, 0]
    feed(camera, seen_by(pitch, 1.6, (0.3, -3.5)), seconds=3)
    assert camera.gravity_known
    assert pitch_of_gravity(camera.gravity_cam) == pytest.approx(pitch, abs=1.5)
    assert camera.tilt_sd_deg < 3.0
    np.testing.assert_allclose(camera.gravity_input[:3], gravity_from_pitch(pitch), atol=0.03)
    assert 0.5 < camera.gravity_input[3] < 1.0
    assert camera.sources["pitch"] is Source.ESTIMATED


def test_a_wrongly_assumed_view_is_owned_up_to() -> None:
    """Heights given, 60° assumed where 71° is true: the pitch is wrong by less than twice its claim."""
    true, assumed = Intrinsics.from_fov(960, 540, 71.4), Intrinsics.from_fov(960, 540)
    camera = CameraEstimate(assumed, camera_height_m=2.05, person_height_m=STATURE)
    rays, joints, root = seen_by(19.0, 2.05, (0.0, -2.8))
    feed(camera, (rays * (true.fx / assumed.fx), joints, root), seconds=4)
    assert camera.sources["fov"] is Source.ASSUMED
    assert camera.tilt_sd_deg > 2.0
    assert abs(pitch_of_gravity(camera.gravity_cam) - 19.0) < 2 * camera.tilt_sd_deg


def walk(camera: CameraEstimate, pitch: float, height: float, zoom: float = 1.0) -> None:
    """Twenty seconds of slow walking between 2 and 5 m; `zoom` is the true over the assumed focal length."""
    for i in range(600):
        z = -3.5 - 1.5 * np.sin(2 * np.pi * i / 200)
        rays, joints, root = seen_by(pitch, height, (0.2, z))
        at = camera.intrinsics.fx / INTRINSICS.fx
        camera.update(rays * zoom / at, SEEN, joints, root, int(i / 30 * 1e9))


@pytest.mark.parametrize(("pitch", "height"), [(-6.0, 0.8), (4.0, 1.2), (20.0, 2.1)])
def test_walking_to_and_fro_gives_the_pitch(pitch: float, height: float) -> None:
    """With nothing but the field of view given: within 1.5°, and claimed within 3°."""
    camera = CameraEstimate(INTRINSICS, fov_given=True)
    walk(camera, pitch, height)
    assert pitch_of_gravity(camera.gravity_cam) == pytest.approx(pitch, abs=1.5)
    assert camera.tilt_sd_deg < 3.0


@pytest.mark.parametrize("fov", [50.0, 60.0, 70.0])
def test_a_given_pitch_and_walking_give_the_field_of_view(fov: float) -> None:
    """A steep enough given pitch: the focal length within 6 %, and it says that it is estimated."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=20.0)
    true = Intrinsics.from_fov(1280, 720, fov).fx
    walk(camera, 20.0, 2.1, zoom=true / INTRINSICS.fx)
    assert camera.sources["fov"] is Source.ESTIMATED
    assert camera.intrinsics.fx == pytest.approx(true, rel=0.06)


def test_a_level_camera_keeps_the_assumed_field_of_view() -> None:
    """Where the view cannot be told from the tilt nothing is made up."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=0.0)
    walk(camera, 0.0, 1.5, zoom=0.9)
    assert camera.sources["fov"] is Source.ASSUMED
    assert camera.intrinsics == INTRINSICS


def test_a_given_field_of_view_stays() -> None:
    """Whatever people do."""
    camera = CameraEstimate(INTRINSICS, fov_given=True, pitch_deg=20.0)
    walk(camera, 20.0, 2.1, zoom=0.8)
    assert camera.intrinsics == INTRINSICS
    assert camera.sources["fov"] is Source.GIVEN


def test_given_pitch_stays() -> None:
    """A given pitch is never touched and is known from the start."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=19.0, fov_given=True)
    feed(camera, seen_by(0.0, 1.2, (0, -3)))
    assert camera.gravity_known
    assert pitch_of_gravity(camera.gravity_cam) == pytest.approx(19.0)
    assert camera.sources["pitch"] is camera.sources["fov"] is Source.GIVEN


def test_standing_body_levels_the_world_but_is_not_told_to_the_lifter() -> None:
    """Nothing given: the world starts level, follows the lifted body's up, and gravity stays unknown."""
    camera = CameraEstimate(INTRINSICS)
    np.testing.assert_allclose(camera.gravity_cam, (0, 1, 0), atol=1e-12)
    feed(camera, seen_by(15.0, 1.5, (0.0, -3.0)), seconds=10)
    assert pitch_of_gravity(camera.gravity_cam) == pytest.approx(15.0, abs=1.5)
    assert not camera.gravity_known
    assert camera.sources["pitch"] is Source.ASSUMED


def test_lying_and_bowing_people_do_not_tilt_the_world() -> None:
    """Only standing teaches "up"."""
    lying, bowing = standing(80.0), standing()
    upper = [i for i, n in enumerate(SEALCAP26.joints) if bowing[i, 1] > 0.53 * STATURE]
    bowing[upper] = bowing[0] + (bowing[upper] - bowing[0])[:, [0, 2, 1]]
    for body in (lying, bowing):
        camera = CameraEstimate(INTRINSICS)
        feed(camera, seen_by(0.0, 1.2, (0.0, -3.5), body))
        assert abs(pitch_of_gravity(camera.gravity_cam)) < 0.5


def test_feet_find_the_floor() -> None:
    """The camera's height comes out such that standing soles rest at 0, from the first frame on."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=10.0)
    rays, joints, root = seen_by(10.0, 1.37, (0.2, -3.0))
    assert camera.sources["camera_height"] is Source.ASSUMED
    camera.update(rays, SEEN, joints, root, 0)
    assert camera.camera_height_m == pytest.approx(1.37, abs=0.01)
    assert camera.sources["camera_height"] is Source.ESTIMATED
    np.testing.assert_allclose(
        camera.to_world(joints + root), standing() + np.array([0.2, 0, -3.0]), atol=0.01
    )


def test_who_leans_the_way_they_walk_does_not_roll_the_world() -> None:
    """Across the picture, leaning 3° ahead: at either end the feet are on the floor, within 2 cm."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=8.0, fov_given=True)
    c, s = np.cos(np.radians(3.0)), np.sin(np.radians(3.0))
    leaning = standing() @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]).T
    leaning[:, 1] -= leaning[:, 1].min() - STATURE * 0.008
    for i in range(180):
        x = -2.0 + 4.0 * i / 180
        rays, joints, root = seen_by(8.0, 1.4, (x, -4.0), leaning)
        camera.learn_tilt(joints[None], SEEN[None], i * 33_333_333)
        camera.update(rays, SEEN, joints, root, i * 33_333_333)
    for x in (-2.0, 2.0):
        _, joints, root = seen_by(8.0, 1.4, (x, -4.0), leaning)
        assert camera.to_world(joints + root)[:, 1].min() == pytest.approx(STATURE * 0.008, abs=0.02)


def test_jumps_do_not_lift_the_floor() -> None:
    """A tenth of the time in the air moves the floor by less than 3 cm."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=0.0)
    for i in range(5):
        feed(camera, seen_by(0.0, 1.3, (0, -3)), 0.9, start_s=i)
        feed(camera, seen_by(0.0, 0.9, (0, -3)), 0.1, start_s=i + 0.9)
    assert camera.camera_height_m == pytest.approx(1.3, abs=0.03)


def test_the_floor_follows_somebody_who_climbs_down() -> None:
    """Ten seconds on a roof 2 m up, then on the ground: after three seconds the floor is the ground."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=0.0)
    feed(camera, seen_by(0.0, 0.4, (0, -6)), 10)
    feed(camera, seen_by(0.0, 2.4, (0, -6)), 3, start_s=10)
    assert camera.camera_height_m == pytest.approx(2.4, abs=0.1)


def test_given_height_stays_and_tells_the_resting_level() -> None:
    """A given camera height is kept; that soles rest 10 cm off it is told apart."""
    camera = CameraEstimate(INTRINSICS, pitch_deg=0.0, camera_height_m=1.4)
    assert camera.resting_level_m == 0.0
    feed(camera, seen_by(0.0, 1.3, (0, -3)))
    assert camera.camera_height_m == 1.4
    assert camera.sources["camera_height"] is Source.GIVEN
    assert camera.resting_level_m == pytest.approx(0.1, abs=0.01)


def test_unknown_root_teaches_no_floor() -> None:
    """A NaN root leaves the floor where it was."""
    camera = CameraEstimate(INTRINSICS)
    rays, joints, _ = seen_by(0.0, 1.3, (0, -3))
    before = camera.camera_height_m
    camera.update(rays, SEEN, joints, np.full(3, np.nan), 0)
    assert camera.camera_height_m == before


@pytest.mark.parametrize("bad", [{"pitch_deg": 89.0}, {"camera_height_m": -1.0}, {"person_height_m": 17.5}])
def test_impossible_settings_are_refused(bad: dict[str, float]) -> None:
    """Nonsense is named at once."""
    with pytest.raises(ValueError, match="must lie between"):
        CameraEstimate(INTRINSICS, **bad)
