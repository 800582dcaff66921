"""RTMDet around networks that answer prepared boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lifting.errors import ModelError
from realtime.detectors.boxes import region_from_box
from realtime.detectors.rtmdet import GREY, MEAN_BGR, STD_BGR, RtmDet, fit

SHAPE = (1, 3, 320, 320)
PICTURE = np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)


def outputs(*rows: tuple[float, ...], labels: list[int] | None = None) -> dict[str, np.ndarray]:
    """dets and labels of these rows x0, y0, x1, y1, score."""
    dets = np.array(rows, np.float32).reshape(1, -1, 5)
    return {"dets": dets, "labels": np.array([labels or [0] * len(rows)])}


def test_the_picture_is_fitted_and_padded() -> None:
    """640x480 into 320x320: half the size at the top left, grey below."""
    canvas, scale = fit(PICTURE, (320, 320))
    assert canvas.shape == (320, 320, 3)
    assert scale.tolist() == [0.5, 0.5]
    assert (canvas[240:] == GREY).all()
    whole = PICTURE.reshape(240, 2, 320, 2, 3).mean((1, 3))
    assert np.abs(canvas[:240] - whole).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (900, 1, 3), (37, 53, 3)])
def test_odd_pictures_fit(shape: tuple[int, int, int]) -> None:
    """One pixel and slivers: always a picture of the network's size, scales within it."""
    canvas, scale = fit(np.full(shape, 7, np.uint8), (320, 320))
    assert canvas.shape == (320, 320, 3)
    assert (scale * shape[1::-1] <= 320.01).all()
    assert canvas[0, 0].tolist() == [7, 7, 7]


def test_boxes_come_back_into_the_picture(network: Any) -> None:
    """Scaled by the fit, clipped to the picture, best first; other classes, doubts and specks are out."""
    net = network(SHAPE, **outputs(
        (10, 20, 60, 120, 0.6), (-5, 100, 50, 400, 0.9), (5, 5, 50, 50, 0.1), (1, 1, 9, 9, 0.8),
        (7, 7, 7.5, 90, 0.7), (np.nan, 1, 2, 3, 0.9), labels=[0, 0, 0, 3, 0, 0],
    ))  # fmt: skip
    detector = RtmDet(net)
    boxes, scores = detector.boxes(PICTURE)
    assert boxes.tolist() == [[0, 200, 100, 480], [20, 40, 120, 240]]
    assert scores.tolist() == pytest.approx([0.9, 0.6])
    assert detector(PICTURE) == [
        region_from_box((0, 200, 100, 480), score=pytest.approx(0.9)),
        region_from_box((20, 40, 120, 240), score=pytest.approx(0.6)),
    ]


def test_the_network_sees_normalised_bgr(network: Any) -> None:
    """Plain arithmetic on the fitted picture, channels first."""
    net = network(SHAPE, **outputs())
    assert RtmDet(net)(PICTURE) == []
    canvas, _ = fit(PICTURE, (320, 320))
    assert net.shown[0] == pytest.approx(((canvas - MEAN_BGR) / STD_BGR).transpose(2, 0, 1))


@pytest.mark.parametrize("wrong", [
    {"dets": np.zeros((1, 4, 4), np.float32), "labels": np.zeros((1, 4), np.int64)},
    {"dets": np.zeros((1, 4, 5), np.float32), "labels": np.zeros((1, 3), np.int64)},
    {"cls": np.zeros((1, 1, 40, 40), np.float32)},
])  # fmt: skip
def test_other_networks_are_refused(network: Any, wrong: dict[str, np.ndarray]) -> None:
    """The error says what is expected and where to get it."""
    with pytest.raises(ModelError, match="sealcap models pull rtmdet-m"):
        RtmDet(network(SHAPE, **wrong))(PICTURE)


def test_other_inputs_are_refused(network: Any) -> None:
    """A flat vector is no picture."""
    with pytest.raises(ModelError, match=r"\(1,3,h,w\)"):
        RtmDet(network((1, 100), **outputs()))
