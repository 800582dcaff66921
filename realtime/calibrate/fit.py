"""From views to a camera: Zhang's method (OpenCV), the simplest lens that explains them, no outliers.

Z. Zhang, A flexible new technique for camera calibration, PAMI 2000. How sure the result is comes from
leaving out a tenth of the views at a time (delete-d jackknife): unlike the covariance of one fit, that also
feels a bent board or a rolling shutter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from lifting.calibration import Calibration
from lifting.lens import LensModel
from realtime.calibrate.fisheye import Start, fit_fisheye
from realtime.calibrate.views import View

Float64 = NDArray[np.float64]
Step = Callable[[float], None]
"""Told the share of the work that is done."""

MIN_VIEWS = 6
"""Fewer cannot be checked against each other."""
KEEP = 0.7
"""At least this share of the views stays."""
OUTLIER = 3.0
"""A view whose error exceeds the median so many times (1.4826 MAD) is dropped,"""
OUTLIER_FLOOR = 1.5
"""if it also exceeds the median by this factor."""
ROUNDS = 3
BETTER = 0.97
"""A lens with more coefficients is taken where it lowers the error to this share."""
GROUPS = 10
"""Of the jackknife."""
CRITERIA = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 60, 1e-9)

_BROWN = cv2.CALIB_FIX_K3, 0, cv2.CALIB_RATIONAL_MODEL
"""OpenCV flags of the brown lenses from simple to rich: k1 k2 p1 p2, + k3, + k4 k5 k6."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A camera and how well it explains the views."""

    K: Float64
    """(3,3) pixels."""
    lens: LensModel
    distortion: tuple[float, ...]
    errors_px: Float64
    """(V,) root mean square reprojection error of every view."""
    tilts_deg: Float64
    """(V,) between the board's normal and the viewing direction to its middle."""
    views: list[View]

    @property
    def rms_px(self) -> float:
        """Over all corners."""
        counts = np.array([len(v.seen.points_px) for v in self.views])
        return float(np.sqrt((self.errors_px**2 * counts).sum() / counts.sum()))

    def calibration(self, size: tuple[int, int]) -> Calibration:
        """The bare camera for a file. Raises pydantic's ValidationError where no lens can be like this."""
        (fx, _, cx), (_, fy, cy), _ = np.round(self.K, 3).tolist()
        matrix = ((fx, 0.0, cx), (0.0, fy, cy), (0.0, 0.0, 1.0))
        return Calibration(
            image_size=size,
            camera_matrix=matrix,
            lens=self.lens,
            distortion=tuple(round(k, 8) for k in self.distortion),
            rms_px=round(self.rms_px, 4),
        )


@dataclass(frozen=True)
class Result:
    """A fit that a calibration file takes, and its uncertainty."""

    fit: Fit
    dropped: int
    """Views that did not agree with the rest."""
    focal_std_px: float
    centre_std_px: float


def calibrate(
    views: list[View], size: tuple[int, int], wanted: LensModel | None, step: Step
) -> Result | None:
    """The camera behind the views; `wanted` None chooses the lens. None where no lens fits them."""
    ranking = _ranking(views, size, wanted)
    step(0.3)
    for solve in ranking:
        fit = _settle(solve, views, size)
        if fit is not None and _possible(fit, size):
            step(0.5)
            return Result(fit, len(views) - len(fit.views), *_jackknife(fit, solve, size, step))
    return None


Solve = Callable[[list[View], tuple[int, int]], Fit | None]


def _ranking(views: list[View], size: tuple[int, int], wanted: LensModel | None) -> list[Solve]:
    """Lenses that can be, the simplest first after which a richer one brings nothing, then by error.

    Medians over views: outliers do not vote.
    """
    simple, cubic, rational = (_brown(flags) for flags in _BROWN)
    candidates: list[Solve] = [simple, cubic, _fisheye, rational]
    if wanted is not None:
        candidates = [_fisheye] if wanted == "fisheye" else [simple, cubic, rational]
    rated: list[tuple[float, Solve]] = []
    best: tuple[float, Solve] | None = None
    for solve in candidates:
        fit = solve(views, size)
        if fit is None or not _possible(fit, size):
            continue
        rated.append((float(np.median(fit.errors_px)), solve))
        if best is None or rated[-1][0] < BETTER * best[0]:
            best = rated[-1]
    return [solve for _, solve in sorted(rated, key=lambda r: (r is not best, r[0]))]


def _settle(solve: Solve, views: list[View], size: tuple[int, int]) -> Fit | None:
    """Fit, drop outliers, and again."""
    fit = solve(views, size)
    least = max(MIN_VIEWS, int(np.ceil(KEEP * len(views))))
    for _ in range(ROUNDS):
        if fit is None:
            return None
        fewer = _without_outliers(fit, least)
        if len(fewer) == len(fit.views):
            break
        fit = solve(fewer, size)
    return fit


def _possible(fit: Fit, size: tuple[int, int]) -> bool:
    """Whether a calibration file would take it: a field of view that exists, nothing folded over."""
    try:
        fit.calibration(size)
    except ValidationError:
        return False
    return True


