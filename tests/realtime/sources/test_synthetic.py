"""The synthetic figure: geometry of the truth, anatomy, smoothness, and what the picture shows."""

from __future__ import annotations

import threading
import time
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.camera import Intrinsics, gravity_from_pitch, world_from_cam
from lifting.errors import SourceError
from lifting.skeleton import BODY21, SEALCAP26
from realtime.data import Frame
from realtime.sources.figure import HEAD_TOP, bend, figure_at
from realtime.sources.motion import ROUTINE_S, SIT_S, TURN_S, WALK_S, WAVE_S, posture
from realtime.sources.synthetic import SyntheticSource

SHARED = SEALCAP26.indices(*BODY21.joints)
TIMES = np.arange(0.0, ROUTINE_S, 1 / 30)
LIMBS = [(a, b) for a, b in SEALCAP26.edges if SEALCAP26.joints[a] not in ("pelvis", "chest", "spine")]


@pytest.fixture(scope="module")
def joints_world() -> np.ndarray:
    """(T,26,3) the whole routine at 30 fps."""
    return np.array([figure_at(t).joints_world for t in TIMES])


def first(source: SyntheticSource, count: int = 1) -> list[Frame]:
    """The first frames of a source."""
    return list(islice(source.frames(), count))


def column(joints: np.ndarray, name: str) -> np.ndarray:
    """(T,3) path of one joint."""
    return joints[:, SEALCAP26.index(name)]


@settings(max_examples=25, deadline=None)
@given(
    fov=st.floats(35, 100),
    pitch=st.floats(-15, 30),
    height=st.floats(0.3, 2.5),
    distance=st.floats(3.0, 8.0),
    stature=st.floats(1.2, 2.1),
    moment=st.floats(0, ROUTINE_S),
    size=st.sampled_from([(160, 120), (120, 160), (96, 96)]),
)
def test_truth_obeys_the_camera(
    fov: float,
    pitch: float,
    height: float,
    distance: float,
    stature: float,
    moment: float,
    size: tuple[int, int],
) -> None:
    """2D truth is the projection of 3D truth by lifting.camera, and world truth its rotation and shift."""
    source = SyntheticSource(
        size=size,
        fov_deg=fov,
        camera_pitch_deg=pitch,
        camera_height_m=height,
        distance_m=distance,
        stature_m=stature,
    )
    truth = source.truth(figure_at(moment, stature))
    absolute = truth.joints_cam.astype(np.float64) + truth.root_cam
    assert truth.joints_cam[0] == pytest.approx(0)
    expected_px = Intrinsics.from_fov(*size, fov).project(absolute[SHARED])
    assert truth.points_px == pytest.approx(expected_px, abs=0.01)
    R = world_from_cam(gravity_from_pitch(pitch))
    assert absolute @ R.T + (0, height, distance) == pytest.approx(truth.joints_world, abs=1e-5)
    hips = truth.joints_world[SEALCAP26.indices("left_hip", "right_hip")]
    assert hips.mean(axis=0) == pytest.approx(truth.joints_world[0], abs=1e-5)


def test_left_is_the_persons_own() -> None:
    """Facing the camera at the start, the person's left is at world +X and on the right of the picture."""
    (frame,) = first(SyntheticSource())
    assert frame.truth is not None
    world, px = frame.truth.joints_world, frame.truth.points_px
    for joint in ("shoulder", "hip", "knee", "ankle", "eye", "wrist"):
        left, right = SEALCAP26.indices(f"left_{joint}", f"right_{joint}")
        assert world[left, 0] > world[right, 0]
        assert px[BODY21.index(f"left_{joint}"), 0] > px[BODY21.index(f"right_{joint}"), 0]
    nose, head = world[SEALCAP26.indices("nose", "head")]
    assert nose[2] > head[2] + 0.05, "faces +Z"


def test_limbs_keep_their_length(joints_world: np.ndarray) -> None:
    """Every limb, the face and the feet keep one length, to a micrometre, alike on both sides."""
    for a, b in LIMBS:
        lengths = np.linalg.norm(joints_world[:, a] - joints_world[:, b], axis=1)
        twin = np.linalg.norm(
            joints_world[:, SEALCAP26.mirrored[a]] - joints_world[:, SEALCAP26.mirrored[b]], axis=1
        )
        assert np.ptp(lengths) < 1e-6, SEALCAP26.joints[b]
        assert lengths == pytest.approx(twin, abs=1e-6)


