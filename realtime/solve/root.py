"""Where the figure stands: pelvis translation in camera axes, metres, from rays and relative joints.

One frame: (X + Tx) = u (Z + Tz), and the like for y, is linear in T: robust weighted least squares. How far
the joints spread across the picture says how well that fixes the depth: a whole figure to about 2 %, a head
and shoulders to 6 %, an arm hardly. Over time a Kalman filter of the logarithm of depth and its rate takes
every frame for what it is worth; the other two coordinates then follow from the rays at the filtered depth,
so that the figure stays on its picture.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BODY21, SEALCAP26
from realtime.solve.steady import SteadyFilter, strength

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

NEAREST_M, FARTHEST_M = 0.2, 60.0
MIN_JOINTS = 4
ROUNDS = 3
"""Reweighting rounds of the robust fit."""
RESIDUAL_M = 0.1
"""Disagreement of a joint with its ray beyond which its weight falls."""
JOINT_SD_M = 0.04
"""Disagreement of a joint of weight 1 with its ray in a good frame; a figure that fits its rays worse by some
factor tells its depth less surely by as much."""
VAGUEST = 0.5
"""Standard deviation of log depth above which a frame fixes no depth."""

PULL_S = 0.25
"""Errors of depth last about so long: as much as that counts as one measurement."""
RESTLESS = 0.3
"""How restless people are: the rate of log depth changes by so much per second, in one second."""
START_RATE = 0.4
"""Standard deviation of the rate of log depth at the start, 1/s."""
FIRST_STEP_S = 1 / 30
"""What a frame without one before it counts for."""
FOUND_AGAIN_SD = 0.1
"""Standard deviation of log depth when somebody was lost and is found again: of a moment ago."""
SURPRISE = 3.0
"""Standard deviations from the expected depth beyond which a frame pulls no harder."""
DIRECTION_HZ, DIRECTION_BETA = 5.0, 12.0
"""Smoothing of x/z and y/z at smooth = 0.5."""

FROM_BODY21 = np.array(SEALCAP26.indices(*BODY21.joints))
"""SEALCAP26 joint of every BODY21 joint."""

_TRUST = {"hip": 1.0, "shoulder": 1.0, "knee": 1.0, "ankle": 1.5, "ear": 1.0, "eye": 1.0, "nose": 0.5,
          "heel": 1.0, "toe": 0.5}  # fmt: skip
_WEIGHT = np.array([_TRUST.get(name.split("_")[-1], 0.3) for name in BODY21.joints])


class RootFit(NamedTuple):
    """What one frame says: depth, how surely, and x, y for any depth (`base` + `slope` × depth)."""

    depth_m: float
    log_depth_sd: float
    base: Float64
    slope: Float64

    def at(self, depth_m: float) -> Float64:
        """Root (3,) at a depth."""
        x, y = (self.base + self.slope * depth_m).tolist()
        return np.array([x, y, depth_m])


def solve_root(rays: Floats, confidence: Floats, joints_cam: Floats) -> Float64 | None:
    """Translation (3,) that puts joints_cam (26,3) onto the rays (21,2); see `fit_root`."""
    fit = fit_root(rays, confidence, joints_cam)
    return None if fit is None else fit.at(fit.depth_m)


def fit_root(rays: Floats, confidence: Floats, joints_cam: Floats) -> RootFit | None:
    """Fit joints_cam (26,3) onto the rays (21,2) with confidence (21,), joints off their ray counting less.

    None where fewer than four joints are seen or the figure would not be in front of the camera.
    """
    points = np.asarray(joints_cam, np.float64)[FROM_BODY21]
    weight = base = _WEIGHT * np.where(confidence > 0.05, confidence, 0.0) ** 2
    if np.count_nonzero(base) < MIN_JOINTS:
        return None
    target = np.where(base[:, None] > 0, rays * points[:, 2:] - points[:, :2], 0.0)
    u = np.where(base[:, None] > 0, rays, 0.0).astype(np.float64)
    for _ in range(ROUNDS - 1):
        fit = _least_squares(u, target, weight)
        if fit is None:
            return None
        weight = base / (1.0 + _misses(fit, u, target) / RESIDUAL_M**2)
    fit = _least_squares(u, target, weight)
    if fit is None:
        return None
    misfit = math.sqrt(float(base @ _misses(fit, u, target)) / float(base.sum()) / 2) / JOINT_SD_M
    return fit._replace(log_depth_sd=fit.log_depth_sd * max(misfit, 1.0))


def _misses(fit: RootFit, u: Float64, target: Float64) -> Float64:
    """Squared distances (J,) of joints from their rays, m²."""
    residual = fit.base + (fit.slope - u) * fit.depth_m - target
    return np.asarray(np.vecdot(residual, residual))


def _least_squares(u: Float64, target: Float64, weight: Float64) -> RootFit | None:
    """Minimise Σ w |T_xy - u Tz - target|²: eliminate T_xy by centring, then one division.

    None where that is no place before the camera.
    """
    total = float(weight.sum())
    share = weight / max(total, 1e-12)
    u_mean, target_mean = share @ u, share @ target
    du, dt = u - u_mean, target - target_mean
    spread = float(share @ np.vecdot(du, du))
    if spread < 1e-8:
        return None
    z = -float(share @ np.vecdot(du, dt)) / spread
    if not NEAREST_M < z < FARTHEST_M:
        return None
    sd = JOINT_SD_M / (math.sqrt(total * spread) * z)
    return RootFit(z, sd, target_mean, u_mean)


class RootTracker:
    """Root over time; depth is the noisy part and is smoothed most."""

    def __init__(self, smooth: float = 0.5) -> None:
        """`smooth` 0..1: 0 = every frame for itself."""
        self._depth = DepthFilter(smooth)
        self._direction = SteadyFilter(*strength(smooth, DIRECTION_HZ, DIRECTION_BETA))
        self.value: Float64 | None = None
        """(3,) metres, the last root; None before the first."""
        self.velocity: Float64 = np.zeros(3)

    def tune(self, smooth: float) -> None:
        """Another strength from the next frame on; nothing is forgotten."""
        self._depth.tune(smooth)
        self._direction.tune(*strength(smooth, DIRECTION_HZ, DIRECTION_BETA))

    def reset(self) -> None:
        """Forget everything."""
        self._depth.reset()
        self._direction.reset()
        self.value, self.velocity = None, np.zeros(3)

    def loosen(self) -> None:
        """Forget the motion, but not about how far away the person was: they were lost for a moment."""
        self._depth.loosen()
        self._direction.reset()
        self.velocity = np.zeros(3)

    def update(self, rays: Floats, confidence: Floats, joints_cam: Floats, dt_s: float) -> Float64 | None:
        """Solve and smooth one frame. The last root (or None) where this frame gives none."""
        fit = fit_root(rays, confidence, joints_cam)
        if fit is None or (fit.log_depth_sd > VAGUEST and self.value is None):
            return self.value
        z = math.exp(self._depth(math.log(fit.depth_m), fit.log_depth_sd, dt_s))
        root = fit.at(z)
        x, y = (self._direction(root[None, :2] / z, dt_s)[0] * z).tolist()
        self.value = np.array([x, y, z])
        self.velocity = self._rate(z)
        return self.value

    def _rate(self, z: float) -> Float64:
        """Velocity (3,) m/s by the chain rule from the two filters' own velocities."""
        if self._direction.velocity is None or self.value is None:
            return np.zeros(3)
        z_rate = z * self._depth.rate
        x_rate, y_rate = (self._direction.velocity[0] * z + self.value[:2] / z * z_rate).tolist()
        return np.array([x_rate, y_rate, z_rate])


