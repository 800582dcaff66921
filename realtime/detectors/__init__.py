"""2D detectors: a picture and a region in, BODY21 joints out. Where the person is, the tracker remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from realtime.data import Float32, Image


@dataclass(frozen=True, slots=True)
class Region:
    """A square in the picture, possibly turned, that holds one person."""

    cx: float
    cy: float
    """Centre, pixels."""
    size: float
    """Side length, pixels."""
    angle: float = 0.0
    """Radians; positive turns the square clockwise on the screen. 0 = upright."""
    score: float = 1.0
    """How sure the search was, 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Joints of one person found in one region."""

    points_px: Float32
    """(21,2) BODY21 in pixels of the picture."""
    confidence: Float32
    """(21,) in 0..1, 0 = not seen or not known to this detector."""
    score: float
    """Probability that a person is there at all."""
    region: Region
    """Where to look in the next frame."""


class Search(Protocol):
    """Anything that finds people in a whole picture."""

    def __call__(self, image: Image) -> list[Region]:
        """Regions, best first."""


@runtime_checkable
class Several(Protocol):
    """A detector that looks at several regions of one picture at once, which saves time on a GPU."""

    def estimate_all(self, image: Image, regions: Sequence[Region]) -> list[Estimate]:
        """Joints of the people in all `regions`, in their order."""


def estimate_all(detector: Detector, image: Image, regions: Sequence[Region]) -> list[Estimate]:
    """All at once where the detector can, else one after the other."""
    if isinstance(detector, Several):
        return detector.estimate_all(image, regions)
    return [detector.estimate(image, region) for region in regions]


class Detector(Protocol):
    """Stateless 2D pose network with its pre- and post-processing."""

    name: str
    finds_all: bool
    """True when `search` finds everybody; False when it finds the most visible person only, and slowly."""

    def search(self, image: Image) -> list[Region]:
        """Regions of the people in the whole picture, best first; empty when nobody is there."""

    def estimate(self, image: Image, region: Region) -> Estimate:
        """Joints of the person in `region`."""
