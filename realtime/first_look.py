"""The first look at somebody whom a search has shown.

Searches are coarse: around somebody far away they draw a region twice too large, in which a look finds half
of the joints, and those in the wrong places. So looks go on in the same picture, each where the last one
found somebody and closer while joints are missing, until one shows a whole figure that fills its region.
Joints beyond the edge of the picture are missing for another reason: there two looks are enough, and closer
ones would squeeze the figure into what is left of it.
"""

from __future__ import annotations

from dataclasses import replace

from realtime.data import Image
from realtime.detectors import Detector, Estimate, Region
from realtime.tracks import surely_seen, whole

MOST_LOOKS = 4
CLOSER = 0.75
"""A region in which joints are missing gets so much smaller,"""
INSIDE = 0.7
"""if more than this share of it lies in the picture."""
FILLED = 0.9
"""A look is settled when the region of its joints is no smaller than this share of the one it was given."""


def first_look(detector: Detector, image: Image, region: Region) -> Estimate:
    """Joints of whoever is in a region that a search gave."""
    look = detector.estimate(image, region)
    looks = [look]
    while len(looks) < MOST_LOOKS:
        size = look.region.size * (CLOSER if _more_to_see(image, look) else 1.0)
        look = detector.estimate(image, replace(look.region, size=size))
        looks.append(look)
        filled = look.region.size > FILLED * size
        if filled if whole(look) else not _more_to_see(image, look):
            return look
    return look if whole(look) else max(looks, key=surely_seen)


def _more_to_see(image: Image, look: Estimate) -> bool:
    """Whether joints are missing that should be in the picture."""
    return not whole(look) and _inside(image, look.region) > INSIDE


def _inside(image: Image, region: Region) -> float:
    """Share of a region that lies in the picture."""
    half = 0.5 * region.size
    height, width = image.shape[:2]
    across = min(region.cx + half, width) - max(region.cx - half, 0.0)
    down = min(region.cy + half, height) - max(region.cy - half, 0.0)
    return float(max(across, 0.0) * max(down, 0.0) / max(region.size, 1e-9) ** 2)
