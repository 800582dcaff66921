"""The first look at somebody whom a search has shown.

Searches are coarse: around somebody far away they draw a region twice too large, in which a look finds half
of the joints, and those in the wrong places. So looks go on in the same picture, each where the last one
found somebody and closer while joints are missing, until one shows a whole figure that fills its region. Of
somebody who is half outside the picture the last look is as good as the first.
"""

from __future__ import annotations

from dataclasses import replace

from realtime.data import Image
from realtime.detectors import Detector, Estimate, Region
from realtime.tracks import whole

MOST_LOOKS = 4
CLOSER = 0.75
"""A region in which joints are missing gets so much smaller."""
FILLED = 0.9
"""A look is settled when the region of its joints is no smaller than this share of the one it was given."""


def first_look(detector: Detector, image: Image, region: Region) -> Estimate:
    """Joints of whoever is in a region that a search gave."""
    estimate = detector.estimate(image, region)
    for _ in range(MOST_LOOKS - 1):
        size = estimate.region.size
        region = replace(estimate.region, size=size if whole(estimate) else CLOSER * size)
        estimate = detector.estimate(image, region)
        if whole(estimate) and estimate.region.size > FILLED * region.size:
            break
    return estimate
