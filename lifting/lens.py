"""What a lens does to straight lines: the models of OpenCV, both ways, and a fast way back for few points.

brown    (5 or 8 coefficients) k1 k2 p1 p2 k3 [k4 k5 k6]: with r² = x² + y² and
         g(r) = r (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶),
         x' = x g/r + 2 p1 x y + p2 (r² + 2 x²), y' = y g/r + p1 (r² + 2 y²) + 2 p2 x y.
fisheye  (4 coefficients) k1..k4: with θ = atan r, g(θ) = θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸),
         (x', y') = g/r (x, y).

(x, y) is the true ray, x/z and y/z; (x', y') is where it meets the picture, in focal lengths from the
optical axis. Far outside the calibrated picture such polynomials turn back; from where g stops to rise it
is continued straight, so that nothing from outside ever folds into the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

LensModel = Literal["brown", "fisheye"]
COEFFICIENTS: dict[LensModel, tuple[int, ...]] = {"brown": (5, 8), "fisheye": (4,)}

WIDEST_RAD = np.radians(85.0)
"""Rays of a fisheye further from the axis than this are taken to lie there: x/z has no number for 90°."""
SLOPE = (0.05, 8.0)
"""Where g rises less or more than this, per unit, a lens model has left the picture it was made from."""
SAMPLES = 4001
NEWTON_STEPS = 8
MARGIN = 0.25
"""The table of `FastInverse` reaches so far beyond the picture, in picture sizes."""
CELLS = 112
"""Of that table, along the longer side."""


@dataclass(frozen=True)
class Lens:
    """One lens. Raises ValueError for a number of coefficients its model does not have."""

    model: LensModel
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        valid = COEFFICIENTS[self.model]
        if len(self.coefficients) not in valid:
            raise ValueError(
                f"a {self.model} lens has {' or '.join(map(str, valid))} coefficients, "
                f"not {len(self.coefficients)}"
            )

    @property
    def reach(self) -> float:
        """Distance from the axis, in focal lengths, up to which the lens model is one to one."""
        return float(self._profile[1][-1])

    def distort(self, rays: Floats) -> Float64:
        """True rays x/z, y/z (...,2) → where they meet the picture (...,2), in focal lengths."""
        xy = np.asarray(rays, np.float64)
        if self.model == "fisheye":
            r = np.hypot(xy[..., 0], xy[..., 1])[..., None]
            xy = xy * (np.arctan(r) / np.maximum(r, 1e-12))
        return self.bend(xy)

    def undistort(self, points: Floats) -> Float64:
        """The inverse of `distort`, by Newton's method; beyond 85° (fisheye) it stays there."""
        return self.to_rays(self.straighten(points))

    def straighten(self, points: Floats) -> Float64:
        """Picture points (...,2), in focal lengths → points (...,2) of the plane in which the lens is smooth.

        For a brown lens these are the rays; for a fisheye, angles from the axis (θ cos φ, θ sin φ).
        """
        target = np.asarray(points, np.float64)
        r = np.hypot(target[..., 0], target[..., 1])[..., None]
        q = target * (self._unbend_radius(r) / np.maximum(r, 1e-12))
        q = np.where(r > 1e-12, q, target)
        for _ in range(NEWTON_STEPS):
            step = np.clip(self._newton_step(q, target), -0.2, 0.2)
            q = q + step
            if not (np.abs(step) > 1e-12).any():
                break
        return q

    def to_rays(self, straight: Floats) -> Float64:
        """Result of `straighten` → rays x/z, y/z."""
        q = np.asarray(straight, np.float64)
        if self.model == "brown":
            return q
        angle = np.sqrt((q * q).sum(axis=-1, keepdims=True)) + 1e-12
        return np.asarray(q * (np.tan(np.minimum(angle, WIDEST_RAD)) / angle))

    def _newton_step(self, q: Float64, target: Float64) -> Float64:
        h = 1e-6
        x, y = np.array([h, 0.0]), np.array([0.0, h])
        dx = (self.bend(q + x) - self.bend(q - x)) / (2 * h)
        dy = (self.bend(q + y) - self.bend(q - y)) / (2 * h)
        error = target - self.bend(q)
        det = dx[..., 0] * dy[..., 1] - dx[..., 1] * dy[..., 0]
        det = np.where(np.abs(det) > 1e-9, det, np.inf)
        step = np.empty_like(error)
        step[..., 0] = (error[..., 0] * dy[..., 1] - error[..., 1] * dy[..., 0]) / det
        step[..., 1] = (error[..., 1] * dx[..., 0] - error[..., 0] * dx[..., 1]) / det
        return step

    def bend(self, q: Float64) -> Float64:
        """The inverse of `straighten`."""
        r = np.sqrt((q * q).sum(axis=-1, keepdims=True))
        bent = q * (self._bend_radius(r) / np.maximum(r, 1e-12))
        bent = np.where(r > 1e-12, bent, q)
        if self.model == "fisheye":
            return bent
        within = q * np.minimum(1.0, self._profile[0][-1] / np.maximum(r, 1e-12))
        return bent + self._decentring(within)

    def _decentring(self, q: Float64) -> Float64:
        p1, p2 = self.coefficients[2:4]
        x, y = q[..., 0], q[..., 1]
        r2 = x * x + y * y
        dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        return np.stack([dx, dy], axis=-1)

    def _bend_radius(self, s: Float64) -> Float64:
        last = np.minimum(s, self._profile[0][-1])
        return np.asarray(self._g(last) + (s - last) * self._slope)

    def _unbend_radius(self, bent: Float64) -> Float64:
        inside, known = self._profile
        s = np.interp(bent, known, inside)
        return np.asarray(s + np.maximum(bent - known[-1], 0.0) / self._slope)

    def _g(self, s: Float64) -> Float64:
        s2 = s * s
        k = self.coefficients
        if self.model == "fisheye":
            return s * (1 + s2 * (k[0] + s2 * (k[1] + s2 * (k[2] + s2 * k[3]))))
        above = 1 + s2 * (k[0] + s2 * (k[1] + s2 * k[4]))
        if len(k) == 5:
            return s * above
        below = 1 + s2 * (k[5] + s2 * (k[6] + s2 * k[7]))
        return s * above / np.where(np.abs(below) > 1e-6, below, 1e-6)

    @cached_property
    def _profile(self) -> tuple[Float64, Float64]:
        """(s, g(s)) from the axis to where g stops to rise properly."""
        widest = np.pi if self.model == "fisheye" else np.tan(WIDEST_RAD)
        s = np.linspace(0.0, widest, SAMPLES)
        with np.errstate(over="ignore", invalid="ignore"):
            g = self._g(s)
            rise = np.diff(g) / np.diff(s)
        good = (rise > SLOPE[0]) & (rise < SLOPE[1])  # NaN is neither
        end = len(rise) if good.all() else int(np.argmin(good))
        return s[: max(end, 1) + 1], g[: max(end, 1) + 1]

    @cached_property
    def _slope(self) -> float:
        s, g = self._profile
        return float(np.clip((g[-1] - g[-2]) / (s[-1] - s[-2]), *SLOPE))


