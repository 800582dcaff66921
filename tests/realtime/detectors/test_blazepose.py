"""BlazePose's reading of its outputs against plain loops that follow the published procedure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lifting.errors import ModelError
from lifting.skeleton import BLAZEPOSE33_TO_BODY21
from realtime.detectors import Region
from realtime.detectors.blazepose import BlazePose, refine, sigmoid
from realtime.detectors.person_search import PersonSearch

SIZE = 256


def plain_refine(x: float, y: float, heat: np.ndarray) -> tuple[float, float]:
    """One landmark, cell by cell: sigmoid-weighted mean over 7×7 cells if the best reaches 0.5."""
    rows, cols = heat.shape
    col, row = int(x * cols), int(y * rows)
    if x < 0 or y < 0 or col >= cols or row >= rows:
        return x, y
    total = sum_x = sum_y = best = 0.0
    for r in range(max(0, row - 3), min(rows, row + 4)):
        for c in range(max(0, col - 3), min(cols, col + 4)):
            value = 1 / (1 + math.exp(-float(heat[r, c])))
            total, best = total + value, max(best, value)
            sum_x, sum_y = sum_x + c * value, sum_y + r * value
    return (sum_x / cols / total, sum_y / rows / total) if best >= 0.5 else (x, y)


def test_refine_equals_plain_loops() -> None:
    """Inside, at the rim, outside, with a sure and an unsure heatmap."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-0.1, 1.1, (60, 2)).astype(np.float32)
    points[0], points[1], points[2] = (0, 0), (0.9999, 0.9999), (1, 0.5)
    heat = rng.normal(-6, 3, (64, 64, 70)).astype(np.float32)
    channels = rng.permutation(70)[:60]
    heat[..., channels[::3]] -= 20
    got = refine(points, heat, channels)
    expected = [plain_refine(*map(float, p), heat[..., c]) for p, c in zip(points, channels, strict=True)]
    assert got == pytest.approx(np.array(expected), abs=1e-5)
    assert 10 < (got != points).any(1).sum() < 50


def test_refine_finds_a_blob_between_cells() -> None:
    """A round blob of logits is found where it is, however the regression missed it by a cell."""
    place = np.array([0.40625, 0.5625], np.float32)  # cell 26, 36
    row, col = np.mgrid[:64, :64]
    logits = 8 - 2.0 * np.hypot(col - 26, row - 36) ** 2
    start = (place + np.array([0.012, -0.009])).astype(np.float32)
    got = refine(start[None], logits[..., None].astype(np.float32), np.array([0]))
    assert got[0] == pytest.approx(place, abs=1e-4)


def test_sigmoid_of_extremes() -> None:
    """No overflow warning, and the limits are reached."""
    assert sigmoid(np.array([-1e9, 0, 1e9], np.float32)) == pytest.approx([0, 0.5, 1], abs=1e-6)


def outputs(rng: np.random.Generator, channels_last: bool = True) -> dict[str, np.ndarray]:
    rows = rng.uniform(20, 230, (39, 5))
    rows[:, 3:] = rng.normal(0, 3, (39, 2))
    heat = np.full((1, 64, 64, 39) if channels_last else (1, 39, 64, 64), -30.0)
    return {
        "Identity": rows.reshape(1, 195).astype(np.float32),
        "Identity_1": np.array([[0.93]], np.float32),
        "Identity_2": np.zeros((1, 256, 256, 1), np.float32),
        "Identity_3": heat.astype(np.float32),
        "Identity_4": np.zeros((1, 117), np.float32),
    }


def detector(network: Any, values: dict[str, np.ndarray]) -> BlazePose:
    search = PersonSearch(network((1, 224, 224, 3)))
    return BlazePose(network((1, SIZE, SIZE, 3), **values), search)


def test_estimate_equals_plain_arithmetic(network: Any) -> None:
    """Points are turned, scaled and moved back; confidence is visibility × presence within the picture."""
    values = outputs(np.random.default_rng(4))
    region, image = Region(300.0, 200.0, 500.0, 0.4), np.zeros((400, 500, 3), np.uint8)
    got = detector(network, values).estimate(image, region)
    rows = values["Identity"].reshape(39, 5)
    for joint, source in enumerate(BLAZEPOSE33_TO_BODY21):
        x, y, _, visibility, presence = (float(v) for v in rows[source])
        u, v = ((x + 0.5) / SIZE - 0.5) * 500, ((y + 0.5) / SIZE - 0.5) * 500
        px = 300 + u * math.cos(0.4) - v * math.sin(0.4)
        py = 200 + u * math.sin(0.4) + v * math.cos(0.4)
        assert got.points_px[joint] == pytest.approx([px, py], abs=0.01)
        seen = 1 / (1 + math.exp(-visibility)) / (1 + math.exp(-presence))
        inside = -0.5 <= px <= 499.5 and -0.5 <= py <= 399.5
        assert got.confidence[joint] == pytest.approx(seen if inside else 0, abs=1e-5)
    assert 0 < (got.confidence > 0).sum() < 21
    assert got.score == pytest.approx(0.93)


def test_next_region_comes_from_the_two_helper_points(network: Any) -> None:
    """Landmark 33 is the centre, 34 the top of the circle; an upright person gives an upright square."""
    values = outputs(np.random.default_rng(5))
    rows = values["Identity"].reshape(39, 5)
    rows[33, :2], rows[34, :2] = (128, 140), (128, 40)
    region = (
        detector(network, values)
        .estimate(np.zeros((256, 256, 3), np.uint8), Region(127.5, 127.5, 256))
        .region
    )
    assert (region.cx, region.cy) == pytest.approx((128, 140))
    assert region.size == pytest.approx(250)
    assert region.angle == pytest.approx(0, abs=1e-6)
    assert region.score == pytest.approx(0.93)


def test_heatmap_layouts_agree(network: Any) -> None:
    """Channels first and channels last are the same heatmap."""
    values = outputs(np.random.default_rng(6))
    values["Identity_3"] = np.random.default_rng(7).normal(0, 3, (1, 64, 64, 39)).astype(np.float32)
    swapped = dict(values, Identity_3=np.ascontiguousarray(values["Identity_3"].transpose(0, 3, 1, 2)))
    image, region = np.zeros((90, 90, 3), np.uint8), Region(45, 45, 90)
    a, b = (detector(network, v).estimate(image, region) for v in (values, swapped))
    assert np.array_equal(a.points_px, b.points_px)


def test_the_network_sees_rgb_in_0_1(network: Any) -> None:
    """A pure red picture (BGR 0, 0, 255) is 1, 0, 0; outside the picture its rim goes on."""
    image = np.zeros((50, 50, 3), np.uint8)
    image[..., 2] = 255
    loaded = network((1, 3, SIZE, SIZE), **outputs(np.random.default_rng(8)))
    BlazePose(loaded, PersonSearch(network((1, 224, 224, 3)))).estimate(image, Region(0, 0, 100))
    assert loaded.shown.shape == (1, 3, SIZE, SIZE)
    assert loaded.shown.dtype == np.float32
    assert loaded.shown[0, 0] == pytest.approx(np.ones((SIZE, SIZE)))
    assert not loaded.shown[0, 1:].any()


def test_foreign_network_is_refused(network: Any) -> None:
    """Missing outputs raise an error that lists what there is."""
    with pytest.raises(ModelError, match=r"\(1, 7\)"):
        detector(network, {"a": np.zeros((1, 7), np.float32)}).estimate(
            np.zeros((9, 9, 3), np.uint8), Region(4, 4, 9)
        )
