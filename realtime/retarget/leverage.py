"""How points of a robot move with its joints, many points at once.

MuJoCo keeps, of every degree of freedom, the turn and the shift that a unit of it gives to the whole tree
(`cdof`, about the tree's centre of mass). A point p on a body then moves by
    shift + turn × (p - centre)
with those degrees of freedom that carry its body. `mj_jac` says the same of one point at a time.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from realtime.solve.quaternions import Float64


def carrying(model: mujoco.MjModel, body: int) -> NDArray[np.bool_]:
    """(nv,) which degrees of freedom move a body; none move the world."""
    out = np.zeros(model.nv, bool)
    while body > 0:
        first, count = int(model.body_dofadr[body]), int(model.body_dofnum[body])
        out[first : first + count] = True
        body = int(model.body_parentid[body])
    return out


class Points:
    """Points on some bodies (P,) of a model, always the same bodies."""

    def __init__(self, model: mujoco.MjModel, bodies: NDArray[np.intp]) -> None:
        self._roots = model.body_rootid[bodies]
        self._carried = np.array([carrying(model, int(body)) for body in bodies], np.float64)
        self._carried = self._carried.reshape(len(bodies), model.nv)

    def along(self, data: mujoco.MjData, which: NDArray[np.intp], at: Float64, n: Float64) -> Float64:
        """(R,nv) how points `at` (R,3) of the bodies with numbers `which` (R,) move along `n` (R,3)."""
        turn, shift = data.cdof[:, :3], data.cdof[:, 3:]
        arm = at - data.subtree_com[self._roots[which]]
        moved = cross(arm, n) @ turn.T + n @ shift.T
        return np.asarray(moved * self._carried[which])

    def move(self, data: mujoco.MjData, at: Float64) -> Float64:
        """(P,3,nv) how points `at` (P,3), one on each body, move."""
        turn, shift = data.cdof[:, :3], data.cdof[:, 3:]
        arm = at - data.subtree_com[self._roots]
        moved = shift + cross(turn[None], arm[:, None])  # (P,nv,3)
        return np.asarray((moved * self._carried[..., None]).transpose(0, 2, 1))


def cross(a: Float64, b: Float64) -> Float64:
    """Cross products of rows (...,3); numpy's own takes several times as long for a few."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    x = ay * bz - az * by
    out = np.empty((*x.shape, 3))
    out[..., 0], out[..., 1], out[..., 2] = x, az * bx - ax * bz, ax * by - ay * bx
    return out
