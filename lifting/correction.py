"""Correction of a lifted pose by the picture it came from, under the true camera, with rigid bones.

The live form of the projection-based correction of 3D Human Pose Machines (Wang et al., TPAMI 2019;
`lifting.models.refinement` has the published one): in place of a learned projector the true perspective
camera, in place of a network's weights the pose itself, in place of stopping early a prior that says how far
the pose may go.

The body is cut into rigid parts g (hips, spine, shoulder girdle, head, limbs, feet). The links of a part turn
together, so that all lengths and the angles inside a part stay. With ω_g the rotation vector of a part, X_j
the joints, T the root and d_j the unit ray of joint j's observation, minimise over ω and T

    Σ_j w_j ρ(|A_j (X_j(ω) + T)|) / σ²  +  Σ_g |ω_g|² / τ_g²          A_j = I - d_j d_jᵀ

A_j (X_j + T) is the way from the joint to its ray in metres, w_j the squared confidence and
ρ(r) = s² log(1 + r²/s²) (Cauchy), which lets go of joints far off their ray. Gauss-Newton, T
solved along.

Along the ray a picture says nothing; there the pose stays the network's, and so does a part nobody saw.
Detectors do not see the skeleton's joints exactly (`training.joint_offsets`), so a perfect fit would bend the
body. σ and τ were chosen on held-out synthetic people and checked on real clips: docs/correction.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BODY21, SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

SEEN = 0.3
"""2D confidence from which a joint pulls."""
MIN_JOINTS = 6
"""With fewer seen joints the root is too uncertain to correct anything."""
WIDEST_RAY = 10.0
"""x/z or y/z beyond which an observation is no observation."""
RAY_SD_M = 0.03
"""σ: distance of a joint from its ray in a right pose; noise and definition of the detector's joint."""
OUTLIER_M = 0.08
"""s: distance from the ray beyond which a joint's pull falls."""
ROUNDS, ROOT_ROUNDS = 2, 3
"""Gauss-Newton steps (a third one moves joints by less than a millimetre); reweightings of the first root."""
NEAREST_M, FARTHEST_M = 0.2, 60.0
WEAKEST = 1e-6
"""A strength that counts as none."""
MEMORY_S = 0.1
"""Time constant with which a live correction follows; keeps the detector's jitter out of the pose."""