class FastInverse:
    """Pixels → rays by a table: 21 points in some 30 µs, where iterating takes 300.

    The picture and a margin are divided into cells with 3 × 3 exact nodes each, between which the inverse
    is a biquadratic polynomial, continuous from cell to cell.
    """

    def __init__(
        self, lens: Lens, focal_px: tuple[float, float], centre_px: tuple[float, float], size: tuple[int, int]
    ) -> None:
        self._lens = lens
        self._focal, whole = np.array(focal_px), np.array(size, np.float64)
        self._low, self._high = -0.5 - MARGIN * whole, whole - 0.5 + MARGIN * whole
        cells = np.maximum(np.ceil(CELLS * whole / whole.max()), 1).astype(np.intp)
        self._last = cells - 1
        self._per_px = cells / (self._high - self._low)
        columns, rows = (np.linspace(self._low[i], self._high[i], 2 * cells[i] + 1) for i in (0, 1))
        pixels = np.stack(np.meshgrid(columns, rows), axis=-1)
        nodes = lens.straighten((pixels - np.array(centre_px)) / self._focal)
        windows = np.lib.stride_tricks.sliding_window_view(nodes, (3, 3), axis=(0, 1))[::2, ::2]
        self._cells = np.ascontiguousarray(windows)  # (rows, columns, 2, 3, 3)

    def __call__(self, points_px: Floats) -> NDArray[np.float32]:
        """Pixels (...,2) → x/z, y/z (...,2); NaN stays NaN."""
        points = np.asarray(points_px, np.float64)
        inside = np.fmin(np.fmax(points, self._low), self._high)
        place = (inside - self._low) * self._per_px
        cell = np.minimum(place.astype(np.intp), self._last)
        u = 2 * (place - cell) - 1
        half, square = 0.5 * u, u * u
        weight = np.stack([0.5 * square - half, 1 - square, 0.5 * square + half], axis=-1)  # (...,2,3)
        nodes = self._cells[cell[..., 1], cell[..., 0]]  # (...,2,3,3)
        along = (nodes @ weight[..., None, 0, :, None])[..., 0]  # (...,2,3)
        straight = (along @ weight[..., 1, :, None])[..., 0] + (points - inside) / self._focal
        return self._lens.to_rays(straight).astype(np.float32)
