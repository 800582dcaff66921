"""Tilt, field of view and height of a camera from where upright people appear in its picture.

Ankles and shoulders of somebody who stands or walks lie above each other, at two heights that stay the same
wherever that person goes. With the camera's pitch p, its height h above the ankles, the shoulders' height s
above the ankles and the factor k = e^φ from assumed to true rays, an ankle seen at the ray l (y/z, roll taken
out) stands at the distance

    D = h / tan(p + atan(k l))       and its shoulders must be seen at       u = tan(atan2(h - s, D) - p) / k

Each distance gives one equation for the four unknowns; what is known beforehand comes in as a normal
distribution. So a given height makes the pitch known to somebody standing still, walking to and fro does
without any, and a given pitch in addition tells the field of view. Where nothing can be learned the answer
is what was known before, with the same uncertainty.

The picture is cut into bands of l; what is seen in one band is averaged and counts once however long
somebody stands there, since people lean. Robust Gauss-Newton; about 0.4 ms, once a second.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.places import EachPerson, Places

Float64 = NDArray[np.float64]

BANDS, BAND = 80, 0.03
"""Bands of l and their height; they cover ±1.2."""
POSE_S = 1.0
"""How long a posture lasts; a band that has seen more averages over several."""
LEAN_M, PERSON_LEAN_M = 0.087, 0.03
"""Horizontal distance of shoulders from ankles: per posture, and what never averages out."""
STOOP_M, PERSON_STOOP_M = 0.042, 0.012
"""The same of their height. From held-out synthetic people."""
RAY_SD = 0.002
OUTLIER = 2.5
"""Standard deviations beyond which a band loses influence (Cauchy)."""
ROUNDS, LARGEST_STEP = 6, 0.3
SHALLOWEST = 0.03
"""Radians below the horizon at which ankles are still thought to be."""
HONESTY = 1.2
"""By which the linear estimate of the errors is too small (held-out synthetic people)."""


class Belief(NamedTuple):
    """Normal distribution of the four unknowns, seen as independent."""

    value: Float64
    """(4,) pitch in radians, φ, log(h / metre), s in metres."""
    sd: Float64
    """(4,)"""


class UprightEvidence(Places):
    """What was seen of an upright person, and what follows from it."""

    def __init__(self) -> None:
        super().__init__(BANDS, BAND, entries=2)

    def add(self, lower: float, upper: float, dt_s: float) -> None:
        """`lower`, `upper`: y/z of ankles and shoulders under the assumed focal length, roll taken out, of
        an upright person; `dt_s`: seconds this stands for."""
        self.take(lower, [lower, upper], dt_s)

    def update(self, before: Belief) -> Belief:
        """The belief after all that was seen, given that of before it."""
        means, seen_s = self.known()
        lower, upper = means.T
        return _fit(lower, upper, seen_s, before) if len(means) else before


class UprightPeople(EachPerson[UprightEvidence]):
    """Evidence of several people: one camera and one floor, but shoulders of different height."""

    def __init__(self) -> None:
        super().__init__(UprightEvidence)

    def update(self, before: Belief) -> Belief:
        """The belief after all that was seen; the height of shoulders is that of the last person."""
        belief = before
        for evidence in self:
            value, sd = belief.value.copy(), belief.sd.copy()
            value[3], sd[3] = before.value[3], before.sd[3]
            belief = evidence.update(Belief(value, sd))
        return belief


def expected_upper(unknowns: Float64, lower: Float64) -> tuple[Float64, Float64]:
    """Where shoulders are seen (...,J), and how far away, for unknowns (...,4) and ankles at `lower` (J,)."""
    pitch, log_k, log_h, s = (unknowns[..., i, None] for i in range(4))
    k, h = np.exp(log_k), np.exp(log_h)
    distance = h / np.tan(np.maximum(pitch + np.arctan(k * lower), SHALLOWEST))
    return np.tan(np.arctan2(h - s, distance) - pitch) / k, distance


def _fit(lower: Float64, upper: Float64, seen_s: Float64, before: Belief) -> Belief:
    poses, prior = 1.0 + seen_s / POSE_S, 1.0 / before.sd**2
    lean, stoop = LEAN_M**2 / poses + PERSON_LEAN_M**2, STOOP_M**2 / poses + PERSON_STOOP_M**2
    x = before.value.copy()
    for _ in range(ROUNDS):
        seen, distance = expected_upper(x + _NUDGES, lower)
        off, slope = upper - seen[0], (seen[1:] - seen[0]) / _NUDGE  # (J,), (4,J)
        near = np.maximum(distance[0], 0.3)
        variance = lean * ((math.exp(x[2]) - x[3]) / near**2) ** 2 + stoop / near**2 + RAY_SD**2
        strange = off * off / variance
        weight = 1.0 / (variance * (1.0 + strange / OUTLIER**2))
        information = (slope * weight) @ slope.T + np.diag(prior)
        step = np.linalg.solve(information, slope @ (weight * off) + prior * (before.value - x))
        x = x + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
    # Bands that contradict each other beyond what people's postures explain: floors or people have changed.
    misfit = float(np.minimum(strange, 9.0).sum()) / max(len(lower) - 3, 1)
    sd = np.sqrt(np.diag(np.linalg.inv(information))) * HONESTY * math.sqrt(max(misfit, 1.0))
    return Belief(x, np.minimum(sd, before.sd))


_NUDGE = 1e-3
_NUDGES = np.concatenate([np.zeros((1, 4)), _NUDGE * np.eye(4)])