PARTS: dict[str, tuple[float, tuple[str, ...]]] = {
    "hips": (4.0, ("left_hip", "right_hip")),
    "spine": (4.0, ("spine", "chest")),
    "girdle": (4.0, ("neck", "left_shoulder", "right_shoulder")),
    "head": (6.0, ("head", "nose", "left_eye", "right_eye", "left_ear", "right_ear")),
    **{f"{side}_upper_arm": (8.0, (f"{side}_elbow",)) for side in ("left", "right")},
    **{f"{side}_forearm": (10.0, (f"{side}_wrist",)) for side in ("left", "right")},
    **{f"{side}_thigh": (5.0, (f"{side}_knee",)) for side in ("left", "right")},
    **{f"{side}_shank": (6.0, (f"{side}_ankle",)) for side in ("left", "right")},
    **{f"{side}_foot": (8.0, (f"{side}_heel", f"{side}_toe")) for side in ("left", "right")},
}
"""Rigid parts: τ in degrees, and the joints at which their links end."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """A corrected pose and where it stands."""

    joints_cam: Float64
    """(26,3) metres, camera axes, relative to mid-hip."""
    root_cam: Float64 | None
    """(3,) metres, mid-hip in camera axes; None where it could not be found and the pose is as it was."""
    turned: Float64
    """(G,3) rotation vectors of `PARTS`, camera axes, radians."""


def correct(joints_cam: Floats, rays: Floats, confidence: Floats, *, strength: float = 1.0) -> Corrected:
    """Move one pose towards the rays it was seen along; see the module's text.

    joints_cam (26,3) metres, camera axes, relative to mid-hip; rays (21,2) x/z, y/z and confidence (21,) of
    BODY21, anything where unseen. `strength` divides σ: 0 changes nothing. A pose that is not finite, or one
    whose root cannot be found, comes back as it was; so does one that would fit its rays worse than before.
    Raises ValueError for other shapes.
    """
    _check(joints_cam, rays, confidence)
    joints = np.array(joints_cam, np.float64)  # a copy: it may be what is returned
    turned = np.zeros((_PARTS, 3))
    A, weight = _observations(rays, confidence)
    if np.count_nonzero(weight) < MIN_JOINTS or not np.isfinite(joints).all():
        return Corrected(joints, None, turned)
    links = _links(joints)
    root = _first_root(A, _SEEN_PATH @ links, weight)
    if root is None:
        return Corrected(joints, None, turned)
    found, bent, better = _fit(A, weight, links, root, (RAY_SD_M / (max(strength, WEAKEST) * _TAU)) ** 2)
    before, after = (
        _misfit(_away(A, _SEEN_PATH @ x + T), weight) for x, T in ((links, root), (bent, better))
    )
    if strength <= WEAKEST or not after <= before:
        return Corrected(joints, root + _mid_hip(joints), turned)
    moved = _PATH @ bent
    return Corrected(moved - _mid_hip(moved) + _mid_hip(joints), better + _mid_hip(moved), found)


def turn_parts(joints_cam: Floats, turned: Floats) -> Float64:
    """The pose (26,3) with its parts turned by rotation vectors (G,3); mid-hip stays."""
    joints = np.asarray(joints_cam, np.float64)
    moved = _PATH @ _turn(_links(joints), np.asarray(turned, np.float64))
    return moved - (_mid_hip(moved) - _mid_hip(joints))


class SteadyCorrection:
    """Corrects one person's poses live: the parts' rotations follow `correct` with a short memory.

    Frame by frame, the correction would carry the detector's jitter into the pose; most of what it corrects
    changes slowly.
    """

    def __init__(self, strength: float = 1.0, memory_s: float = MEMORY_S) -> None:
        """Raises ValueError for a negative strength or memory."""
        if strength < 0 or memory_s < 0:
            raise ValueError(f"strength and memory cannot be negative, got {strength} and {memory_s}")
        self._strength, self._memory_s = strength, memory_s
        self._turned: Float64 | None = None

    def reset(self) -> None:
        """Forget the past, for a new person or after a jump."""
        self._turned = None

    def update(self, joints_cam: Floats, rays: Floats, confidence: Floats, dt_s: float) -> Float64:
        """Correct one frame, `dt_s` seconds after the last; arguments as for `correct`. Returns (26,3)."""
        found = correct(joints_cam, rays, confidence, strength=self._strength)
        if not np.isfinite(found.joints_cam).all():
            return found.joints_cam
        if self._turned is None:
            self._turned = found.turned
        elif self._memory_s > 0:
            share = -math.expm1(-max(dt_s, 0.0) / self._memory_s)
            self._turned = self._turned + share * (found.turned - self._turned)
        else:
            self._turned = found.turned
        return turn_parts(joints_cam, self._turned)


def _check(joints_cam: Floats, rays: Floats, confidence: Floats) -> None:
    expected = ((_JOINTS, 3), (len(BODY21), 2), (len(BODY21),))
    given = (np.shape(joints_cam), np.shape(rays), np.shape(confidence))
    if given != expected:
        raise ValueError(f"joints, rays and confidence must have the shapes {expected}, got {given}")


def _observations(rays: Floats, confidence: Floats) -> tuple[Float64, Float64]:
    """A (21,3,3) of every observation and its weight (21,), 0 where unseen."""
    trust, rays = np.asarray(confidence, np.float64), np.asarray(rays, np.float64)
    usable = (trust >= SEEN) & (np.abs(rays) < WIDEST_RAY).all(axis=1)  # False for NaN
    weight = np.where(usable, np.minimum(trust, 1.0) ** 2, 0.0)
    d = np.ones((len(rays), 3))
    d[:, :2] = np.where(usable[:, None], rays, 0.0)
    d /= np.sqrt((d * d).sum(axis=1, keepdims=True))
    return _EYE - d[:, :, None] * d[:, None, :], weight


def _first_root(A: Float64, points: Float64, weight: Float64) -> Float64 | None:
    """T (3,) that brings points (21,3) nearest to their rays: (Σ w A) T = -Σ w A X, reweighted."""
    toward: Float64 = (A @ points[:, :, None])[:, :, 0]
    pull, flat = weight, A.reshape(-1, 9)
    for _ in range(ROOT_ROUNDS):
        total = (pull @ flat).reshape(3, 3)
        # A has the eigenvalues 0, 1, 1; the determinant is 0 where all rays are one.
        if np.linalg.det(total) < 1e-6 * pull.sum() ** 3:
            return None
        root = cast(Float64, -np.linalg.solve(total, pull @ toward))
        if not NEAREST_M < root[2] < FARTHEST_M:
            return None
        pull = _pull(_away(A, points + root), weight)
    return root


def _fit(
    A: Float64, weight: Float64, straight: Float64, root: Float64, stiffness: Float64
) -> tuple[Float64, Float64, Float64]:
    """Gauss-Newton from the network's links (26,3) and their root: rotations (G,3), links, root (3,)."""
    turned, links, prior = np.zeros((_PARTS, 3)), straight, np.repeat(stiffness, 3)
    for _ in range(ROUNDS):
        away = _away(A, _SEEN_PATH @ links + root)
        omega, step = _newton(A, links, away, _pull(away, weight), prior, turned)
        turned, root = turned + omega, root + step
        links = _turn(straight, turned)
    return turned, links, root


