"""Where the figure stands: pelvis translation in camera axes, metres, from rays and relative joints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BODY21, SEALCAP26
from realtime.solve.steady import SteadyFilter

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

NEAREST_M, FARTHEST_M = 0.2, 60.0
MIN_JOINTS = 4
ROUNDS = 3
"""Reweighting rounds of the robust fit."""
RESIDUAL_M = 0.05
"""Disagreement of a joint with its ray beyond which its weight falls."""

FROM_BODY21 = np.array(SEALCAP26.indices(*BODY21.joints))
"""SEALCAP26 joint of every BODY21 joint."""

_TRUST = {"hip": 2.0, "shoulder": 2.0, "knee": 1.0, "ankle": 0.7, "ear": 0.5, "nose": 0.5, "eye": 0.5}
_WEIGHT = np.array([_TRUST.get(name.split("_")[-1], 0.3) for name in BODY21.joints])


def solve_root(rays: Floats, confidence: Floats, joints_cam: Floats) -> Float64 | None:
    """Translation (3,) that puts joints_cam (26,3) onto the rays (21,2) with confidence (21,).

    (X + Tx) = u (Z + Tz) and the like for y are linear in T: weighted least squares, reweighted so that
    joints off their ray lose influence (a Cauchy weight). None where fewer than four joints are seen or
    the figure would not be in front of the camera.
    """
    points = np.asarray(joints_cam, np.float64)[FROM_BODY21]
    base = _WEIGHT * np.where(confidence > 0.05, confidence, 0.0) ** 2
    if np.count_nonzero(base) < MIN_JOINTS:
        return None
    target = np.where(base[:, None] > 0, rays * points[:, 2:] - points[:, :2], 0.0)
    u = np.where(base[:, None] > 0, rays, 0.0).astype(np.float64)
    weight = base
    for _ in range(ROUNDS):
        root = _least_squares(u, target, weight)
        if root is None or not NEAREST_M < root[2] < FARTHEST_M:
            return None
        residual = root[:2] - u * root[2] - target
        weight = base / (1.0 + np.einsum("ji,ji->j", residual, residual) / RESIDUAL_M**2)
    return root


def _least_squares(u: Float64, target: Float64, weight: Float64) -> Float64 | None:
    """Minimise Σ w |T_xy - u Tz - target|²: eliminate T_xy by centring, then one division."""
    share = weight / max(float(weight.sum()), 1e-12)
    u_mean, target_mean = share @ u, share @ target
    du, dt = u - u_mean, target - target_mean
    spread = float(np.einsum("j,ji,ji->", share, du, du))
    if spread < 1e-8:
        return None
    z = -float(np.einsum("j,ji,ji->", share, du, dt)) / spread
    return np.append(target_mean + u_mean * z, z)


class RootTracker:
    """Root over time. Depth is the noisy part, so its logarithm is smoothed, more than the direction."""

    def __init__(self, depth: SteadyFilter, direction: SteadyFilter) -> None:
        """`depth` filters log metres (1,1), `direction` filters x/z, y/z (1,2)."""
        self._depth, self._direction = depth, direction
        self.value: Float64 | None = None
        """(3,) metres, the last root; None before the first."""
        self.velocity: Float64 = np.zeros(3)

    def reset(self) -> None:
        """Forget everything."""
        self._depth.reset()
        self._direction.reset()
        self.value, self.velocity = None, np.zeros(3)

    def update(self, rays: Floats, confidence: Floats, joints_cam: Floats, dt_s: float) -> Float64 | None:
        """Solve and smooth one frame. The last root (or None) where this frame gives none."""
        root = solve_root(rays, confidence, joints_cam)
        if root is None:
            return self.value
        z = float(np.exp(self._depth(np.log(root[None, 2:]), dt_s)[0, 0]))
        direction = self._direction(root[None, :2] / root[2], dt_s)[0]
        self.value = np.append(direction * z, z)
        self.velocity = self._rate(z)
        return self.value

    def _rate(self, z: float) -> Float64:
        """Velocity (3,) m/s by the chain rule from the two filters' own velocities."""
        if self._depth.velocity is None or self._direction.velocity is None or self.value is None:
            return np.zeros(3)
        z_rate = z * float(self._depth.velocity[0, 0])
        ray_rate = self._direction.velocity[0]
        return np.append(ray_rate * z + self.value[:2] / z * z_rate, z_rate)
