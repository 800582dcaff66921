"""Which points of the feet rest on the floor: low and slow for a moment, until clearly neither.

Two pairs of thresholds (to begin and to end a contact) and a shortest time for either keep it from
chattering. All times are seconds, so that 15 and 60 frames per second agree.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import CONTACTS, SEALCAP26
from realtime.solve.confidence import SEEN
from realtime.solve.ground import Ground

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

BEGIN_M, END_M = 0.06, 0.08
"""Height above the resting level below which a contact may begin, and above which it ends."""
RISE_M, RISING_M_S = 0.035, 0.15
"""A point this far above its lowest height in contact and rising so fast has left;"""
LOW_M = 0.02
"""none begins so that is this high."""
BEGIN_M_S, END_M_S = 0.45, 0.65
"""Speed: the same."""
STICKY = 1.6
"""Factor on the thresholds that end a contact, for performers known to stand."""
HOLD_S = 0.03
"""A point must look so for this long before a contact begins or ends."""
AWAY_M = 0.06
"""A point that the picture shows this far from where it was put down, at its depth, has left; one that is
fast as well, half as far."""
HIDDEN_S = 1.0
"""A contact out of sight for this long is none."""
STRAY_S = 0.05
"""It must be seen so for this long: detectors have outliers."""
SPEED_CUTOFF_HZ = 10.0
LEVEL_M, LEVEL_M_S = 0.03, 0.2
"""Where the feet rest may differ from the floor by so much, and more where the tilt is not known; the lowest
point of the feet tells, forgotten at so many metres per second."""
ALONG_RAY = 0.25
"""Share of the speed along the line of sight that counts: depth is the noisy direction."""
SOLE_M = 0.015
"""A resting heel or toe joint lies this far above the sole."""

_POINTS = np.array(SEALCAP26.indices(*CONTACTS))
_LEG = {"left": SEALCAP26.index("left_ankle"), "right": SEALCAP26.index("right_ankle")}
_ANKLES = np.array([_LEG[name.split("_")[0]] for name in CONTACTS])


class ContactEstimate:
    """Floor contact of `CONTACTS`: 0 off, 1 on; less where a foot in contact is hardly seen."""

    def __init__(self, sticky: bool = False) -> None:
        """`sticky`: contacts end late."""
        self.stick(sticky)
        self.reset()

    def stick(self, sticky: bool) -> None:
        """Whether contacts end late, from the next frame on."""
        factor = STICKY if sticky else 1.0
        self._end_m, self._end_m_s, self._away_m = END_M * factor, END_M_S * factor, AWAY_M * factor

    def reset(self) -> None:
        """Forget where the feet were."""
        self._last_cam: Float64 | None = None
        self._velocity_cam = np.zeros((2, len(CONTACTS), 3))
        self._moving = False
        self._on = [False] * len(CONTACTS)
        self._waited_s = [0.0] * len(CONTACTS)
        self._lowest_m = [0.0] * len(CONTACTS)
        self._put = [(math.nan, math.nan, 0.0)] * len(CONTACTS)
        self._away_s = [0.0] * len(CONTACTS)
        self._hidden_s = [0.0] * len(CONTACTS)
        self._local_m = math.inf

    def update(
        self,
        joints_world: Floats,
        confidence: Floats,
        dt_s: float,
        ground: Ground,
        rays: Floats | None = None,
    ) -> Float64:
        """joints_world (26,3) metres, confidence (26,), seconds since the last frame → (4,).

        rays (4,2): where the picture shows `CONTACTS`, NaN where it does not. Feet that stand still stand
        still there, whatever the network makes of the legs above them.
        """
        points = joints_world[_POINTS]
        dt_s = 0.0 if self._last_cam is None else dt_s
        points_cam = ground.to_cam(points)
        speed, turning = self._speeds(np.array((points_cam, _on_rays(points_cam, rays))), dt_s)
        away = self._away(points_cam[:, 2], rays, dt_s)
        rising = (self._velocity_cam[0] @ ground.R_world_from_cam[1] > RISING_M_S).tolist()
        height = self._heights(points, ground, dt_s)
        seen = np.maximum(confidence[_POINTS], confidence[_ANKLES]).tolist()
        for i, (h, v, up, c) in enumerate(zip(height, speed, rising, seen, strict=True)):
            if self._on[i] and not math.isnan(away[i]):
                self._stay(i, h, min(v, turning[i]), up, away[i], dt_s)
            else:
                self._follow(i, h, v, up, c, dt_s)
        return np.array([min(c / SEEN, 1.0) if on else 0.0 for on, c in zip(self._on, seen, strict=True)])

    def _heights(self, points: Float64, ground: Ground, dt_s: float) -> list[float]:
        """Heights (4,) above where feet rest here: the floor, but for the error that its slope may have."""
        heights = points[:, 1] - (ground.level_m + SOLE_M)
        most = LEVEL_M + ground.vague_m(points[0])
        self._local_m = min(float(heights.min()), self._local_m + LEVEL_M_S * dt_s)
        return (heights - min(max(self._local_m, -most), most)).tolist()  # type: ignore[no-any-return]

    def _follow(
        self, i: int, height_m: float, speed_m_s: float, rising: bool, seen: float, dt_s: float
    ) -> None:
        """Switch point i when it has asked for it long enough; one not seen rests on for a while."""
        if self._on[i]:
            self._lowest_m[i] = min(self._lowest_m[i], height_m)
            risen = height_m - self._lowest_m[i] > RISE_M
            ask = (risen and rising) or height_m > self._end_m or speed_m_s > self._end_m_s
            self._hidden_s[i] = self._hidden_s[i] + dt_s if seen < 0.5 * SEEN else 0.0
            ask = ask or self._hidden_s[i] > HIDDEN_S
        else:
            rising = rising and height_m > LOW_M
            ask = height_m < BEGIN_M and speed_m_s < BEGIN_M_S and not rising and seen >= SEEN
        self._switch(i, ask, height_m, dt_s)

    def _stay(
        self, i: int, height_m: float, speed_m_s: float, rising: bool, away_m: float, dt_s: float
    ) -> None:
        """Whether point i, on and in the picture, stays: if it is seen to rest it rests, whatever depth and
        height the figure has meanwhile."""
        self._lowest_m[i] = min(self._lowest_m[i], height_m)
        self._away_s[i] = self._away_s[i] + dt_s if away_m > self._away_m else 0.0
        risen = rising and height_m - self._lowest_m[i] > RISE_M
        left = away_m > 0.5 * self._away_m and (risen or speed_m_s > self._end_m_s)
        self._switch(i, left or self._away_s[i] > STRAY_S, height_m, dt_s)

    def _switch(self, i: int, ask: bool, height_m: float, dt_s: float) -> None:
        """Switch when it was asked for long enough."""
        self._waited_s[i] = self._waited_s[i] + dt_s if ask else 0.0
        if self._waited_s[i] >= HOLD_S:
            self._on[i], self._waited_s[i], self._lowest_m[i] = not self._on[i], 0.0, height_m
            self._away_s[i] = self._hidden_s[i] = 0.0

    def _away(self, depth_m: Float64, rays: Floats | None, dt_s: float) -> list[float]:
        """How far (4,) the picture shows points from where it showed them on average since they were put
        down, metres across the line of sight; NaN where it does not."""
        if rays is None:
            return [math.nan] * len(CONTACTS)
        out = []
        for i, ((u, v), z) in enumerate(zip(rays.tolist(), depth_m.tolist(), strict=True)):
            x, y, seen_s = self._put[i]
            if not self._on[i] or math.isnan(x):
                x, y, seen_s = u, v, 0.0
            out.append(math.hypot(u - x, v - y) * z)
            if not math.isnan(u):
                seen_s += dt_s
                gain = dt_s / max(seen_s, 1e-6)
                x, y = x + gain * (u - x), y + gain * (v - y)
            self._put[i] = x, y, seen_s
        return out

    def _speeds(self, points_cam: Float64, dt_s: float) -> tuple[list[float], list[float]]:
        """Smoothed speeds (4,) before the camera: corrections of the floor or tilt move nothing there; and
        speeds across the line of sight, as seen.

        points_cam (2,4,3): as solved and as seen, of which the slower counts: noise and errors make either
        faster than the foot.
        """
        if self._last_cam is not None and dt_s > 0:
            gain = -math.expm1(-2 * math.pi * SPEED_CUTOFF_HZ * dt_s) if self._moving else 1.0
            self._velocity_cam += gain * ((points_cam - self._last_cam) / dt_s - self._velocity_cam)
            self._moving = True
        self._last_cam = points_cam
        v, p = self._velocity_cam, points_cam
        squares = np.vecdot(np.array((v, v, p)), np.array((v, p, p)))
        along = squares[1] ** 2 / np.maximum(squares[2], 1e-9)
        speed = (squares[0] - (1 - ALONG_RAY**2) * along).min(axis=0)
        both = np.sqrt(np.maximum(np.array((speed, squares[0, 1] - along[1])), 0.0))
        return both[0].tolist(), both[1].tolist()


def _on_rays(points_cam: Float64, rays: Floats | None) -> Float64:
    """Points (4,3) moved onto the rays (4,2) on which they are seen, depth kept."""
    if rays is None:
        return points_cam
    seen = np.isfinite(rays).all(axis=-1) & (points_cam[:, 2] > 0)
    out = points_cam.copy()
    out[seen, :2] = rays[seen] * points_cam[seen, 2:]
    return out
