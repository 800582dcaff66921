"""Which points of the feet rest on the floor: those that are low and slow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import CONTACTS, SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

LOW_M = (0.03, 0.07)
"""Height above the floor: certain contact below the first, none above the second; half at 5 cm."""
SLOW_M_S = (0.3, 0.7)
"""Speed: the same; half at 0.5 m/s."""
SPEED_CUTOFF_HZ = 4.0
MAX_SOLE_M = 0.02
"""A resting heel or toe joint lies up to this far above the floor; it counts as touching."""

_POINTS = np.array(SEALCAP26.indices(*CONTACTS))


class ContactEstimate:
    """Soft floor contact 0..1 of `CONTACTS`; 0 for points that are not seen."""

    def __init__(self) -> None:
        self._last: Float64 | None = None
        self._velocity = np.zeros((len(CONTACTS), 3))

    def reset(self) -> None:
        """Forget where the feet were."""
        self._last, self._velocity = None, np.zeros((len(CONTACTS), 3))

    def update(self, joints_world: Floats, confidence: Float64, dt_s: float, floor_m: float = 0.0) -> Float64:
        """joints_world (26,3) metres, confidence (26,), the height soles rest at → (4,)."""
        points = joints_world[_POINTS].astype(np.float64)
        if self._last is not None and dt_s > 0:
            gain = 1.0 - np.exp(-2 * np.pi * SPEED_CUTOFF_HZ * dt_s)
            self._velocity = self._velocity + gain * ((points - self._last) / dt_s - self._velocity)
        self._last = points
        speed = np.sqrt(np.einsum("ij,ij->i", self._velocity, self._velocity))
        seen = np.minimum(confidence[_POINTS] / 0.5, 1.0)
        return np.asarray(_below(points[:, 1] - floor_m - MAX_SOLE_M, LOW_M) * _below(speed, SLOW_M_S) * seen)


def _below(value: Float64, edges: tuple[float, float]) -> Float64:
    """1 below the first edge, 0 above the second, a straight line between."""
    low, high = edges
    return np.minimum(np.maximum((high - value) / (high - low), 0.0), 1.0)