def _brown(flags: int) -> Solve:
    def solve(views: list[View], size: tuple[int, int]) -> Fit | None:
        try:
            _, K, distortion, rotations, shifts = cv2.calibrateCamera(
                _board_points(views), _points(views), size, None, None, flags=flags, criteria=CRITERIA
            )
        except cv2.error:
            return None
        count = 8 if flags & cv2.CALIB_RATIONAL_MODEL else 5
        coefficients = np.asarray(distortion, np.float64).ravel()
        there = [
            cv2.projectPoints(board, r, t, K, distortion)[0]
            for board, r, t in zip(_board_points(views), rotations, shifts, strict=True)
        ]
        return _fit(views, K, "brown", coefficients[:count], there, rotations, shifts)

    return solve


def _fisheye(views: list[View], size: tuple[int, int]) -> Fit | None:
    """From the camera and poses of an ordinary lens."""
    boards = [b.astype(np.float64) for b in _board_points(views)]
    points = [v.seen.points_px.astype(np.float64) for v in views]
    try:
        _, K, _, rotations, shifts = cv2.calibrateCamera(
            _board_points(views), _points(views), size, None, None, flags=_BROWN[0], criteria=CRITERIA
        )
        poses = [np.concatenate([np.ravel(r), np.ravel(t)]) for r, t in zip(rotations, shifts, strict=True)]
        found = fit_fisheye(boards, points, Start(np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]]), poses))
    except cv2.error:
        return None
    if found is None:
        return None
    camera, poses, there = found
    matrix = np.array([[camera[0], 0, camera[2]], [0, camera[1], camera[3]], [0, 0, 1.0]])
    rotations, shifts = [p[:3] for p in poses], [p[3:] for p in poses]
    return _fit(views, matrix, "fisheye", camera[4:], there, rotations, shifts)


def _fit(
    views: list[View],
    K: Float64,
    lens: LensModel,
    distortion: Float64,
    there: Sequence[Any],
    rotations: Sequence[Any],
    shifts: Sequence[Any],
) -> Fit | None:
    errors = np.array(
        [
            np.sqrt(((np.reshape(t, (-1, 2)) - v.seen.points_px) ** 2).sum(axis=1).mean())
            for t, v in zip(there, views, strict=True)
        ]
    )
    values = (K, distortion, errors)
    if not all(np.isfinite(value).all() for value in values) or min(K[0, 0], K[1, 1]) <= 0:
        return None
    tilts = np.array([_tilt_deg(v, r, t) for v, r, t in zip(views, rotations, shifts, strict=True)])
    return Fit(np.asarray(K, np.float64), lens, tuple(map(float, distortion)), errors, tilts, views)


def _tilt_deg(view: View, rotation: Float64, shift: Float64) -> float:
    R = np.asarray(cv2.Rodrigues(np.asarray(rotation).reshape(3, 1))[0], np.float64)
    middle = R @ np.append(view.seen.board_mm.mean(axis=0), 0.0) + np.asarray(shift).ravel()
    cosine = abs(R[:, 2] @ middle) / max(float(np.linalg.norm(middle)), 1e-9)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def _without_outliers(fit: Fit, least: int) -> list[View]:
    """The views whose error is no exception, but at least so many."""
    errors = fit.errors_px
    middle = float(np.median(errors))
    spread = 1.4826 * float(np.median(np.abs(errors - middle)))
    limit = max(middle + OUTLIER * spread, OUTLIER_FLOOR * middle)
    order = np.argsort(errors)
    kept = [int(i) for rank, i in enumerate(order) if errors[i] <= limit or rank < least]
    return [fit.views[i] for i in sorted(kept)]


def _jackknife(fit: Fit, solve: Solve, size: tuple[int, int], step: Step) -> tuple[float, float]:
    """Standard deviations of fx and of the optical axis (larger coordinate), pixels; inf where unknown."""
    groups = min(GROUPS, len(fit.views))
    found = []
    for group in range(groups):
        rest = [v for i, v in enumerate(fit.views) if i % groups != group]
        again = solve(rest, size) if len(rest) >= 3 else None
        if again is not None:
            found.append((again.K[0, 0], again.K[0, 2], again.K[1, 2]))
        step(0.5 + 0.5 * (group + 1) / groups)
    if len(found) < max(3, groups - 1):
        return float("inf"), float("inf")
    values = np.array(found)
    variance = (len(found) - 1) * ((values - values.mean(axis=0)) ** 2).mean(axis=0)
    std = np.sqrt(variance)
    return float(std[0]), float(std[1:].max())


def _board_points(views: list[View]) -> list[NDArray[np.float32]]:
    return [np.pad(v.seen.board_mm, ((0, 0), (0, 1))).astype(np.float32) for v in views]


def _points(views: list[View]) -> list[NDArray[np.float32]]:
    return [v.seen.points_px.reshape(-1, 1, 2) for v in views]