def test_feet_stand_on_the_floor(joints_world: np.ndarray) -> None:
    """No foot is below the floor, one is always on it, and a foot on the floor does not slide."""
    soles = np.stack(
        [column(joints_world, f"{s}_{p}") for s in ("left", "right") for p in ("heel", "toe")], axis=1
    )
    assert soles[..., 1].min() > -1e-6
    assert soles[..., 1].min(axis=1).max() < 1e-6
    flat = np.abs(soles[:, :, 1]) < 1e-9
    still = flat[1:] & flat[:-1]
    steps = np.linalg.norm(np.diff(soles, axis=0), axis=-1)
    assert steps[still].max() < 1e-6
    assert still.mean() > 0.5


def test_knees_and_elbows_bend_one_way(joints_world: np.ndarray) -> None:
    """Shanks go back from the thighs, forearms forward from the upper arms, within human limits."""
    forward = np.array([figure_at(t).R_pelvis[:, 2] for t in TIMES])
    for side in ("left", "right"):
        hip, knee, ankle = (column(joints_world, f"{side}_{j}") for j in ("hip", "knee", "ankle"))
        middle = hip + (ankle - hip) * 0.51
        assert ((knee - middle) * forward).sum(axis=1).min() > 0
        assert _angles(hip, knee, ankle).min() > 60
        arm = _angles(*(column(joints_world, f"{side}_{j}") for j in ("shoulder", "elbow", "wrist")))
        assert 40 < arm.min() <= arm.max() < 175


def test_it_stands_as_tall_as_asked() -> None:
    """From sole to crown the standing figure measures its stature within two centimetres."""
    for stature in (1.5, 1.7, 1.95):
        figure = figure_at(0.0, stature)
        neck = figure.joints_world[SEALCAP26.index("neck")]
        crown = neck + figure.R_head @ np.array(HEAD_TOP) * stature
        assert crown[1] == pytest.approx(stature, abs=0.02)


def test_it_walks_turns_sits_and_waves(joints_world: np.ndarray) -> None:
    """The routine is what it is called: metres walked, full turns made, seat and hand where they belong."""
    hips = column(joints_world, "pelvis")
    path = np.linalg.norm(np.diff(hips[:, [0, 2]], axis=0), axis=1)
    assert path[_during(WALK_S)[1:]].sum() > 4
    yaw = np.unwrap([posture(t, 1.7).yaw for t in TIMES])
    assert abs(np.ptp(yaw[_during(TURN_S)]) - 2 * np.pi) < 0.05
    sat = _during((SIT_S[1], SIT_S[1] + 1))
    assert hips[sat, 1].max() < 0.6 < hips[0, 1]
    wrist, head = column(joints_world, "right_wrist"), column(joints_world, "head")
    waving = _during((WAVE_S[0] + 1, WAVE_S[1] - 1))
    assert (wrist[waving, 1] > head[waving, 1] - 0.15).all()
    assert np.ptp(wrist[waving, 0]) > 0.1
    assert column(joints_world, "left_wrist")[waving, 1].max() < 1.0


def test_motion_is_smooth_and_closes() -> None:
    """Speeds and accelerations are a person's, and the end of the routine is its beginning."""
    fine = np.array([figure_at(t).joints_world for t in np.arange(0, ROUTINE_S, 1 / 120)])
    speed = np.linalg.norm(np.diff(fine, axis=0), axis=-1) * 120
    acceleration = np.linalg.norm(np.diff(fine, 2, axis=0), axis=-1) * 120**2
    assert speed.max() < 7
    assert acceleration.max() < 120
    assert figure_at(ROUTINE_S - 1e-7).joints_world == pytest.approx(figure_at(0).joints_world, abs=1e-5)


