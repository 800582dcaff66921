"""Our world axes and everybody else's, both ways.

The world here is right-handed, Y up, in metres; the person's left is +X when facing +Z (glTF, VRM 1.0 and
SMPL agree, so does BVH as we write it). Others differ by a signed permutation M of the axes: points turn into
M p; a rotation by an angle about an axis a keeps its angle up to the sense, q = (a sin, cos) turns into
(det(M) M a sin, cos), which is the quaternion of M R Mᵀ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Axes:
    """One convention."""

    name: str
    matrix: Float64
    """(3,3) a signed permutation; its rows are the other axes told in ours."""

    @cached_property
    def _turn(self) -> Float64:
        """(4,4) for rotations xyzw: in a left-handed world they turn the other way about the axes."""
        turn = np.eye(4)
        turn[:3, :3] = round(float(np.linalg.det(self.matrix))) * self.matrix
        return turn

    def points(self, world: Float64) -> Float64:
        """Points or directions (...,3) of our world, told in these axes."""
        return np.asarray(world @ self.matrix.T)

    def points_to_world(self, points: Float64) -> Float64:
        """The inverse of `points`."""
        return np.asarray(points @ self.matrix)

    def rotations(self, world: Float64) -> Float64:
        """Rotations (...,4) xyzw of our world, told in these axes."""
        return np.asarray(world @ self._turn.T)

    def rotations_to_world(self, q: Float64) -> Float64:
        """The inverse of `rotations`."""
        return np.asarray(q @ self._turn)


def _axes(name: str, *rows: tuple[int, int, int]) -> Axes:
    matrix = np.array(rows, np.float64)
    matrix.flags.writeable = False
    return Axes(name, matrix)


UNITY = _axes("Unity", (-1, 0, 0), (0, 1, 0), (0, 0, 1))
"""Left-handed, Y up, faces +Z, left is -X: Unity, VMC, VRChat."""
BLENDER = _axes("Blender", (1, 0, 0), (0, 0, -1), (0, 1, 0))
"""Right-handed, Z up, faces -Y, left is +X."""
ROS = _axes("ROS", (0, 0, 1), (1, 0, 0), (0, 1, 0))
"""Right-handed, X forward, Y left, Z up (REP-103); C3D as biomechanics has it."""
OPENSIM = _axes("OpenSim", (0, 0, 1), (0, 1, 0), (-1, 0, 0))
"""Right-handed, X forward, Y up, Z right: OpenSim, TRC, ISB."""
