"""Colours of people on screen: which side a joint is on, how sure we are of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import Skeleton

Rgb = tuple[int, int, int]

LEFT: Rgb = (56, 189, 248)
RIGHT: Rgb = (251, 146, 60)
MIDDLE: Rgb = (226, 232, 240)
BACKDROP: Rgb = (15, 19, 27)
LINE: Rgb = (52, 63, 82)

INFERRED_MIX = 0.72
"""How far the colour of a joint that was not seen goes towards `INFERRED`."""
INFERRED: Rgb = (88, 98, 116)


def side_color(joint: str) -> Rgb:
    """RGB of the person's left, right or middle."""
    if joint.startswith("left_"):
        return LEFT
    return RIGHT if joint.startswith("right_") else MIDDLE


def joint_colors(skeleton: Skeleton) -> NDArray[np.uint8]:
    """(J,3) RGB of every joint's side."""
    return np.array([side_color(joint) for joint in skeleton.joints], np.uint8)


def muted(colors: NDArray[np.uint8], observed: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colours (J,3), greyed where `observed` (J,) is False."""
    grey = colors + INFERRED_MIX * (np.array(INFERRED) - colors.astype(np.float64))
    return np.where(observed[:, None], colors, grey).astype(np.uint8)


def linear(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """sRGB colours as shares of light, for renderers that take instance colours as such."""
    light: NDArray[np.uint8] = np.rint(255 * (colors / 255.0) ** 2.2).astype(np.uint8)
    return light


def bgr(color: Rgb) -> Rgb:
    """The same colour in OpenCV's order."""
    return color[2], color[1], color[0]
