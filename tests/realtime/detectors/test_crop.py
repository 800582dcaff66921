"""Cropping against a plain bilinear sampler, and the way back into the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.detectors import Region
from realtime.detectors.crop import (
    as_input,
    crop_rgb,
    input_size,
    inside,
    picture_from_crop,
    to_picture,
    whole_picture,
)

REGIONS = st.builds(
    Region,
    cx=st.floats(-200, 2200),
    cy=st.floats(-200, 1300),
    size=st.floats(2, 4000),
    angle=st.floats(-math.pi, math.pi),
)


def smooth_picture(height: int = 90, width: int = 120) -> np.ndarray:
    """A colourful picture without edges, so that 1/32-pixel rounding in OpenCV stays below two levels."""
    y, x = np.mgrid[:height, :width].astype(float)
    waves = [127 + 100 * np.sin(x / 17 + k) * np.cos(y / 13 - k) for k in range(3)]
    return np.round(np.stack(waves, -1)).astype(np.uint8)


def sample(image: np.ndarray, x: float, y: float, replicate: bool) -> np.ndarray:
    """One bilinear sample, written out."""
    height, width = image.shape[:2]
    x0, y0 = math.floor(x), math.floor(y)
    out = np.zeros(3)
    for ix, wx in ((x0, x0 + 1 - x), (x0 + 1, x - x0)):
        for iy, wy in ((y0, y0 + 1 - y), (y0 + 1, y - y0)):
            if replicate:
                out += wx * wy * image[min(max(iy, 0), height - 1), min(max(ix, 0), width - 1)]
            elif 0 <= ix < width and 0 <= iy < height:
                out += wx * wy * image[iy, ix]
    return out[::-1]


@pytest.mark.parametrize("replicate", [False, True])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    "region",
    [
        Region(60.3, 44.7, 40.0),  # enlarged, whole inside
        Region(60.0, 45.0, 81.5, 0.7),  # turned
        Region(5.0, 80.0, 70.0, -2.1),  # turned over, partly outside
        Region(-40.0, 30.0, 50.0),  # mostly outside
    ],
)
def test_crop_equals_plain_bilinear_sampling(region: Region, flip: bool, replicate: bool) -> None:
    """Every crop pixel is the bilinear sample at the place the formula of the module gives."""
    image, (w, h) = smooth_picture(), (24, 32)
    got = crop_rgb(image, picture_from_crop(region, (w, h), flip=flip), (w, h), replicate=replicate)
    step, c, s = region.size / 32, math.cos(region.angle), math.sin(region.angle)
    for v in range(h):
        for u in range(w):
            du, dv = (u - (w - 1) / 2) * (-step if flip else step), (v - (h - 1) / 2) * step
            x, y = region.cx + c * du - s * dv, region.cy + s * du + c * dv
            if (
                not replicate
                and not (1 < x < 118 and 1 < y < 88)
                and not (x < -2 or x > 121 or y < -2 or y > 91)
            ):
                continue  # OpenCV's rounding moves the black edge by up to 1/32 pixel
            assert np.abs(got[v, u] - sample(image, x, y, replicate)).max() <= 4


def test_a_region_as_large_as_the_picture_reproduces_it() -> None:
    """The identity crop changes nothing but the order of colours."""
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    matrix = picture_from_crop(whole_picture(image), (64, 64))
    assert np.array_equal(crop_rgb(image, matrix, (64, 64)), image[..., ::-1])


def test_whole_picture_shows_all_of_it() -> None:
    """The corners of a wide and of a tall picture lie inside the square, the longer side fills it."""
    for height, width in ((30, 80), (80, 30)):
        image = np.zeros((height, width, 3), np.uint8)
        matrix = picture_from_crop(whole_picture(image), (16, 16))
        corners = to_picture(matrix, np.array([[-0.5, -0.5], [15.5, 15.5]]))
        assert corners[0].min() <= -0.5
        assert max(corners[1]) == pytest.approx(79.5)
        assert (corners[1] - corners[0]) == pytest.approx([80, 80])


@given(REGIONS, st.booleans(), st.tuples(st.integers(2, 300), st.integers(2, 300)))
def test_matrix_keeps_shape_and_centre(region: Region, flip: bool, size: tuple[int, int]) -> None:
    """The map is a similarity, mirrored where asked, and sends the crop's middle to the region's."""
    matrix = picture_from_crop(region, size, flip=flip)
    step = region.size / max(size)
    gram = matrix[:, :2].T @ matrix[:, :2] / step**2
    assert np.abs(gram - np.eye(2)).max() < 1e-9
    assert np.sign(np.linalg.det(matrix[:, :2])) == (-1 if flip else 1)
    middle = to_picture(matrix, (np.array(size) - 1) / 2)
    assert middle == pytest.approx([region.cx, region.cy], abs=1e-2)


def test_positive_angle_turns_clockwise() -> None:
    """What is up in the crop points to the right in the picture after a quarter turn."""
    matrix = picture_from_crop(Region(50, 50, 10, math.pi / 2), (11, 11))
    assert to_picture(matrix, np.array([5.0, 0.0])) == pytest.approx([50 + 5 * 10 / 11, 50], abs=1e-5)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.6, -1.2])
def test_a_dot_is_found_where_it_is_to_a_tenth_of_a_pixel(angle: float, flip: bool) -> None:
    """A blurred dot's centre of mass in the crop maps back onto its place in the picture."""
    place = np.array([140.3, 110.7])
    y, x = np.mgrid[:200, :300]
    blob = 250 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 6**2))
    image = np.repeat(np.round(blob)[..., None], 3, axis=2).astype(np.uint8)
    matrix = picture_from_crop(Region(133.3, 120.9, 150.0, angle), (64, 64), flip=flip)
    mass = crop_rgb(image, matrix, (64, 64))[..., 0].astype(float)
    v, u = np.mgrid[:64, :64]
    centre = np.array([(mass * u).sum(), (mass * v).sum()]) / mass.sum()
    assert np.linalg.norm(to_picture(matrix, centre) - place) < 0.1


def test_points_on_the_rim_are_inside() -> None:
    """The picture reaches half a pixel beyond the centres of its outermost pixels."""
    points = np.array([[-0.5, 0], [-0.6, 0], [9.5, 4.5], [9.6, 0], [0, 4.6]], np.float32)
    expected = [True, False, True, False, False]
    assert inside(points, np.zeros((5, 10, 3), np.uint8)).tolist() == expected


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf])
def test_a_region_without_extent_is_refused(size: float) -> None:
    """Zero, negative and undefined sizes raise instead of giving an empty crop."""
    with pytest.raises(ValueError, match="positive size"):
        picture_from_crop(Region(0, 0, size), (8, 8))


def test_layouts() -> None:
    """Channels come last or second as the network wants; open sizes take the default."""
    rgb = np.arange(4 * 6 * 3).reshape(4, 6, 3)
    assert as_input(rgb, (1, 4, 6, 3)).shape == (1, 4, 6, 3)
    assert np.array_equal(as_input(rgb, (1, 3, 4, 6))[0], rgb.transpose(2, 0, 1))
    assert input_size((1, 4, 6, 3), (9, 9)) == (6, 4)
    assert input_size((1, 3, 4, 6), (9, 9)) == (6, 4)
    assert input_size(("n", 3, "h", "w"), (192, 256)) == (192, 256)