def _newton(
    A: Float64, links: Float64, away: Float64, pull: Float64, prior: Float64, turned: Float64
) -> tuple[Float64, Float64]:
    """One step: how far each part turns (G,3) and the root moves (3,).

    A joint moves by ω × (the links of the part on its way from the pelvis), hence the rows of J.
    """
    lever = (_LEVER @ links).reshape(-1, 3) @ _CROSS  # (21·G,9)
    lever = lever.reshape(-1, _PARTS, 3, 3).transpose(0, 2, 1, 3).reshape(-1, 3, 3 * _PARTS)
    J = np.concatenate([A @ lever, A], axis=2).reshape(-1, 3 * _PARTS + 3)  # (63,3G+3)
    weighted = J * np.repeat(pull, 3)[:, None]
    normal, slope = weighted.T @ J, weighted.T @ away.reshape(-1)
    normal[_DIAGONAL, _DIAGONAL] += prior
    slope[: 3 * _PARTS] += prior * turned.reshape(-1)
    step = -np.linalg.solve(normal, slope)
    return step[:-3].reshape(-1, 3), step[-3:]


def _turn(links: Float64, omega: Float64) -> Float64:
    """Every link turned by its part's rotation vector (Rodrigues); row 0, the pelvis, stays."""
    angle = np.sqrt((omega * omega).sum(axis=1) + 1e-24)[:, None, None]
    sine, versine = np.sin(angle) / angle, 2 * (np.sin(angle / 2) / angle) ** 2  # (1 - cos a) / a²
    cross = (omega @ _CROSS).reshape(-1, 3, 3).swapaxes(1, 2)  # ω ×
    R = np.empty((_PARTS + 1, 3, 3))
    R[:-1] = _EYE + sine * cross + versine * (cross @ cross)
    R[-1] = _EYE
    out: Float64 = (R[_PART_OF] @ links[:, :, None])[:, :, 0]
    return out


def _links(joints: Float64) -> Float64:
    """(26,3) each joint minus its parent; row 0 is the pelvis itself."""
    links: Float64 = joints - joints[_PARENTS]
    links[0] = joints[0]
    return links


def _mid_hip(joints: Float64) -> Float64:
    middle: Float64 = (joints[_LEFT_HIP] + joints[_RIGHT_HIP]) / 2
    return middle


def _away(A: Float64, points: Float64) -> Float64:
    """(21,3) from each ray to its joint."""
    way: Float64 = (A @ points[:, :, None])[:, :, 0]
    return way


def _pull(away: Float64, weight: Float64) -> Float64:
    """Weights of the reweighted least squares: ρ'(r) / 2r."""
    pull: Float64 = weight / (1.0 + (away * away).sum(axis=1) / OUTLIER_M**2)
    return pull


def _misfit(away: Float64, weight: Float64) -> float:
    """Σ w ρ, up to its factor."""
    return float(weight @ np.log1p((away * away).sum(axis=1) / OUTLIER_M**2))


_JOINTS, _PARTS = len(SEALCAP26), len(PARTS)
_LEFT_HIP, _RIGHT_HIP = SEALCAP26.indices("left_hip", "right_hip")
_PARENTS = np.array([max(parent, 0) for parent in SEALCAP26.parents])
_TAU = np.radians([degrees for degrees, _ in PARTS.values()])
_EYE, _DIAGONAL = np.eye(3), np.arange(3 * _PARTS)
# v @ _CROSS, as (3,3), is the matrix of ω → ω × v; its transpose that of u → v × u.
_CROSS = np.array(
    [[0, 0, 0, 0, 0, 1, 0, -1, 0], [0, 0, -1, 0, 0, 0, 1, 0, 0], [0, 1, 0, -1, 0, 0, 0, 0, 0]], np.float64
)


def _part_of_links() -> NDArray[np.intp]:
    """(26,) part of the link that ends at each joint; the pelvis, which has none, gets the part count."""
    part = np.full(_JOINTS, _PARTS)
    for g, (_, ends) in enumerate(PARTS.values()):
        part[SEALCAP26.indices(*ends)] = g
    return part


def _paths() -> Float64:
    """(26,26) [j, l] = 1 where link l lies on the way from the pelvis, itself included, to joint j."""
    path = np.eye(_JOINTS)
    for j, parent in enumerate(SEALCAP26.parents):
        path[j] += path[parent] if parent >= 0 else 0.0
    return path


_PART_OF, _PATH = _part_of_links(), _paths()
_SEEN_PATH = _PATH[SEALCAP26.indices(*BODY21.joints)]
_LEVER = (_SEEN_PATH[:, None, :] * np.eye(_PARTS + 1)[:-1, _PART_OF]).reshape(-1, _JOINTS)
"""(21·G,26) sums the links of part g on the way to observed joint j."""