class DepthFilter:
    """Kalman filter of the logarithm of depth and its rate (1/s), in which every frame has its own worth.

    Relative motion makes near and far alike. Errors of lifted depth go on for `PULL_S`, so that many frames
    a second tell no more than few: a frame's variance counts `PULL_S` / step times.
    """

    def __init__(self, smooth: float = 0.5) -> None:
        self.tune(smooth)
        self.reset()

    def tune(self, smooth: float) -> None:
        """Another strength from the next depth on."""
        self._share = math.inf if smooth == 0 else (0.5 / smooth) ** 2.5

    def reset(self) -> None:
        """Forget everything; the next depth is taken as it is."""
        self.level, self.rate = math.nan, 0.0
        self._var, self._cov, self._rate_var = 0.0, 0.0, START_RATE**2

    def loosen(self) -> None:
        """Keep the level as a rough guess."""
        self.rate, self._cov, self._rate_var = 0.0, 0.0, START_RATE**2
        self._var = max(self._var, FOUND_AGAIN_SD**2)

    def __call__(self, log_depth: float, sd: float, dt_s: float) -> float:
        """Filter one log depth of standard deviation `sd`, taken `dt_s` after the last one; 0 at a start."""
        if math.isnan(self.level):
            self.level, self._var = log_depth, sd * sd
            return log_depth
        self._predict(dt_s)
        noise = sd * sd * max(PULL_S / (dt_s or FIRST_STEP_S), 1.0) / self._share
        total = self._var + noise
        error, most = log_depth - self.level, SURPRISE * math.sqrt(total)
        gain, rate_gain = self._var / total, self._cov / total
        if noise > 0:
            error = min(max(error, -most), most)
            self.level += gain * error
        else:
            self.level = log_depth
        self.rate += rate_gain * error
        self._rate_var -= rate_gain * self._cov
        self._var, self._cov = (1 - gain) * self._var, (1 - gain) * self._cov
        return self.level

    def _predict(self, dt_s: float) -> None:
        """Go on at the same rate, which becomes less certain."""
        q = RESTLESS**2
        self.level += self.rate * dt_s
        self._var += dt_s * (2 * self._cov + dt_s * self._rate_var) + q * dt_s**3 / 3
        self._cov += dt_s * self._rate_var + q * dt_s * dt_s / 2
        self._rate_var += q * dt_s
