"""MoveNet's decoding and next region against the published rules, written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lifting.errors import ModelError
from lifting.skeleton import BODY21
from realtime.detectors import Region
from realtime.detectors.movenet import MoveNet, next_region

HIPS, SHOULDERS = (11, 12), (5, 6)


def output(rng: np.random.Generator, low: float = 0.5) -> np.ndarray:
    """(1,1,17,3) joints around the middle of the crop."""
    rows = rng.uniform(0.3, 0.7, (17, 3))
    rows[:, 2] = rng.uniform(low, 0.95, 17)
    return rows.reshape(1, 1, 17, 3).astype(np.float32)


def test_estimate_equals_plain_arithmetic(network: Any) -> None:
    """y, x as shares of the crop come back as x, y in the picture; feet are unknown."""
    values = output(np.random.default_rng(0))
    region, image = Region(250.0, 150.0, 200.0), np.zeros((300, 400, 3), np.uint8)
    got = MoveNet(network((1, 192, 192, 3), out=values)).estimate(image, region)
    for joint in range(17):
        y, x, _ = (float(v) for v in values[0, 0, joint])
        assert got.points_px[joint] == pytest.approx([150 + 200 * x, 50 + 200 * y], abs=0.01)
    assert (got.confidence[:17] > 0.8).all()
    assert not got.confidence[17:].any()
    assert got.score == pytest.approx(np.sort(values[0, 0, :, 2])[-8:].mean())


def test_confidence_rises_with_the_score(network: Any) -> None:
    """The table keeps order, 0 and 1; a joint outside the picture gets 0 whatever its score."""
    values = output(np.random.default_rng(1))
    values[0, 0, :, 2] = np.linspace(0, 1, 17)
    loaded = network((1, 192, 192, 3), out=values)
    got = MoveNet(loaded).estimate(np.zeros((300, 400, 3), np.uint8), Region(250.0, 150.0, 200.0))
    assert (np.diff(got.confidence[:17]) > 0).all()
    assert got.confidence[0] == 0
    assert got.confidence[16] == 1
    away = MoveNet(loaded).estimate(np.zeros((300, 400, 3), np.uint8), Region(900.0, 150.0, 200.0))
    assert not away.confidence.any()


def test_the_network_sees_whole_numbers_in_rgb(network: Any) -> None:
    """int32 0..255, red first, black outside the picture; the region's angle is ignored."""
    image = np.zeros((50, 50, 3), np.uint8)
    image[..., 2] = 255
    loaded = network((1, 256, 256, 3), out=output(np.random.default_rng(2)))
    MoveNet(loaded).estimate(image, Region(49.5, 24.5, 50, angle=1.0))
    assert loaded.shown.dtype == np.int32
    assert loaded.shown.shape == (1, 256, 256, 3)
    assert loaded.shown[0, 128, 40].tolist() == [255, 0, 0]
    assert not loaded.shown[0, :, 140:].any()


def plain_region(points: np.ndarray, scores: np.ndarray) -> tuple[float, float, float]:
    """Centre and side by the published rule: 1.9 × torso reach or 1.2 × body reach from the mid-hips."""
    cx, cy = (points[11] + points[12]) / 2
    torso = max(max(abs(points[j][0] - cx), abs(points[j][1] - cy)) for j in (*HIPS, *SHOULDERS))
    seen = [j for j in range(len(points)) if scores[j] > 0.2]
    body = max(max(abs(points[j][0] - cx), abs(points[j][1] - cy)) for j in seen)
    return cx, cy, 2 * max(1.9 * torso, 1.2 * body)


@pytest.mark.parametrize("seed", range(8))
def test_next_region_equals_the_published_rule(seed: int) -> None:
    """With a seen torso, hidden joints do not count towards the body's reach."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(900, 1100, (21, 2)).astype(np.float32)
    scores = rng.uniform(0, 1, 21).astype(np.float32)
    scores[[5, 11]] = 0.9
    got = next_region(points, scores, Region(1000, 1000, 2000), 0.7)
    assert (got.cx, got.cy, got.size) == pytest.approx(plain_region(points, scores), rel=1e-5)
    assert got.score == 0.7


def test_next_region_of_an_upper_body() -> None:
    """Without hips it is the box of the seen joints, doubled."""
    points, scores = np.zeros((21, 2), np.float32), np.zeros(21, np.float32)
    points[[0, 5, 6]], scores[[0, 5, 6]] = [(100, 50), (140, 100), (60, 110)], 0.8
    got = next_region(points, scores, Region(500, 500, 1000), 0.8)
    assert (got.cx, got.cy, got.size) == pytest.approx((100, 80, 160))


@pytest.mark.parametrize("reach", [0.0, 600.0])
def test_next_region_falls_back_to_the_whole_picture(reach: float) -> None:
    """Nothing seen, or a body larger than the picture: look at everything."""
    whole = Region(499.5, 499.5, 1000)
    points = np.full((21, 2), 500, np.float32)
    points[0, 1] -= reach
    scores = np.full(21, 0.9 if reach else 0.0, np.float32)
    got = next_region(points, scores, whole, 0.4)
    assert (got.cx, got.cy, got.size) == (whole.cx, whole.cy, whole.size)


def test_search_looks_closer_and_needs_a_score(network: Any) -> None:
    """The found region is smaller than the picture; nobody is found below the threshold."""
    values = output(np.random.default_rng(3))
    image = np.zeros((480, 640, 3), np.uint8)
    (region,) = MoveNet(network((1, 192, 192, 3), out=values)).search(image)
    assert region.size < 640
    values[..., 2] = 0.1
    assert MoveNet(network((1, 192, 192, 3), out=values)).search(image) == []


def test_foreign_network_is_refused(network: Any) -> None:
    """An output of another size raises an error that names it."""
    loaded = network((1, 192, 192, 3), out=np.zeros((1, 6, 56), np.float32))
    with pytest.raises(ModelError, match=r"\(1, 6, 56\)"):
        MoveNet(loaded).estimate(np.zeros((9, 9, 3), np.uint8), Region(4, 4, 9))


def test_feet_follow_coco() -> None:
    """The first seventeen joints of BODY21 are COCO's, so that no table is needed."""
    assert BODY21.joints[0] == "nose"
    assert BODY21.joints[16] == "right_ankle"
