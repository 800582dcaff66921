"""One-Euro filter on arrays of points: still things are smoothed much, fast ones hardly.

Casiez, Roussel, Vogel: "1€ Filter", CHI 2012. Here the speed that opens the filter is that of the whole
point, not of each coordinate, and every step uses the true time since the last one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


class OneEuro:
    """Low pass whose cut-off rises with speed: cutoff = `min_cutoff_hz` + `beta` × speed.

    Works on points (...,D); the speed is per point, in units of the points per second, taken from the
    input low-passed at `speed_cutoff_hz`. `min_cutoff_hz` infinite switches it off: out = in.
    """

    def __init__(self, min_cutoff_hz: float, beta: float, *, speed_cutoff_hz: float = 1.5) -> None:
        self.min_cutoff_hz, self.beta, self.speed_cutoff_hz = min_cutoff_hz, beta, speed_cutoff_hz
        self.value: Float64 | None = None
        self.velocity: Float64 | None = None
        self._raw: Float64 | None = None

    def reset(self) -> None:
        """Forget everything; the next input comes out as it is."""
        self.value = self.velocity = self._raw = None

    def __call__(self, x: Float64, dt_s: float) -> Float64:
        """Filter one sample (...,D) taken `dt_s` seconds after the last one."""
        if self.value is None or self._raw is None or self.velocity is None or dt_s <= 0:
            self.value, self._raw, self.velocity = x, x, np.zeros_like(x)
            return x
        speed_gain = _gain(self.speed_cutoff_hz, dt_s)
        self.velocity = self.velocity + speed_gain * ((x - self._raw) / dt_s - self.velocity)
        self._raw = x
        if math.isinf(self.min_cutoff_hz):
            self.value = x
            return x
        speed = np.sqrt(np.einsum("...i,...i->...", self.velocity, self.velocity))
        rate = (2 * np.pi * dt_s) * (self.min_cutoff_hz + self.beta * speed)
        gain = -np.expm1(-rate)
        self.value = self.value + gain[..., None] * (x - self.value)
        return self.value


def _gain(cutoff_hz: float, dt_s: float) -> float:
    """Share of the new sample in a first-order low pass, exact for any step."""
    return -math.expm1(-2 * math.pi * cutoff_hz * dt_s)