@given(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 0.05),
    st.floats(0.1, 0.6),
    st.floats(0.1, 0.6),
)
def test_bending_a_chain_keeps_lengths(end: list[float], upper: float, lower: float) -> None:
    """Whatever the target, both segments keep their lengths, and the end is met when within reach."""
    top, target = np.zeros(3), np.array(end)
    towards = np.cross(target, [0.3, -0.5, 0.8]) + 0.1
    middle, reached = bend(top, target, upper, lower, towards / np.linalg.norm(towards))
    distance = np.linalg.norm(target)
    if distance > abs(upper - lower) + 1e-3:
        assert np.linalg.norm(middle - top) == pytest.approx(upper, abs=1e-9)
        assert np.linalg.norm(reached - middle) == pytest.approx(lower, abs=1e-6)
    if abs(upper - lower) < distance < 0.999 * (upper + lower):
        assert reached == pytest.approx(target)


@pytest.mark.parametrize("fps", [15, 60, 24])
def test_any_rate_shows_the_same_motion(fps: int) -> None:
    """Frames at equal times are equal at any rate, picture and truth; a second run gives the same."""
    thirty = {f.capture_time_ns: f for f in SyntheticSource(30, (160, 120), duration_s=2).frames()}
    common = [
        f for f in SyntheticSource(fps, (160, 120), duration_s=2).frames() if f.capture_time_ns in thirty
    ]
    assert len(common) >= 12
    for frame in common:
        twin = thirty[frame.capture_time_ns]
        assert np.array_equal(frame.image, twin.image)
        assert frame.truth is not None
        assert twin.truth is not None
        assert np.array_equal(frame.truth.joints_world, twin.truth.joints_world)


def test_the_picture_shows_the_truth() -> None:
    """What differs from the empty room lies around the 2D truth: every joint is on the figure."""
    source = SyntheticSource(2)
    for frame in source.frames():
        assert frame.truth is not None
        drawn = np.abs(frame.image.astype(int) - source._renderer._background).sum(axis=2) > 12
        for x, y in np.round(frame.truth.points_px).astype(int):
            assert drawn[y - 2 : y + 3, x - 2 : x + 3].any()
        rows, columns = np.nonzero(drawn)
        low, high = frame.truth.points_px.min(axis=0), frame.truth.points_px.max(axis=0)
        assert rows.min() > low[1] - 40
        assert rows.max() < max(high[1], 380) + 40, "the stool stands on the floor"
        assert columns.min() > min(low[0], 290) - 60, "and in the middle"
        assert columns.max() < max(high[0], 350) + 60


def test_it_draws_fast_enough_for_a_live_camera() -> None:
    """A picture of 640×480 with its truth takes well under a frame of 60 fps."""
    source = SyntheticSource(60, duration_s=0.6)
    times = [time.perf_counter() for _ in source.frames()]
    assert np.median(np.diff(times)) < 1 / 60


def test_duration_and_pacing() -> None:
    """duration × fps frames come, paced ones in real time; looping never ends."""
    assert len(list(SyntheticSource(30, (64, 48), duration_s=0.5).frames())) == 15
    start = time.monotonic()
    frames = list(SyntheticSource(30, (64, 48), duration_s=0.5, paced=True).frames())
    assert 14 / 30 <= time.monotonic() - start < 1.0
    assert np.diff([f.received_ns for f in frames]) == pytest.approx(1e9 / 30, abs=25e6)
    looped = SyntheticSource(1, (16, 12), loop=True)
    assert len(list(islice(looped.frames(), int(2 * ROUTINE_S)))) == int(2 * ROUTINE_S)


def test_close_from_another_thread() -> None:
    """frames() of a paced source ends at once on close()."""
    source = SyntheticSource(0.2, (64, 48), paced=True)
    thread = threading.Thread(target=lambda: list(source.frames()))
    thread.start()
    time.sleep(0.05)
    source.close()
    thread.join(0.5)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("fps", "size"), [(0, (64, 48)), (float("nan"), (64, 48)), (30, (0, 48)), (30, (9999, 9))]
)
def test_impossible_options_are_refused(fps: float, size: tuple[int, int]) -> None:
    """A rate or size that cannot be is an error naming it."""
    with pytest.raises(SourceError, match="synthetic source cannot"):
        SyntheticSource(fps, size)


def _during(span: tuple[float, float]) -> np.ndarray:
    return (span[0] <= TIMES) & (span[1] >= TIMES)


def _angles(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Degrees at b."""
    u, v = a - b, c - b
    cosine = (u * v).sum(axis=1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
