"""The fisheye lens by Levenberg-Marquardt from the poses of an ordinary fit.

OpenCV's own fisheye calibration starts from nothing, and diverges as soon as some views are partial.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

ITERATIONS = 40
CAMERA = 8
"""fx, fy, cx, cy, k1..k4."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where to begin: focal lengths and centre (4,), and per view the pose (6,), rotation vector first."""

    camera: Float64
    poses: list[Float64]


def fit_fisheye(
    boards: list[Float64], points: list[Float64], start: Start
) -> tuple[Float64, list[Float64], list[Float64]] | None:
    """Camera (8,), poses V × (6,) and projections V × (n,2) that fit `points` V × (n,2) best.

    boards V × (n,3). None where it does not converge.
    """
    camera, poses = np.concatenate([start.camera, np.zeros(4)]), list(start.poses)
    damping, (there, normal, gradient) = 1e-3, _linearise(boards, points, camera, poses)
    cost = _cost(there, points)
    for _ in range(ITERATIONS):
        try:
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), gradient)
        except np.linalg.LinAlgError:
            return None
        tried = camera + step[:CAMERA]
        tried_poses = [pose + step[CAMERA + 6 * i :][:6] for i, pose in enumerate(poses)]
        answer = _linearise(boards, points, tried, tried_poses)
        new = _cost(answer[0], points)
        if not new < cost:  # NaN is not
            damping *= 10
            if damping > 1e8:
                break
            continue
        done = cost - new < 1e-9 * cost
        camera, poses, cost, damping = tried, tried_poses, new, max(damping / 10, 1e-9)
        there, normal, gradient = answer
        if done:
            break
    return (camera, poses, there) if np.isfinite(cost) else None


def _linearise(
    boards: list[Float64], points: list[Float64], camera: Float64, poses: list[Float64]
) -> tuple[list[Float64], Float64, Float64]:
    """Projections, JᵀJ and Jᵀ(points - projections). OpenCV's columns: f, c, k, rotation, shift, skew."""
    size = CAMERA + 6 * len(poses)
    normal, gradient, there = np.zeros((size, size)), np.zeros(size), []
    K = np.array([[camera[0], 0, camera[2]], [0, camera[1], camera[3]], [0, 0, 1]])
    for i, (board, seen, pose) in enumerate(zip(boards, points, poses, strict=True)):
        projected, jacobian = cv2.fisheye.projectPoints(
            board.reshape(-1, 1, 3), pose[:3].reshape(3, 1), pose[3:].reshape(3, 1), K, camera[4:]
        )
        pixels = np.asarray(projected, np.float64).reshape(-1, 2)
        J = np.asarray(jacobian, np.float64)[:, : CAMERA + 6]
        own = np.r_[0:CAMERA, CAMERA + 6 * i : CAMERA + 6 * i + 6]
        normal[np.ix_(own, own)] += J.T @ J
        gradient[own] += J.T @ (seen - pixels).ravel()
        there.append(pixels)
    return there, normal, gradient


def _cost(there: list[Float64], points: list[Float64]) -> float:
    return float(sum(((a - b) ** 2).sum() for a, b in zip(there, points, strict=True)))
