"""Edges of a picture are found in its own pixels, and those of people are left out."""

import cv2
import numpy as np

from realtime.line_segments import line_segments


def drawn(scale: int = 1) -> np.ndarray:
    """A picture with a bright door frame."""
    image = np.full((360 * scale, 640 * scale, 3), 40, np.uint8)
    cv2.rectangle(image, (100 * scale, 60 * scale), (180 * scale, 300 * scale), (220, 220, 220), -1)
    return image


def test_edges_are_found_in_pixels_of_the_picture() -> None:
    """Both sides and both ends of a door within 2 pixels, whatever the size of the picture."""
    for scale in (1, 3):
        lines = line_segments(drawn(scale)) / scale
        assert lines.shape == (4, 4)
        upright = lines[np.abs(lines[:, 0] - lines[:, 2]) < 2]
        assert np.allclose(np.sort(upright[:, 0]), [100, 180], atol=2)
        assert np.allclose(np.sort(upright[:, [1, 3]], axis=1), [[60, 300]], atol=4)


def test_edges_of_people_are_left_out() -> None:
    """A box around the left side takes that line away."""
    box = np.array([80, 40, 120, 320], np.float32)
    assert len(line_segments(drawn(), [box])) == 3


def test_empty_pictures_have_no_lines() -> None:
    """Black, and very small."""
    assert line_segments(np.zeros((360, 640, 3), np.uint8)).shape == (0, 4)
    assert line_segments(np.zeros((8, 8, 3), np.uint8)).shape == (0, 4)
