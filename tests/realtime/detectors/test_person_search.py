"""Anchors, decoding and suppression of the person detector against plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lifting.errors import ModelError
from realtime.detectors.person_search import (
    PersonSearch,
    decode,
    make_anchors,
    merge,
    overlap,
    region_from_points,
)


def plain_anchors() -> list[tuple[float, float]]:
    """The published procedure, written out: layers of equal stride are interleaved cell by cell."""
    strides, out, layer = [8, 16, 32, 32, 32], [], 0
    while layer < len(strides):
        same = sum(s == strides[layer] for s in strides[layer:])
        cells = math.ceil(224 / strides[layer])
        for y in range(cells):
            for x in range(cells):
                out += [((x + 0.5) / cells, (y + 0.5) / cells)] * (2 * same)
        layer += same
    return out


def test_anchors() -> None:
    """All 2254 anchors lie where the published procedure puts them."""
    assert make_anchors() == pytest.approx(np.array(plain_anchors()), abs=1e-6)


def test_decode_equals_plain_loops() -> None:
    """Boxes and points are offsets from the anchor in network pixels."""
    rng = np.random.default_rng(1)
    raw, anchors = rng.normal(0, 40, (20, 12)).astype(np.float32), rng.random((20, 2)).astype(np.float32)
    before, got = raw.copy(), decode(raw, anchors, 224)
    for r, a, g in zip(raw, anchors, got, strict=True):
        cx, cy, w, h = r[0] / 224 + a[0], r[1] / 224 + a[1], r[2] / 224, r[3] / 224
        points = [(r[4 + i] / 224) + a[i % 2] for i in range(8)]
        assert g == pytest.approx([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, *points], abs=1e-5)
    assert np.array_equal(raw, before)


def test_overlap() -> None:
    """Same box 1, half covered box 1/3, neighbour 0, empty box 0."""
    box = np.array([0, 0, 1, 1], np.float32)
    others = np.array([[0, 0, 1, 1], [0.5, 0, 1.5, 1], [2, 0, 3, 1], [0.5, 0.5, 0.5, 0.5]], np.float32)
    assert overlap(box, others) == pytest.approx([1, 1 / 3, 0, 0])


def plain_merge(rows: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Weighted suppression with lists."""
    left, out = sorted(range(len(rows)), key=lambda i: -scores[i]), []
    while left:
        best = left[0]
        same = [i for i in left if i == best or overlap(rows[best], rows[i : i + 1])[0] > 0.3]
        total = sum(scores[i] for i in same)
        out.append((sum(scores[i] * rows[i] for i in same) / total, scores[best]))
        left = [i for i in left if i not in same]
    return out


def test_merge_equals_plain_lists() -> None:
    """Overlapping rows become their weighted mean with the best score; best first."""
    rng = np.random.default_rng(2)
    centre, size = rng.random((40, 2)) * 2, 0.2 + rng.random((40, 2))
    rows = np.hstack([centre - size / 2, centre + size / 2, rng.random((40, 8))]).astype(np.float32)
    scores = rng.uniform(0.5, 1, 40).astype(np.float32)
    got, best = merge(rows, scores)
    expected = plain_merge(rows, scores)
    assert len(got) == len(expected) > 1
    assert got == pytest.approx(np.array([r for r, _ in expected]), abs=1e-5)
    assert best == pytest.approx([s for _, s in expected])


def test_merge_of_nothing() -> None:
    """No detections stay no detections."""
    rows, scores = merge(np.zeros((0, 12), np.float32), np.zeros(0, np.float32))
    assert rows.shape == (0, 12)
    assert scores.shape == (0,)


@pytest.mark.parametrize(
    ("top", "angle"),
    [((50, 10), 0.0), ((90, 50), math.pi / 2), ((50, 90), math.pi), ((10, 50), -math.pi / 2)],
)
def test_region_points_up_along_the_body(top: tuple[float, float], angle: float) -> None:
    """The crop's up is the direction from hips to top; the circle's diameter gets a quarter more."""
    region = region_from_points(np.array([50, 50], np.float32), np.array(top, np.float32))
    assert (region.cx, region.cy, region.size) == pytest.approx((50, 50, 2 * 40 * 1.25))
    assert math.remainder(region.angle - angle, 2 * math.pi) == pytest.approx(0, abs=1e-6)


def scripted(network: Any, logit: float) -> Any:
    """One anchor sees hips in the middle of the letterboxed picture, the top 56 network pixels above."""
    anchors = make_anchors()
    boxes, scores = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -20, np.float32)
    row = 1000
    offset = (np.array([0.5, 0.5]) - anchors[row]) * 224
    boxes[0, row] = [*offset, 30, 30, *offset, offset[0], offset[1] - 56, *offset, *offset]
    scores[0, row] = logit
    return network((1, 224, 224, 3), scores=scores, boxes=boxes)


def test_search_maps_to_the_picture(network: Any) -> None:
    """A detection in the letterboxed 224 square comes back in picture pixels, sized and scored."""
    image = np.full((400, 800, 3), 255, np.uint8)
    loaded = scripted(network, 2.0)
    (region,) = PersonSearch(loaded)(image)
    assert (region.cx, region.cy) == pytest.approx((399.5, 199.5), abs=1e-3)
    assert region.size == pytest.approx(2 * 56 * 800 / 224 * 1.25, rel=1e-5)
    assert region.score == pytest.approx(1 / (1 + math.exp(-2)))
    assert loaded.shown[0, 112] == pytest.approx(np.ones((224, 3)))
    assert loaded.shown[0, 0] == pytest.approx(-np.ones((224, 3)))


def test_search_finds_nobody_below_half(network: Any) -> None:
    """A score below 0.5 is nobody."""
    assert PersonSearch(scripted(network, -0.1))(np.zeros((40, 40, 3), np.uint8)) == []


def test_foreign_network_is_refused(network: Any) -> None:
    """Outputs of other sizes raise an error that names them."""
    loaded = network((1, 224, 224, 3), a=np.zeros((1, 5), np.float32))
    with pytest.raises(ModelError, match=r"\(1, 5\)"):
        PersonSearch(loaded)(np.zeros((40, 40, 3), np.uint8))
