"""The robot on the page, beside the person: its own shapes where the model has them, else its capsules.

Meshes of robots have hundreds of thousands of faces, which a tablet would not draw: corners within
`GRID_M` become one.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from realtime.axes import ROS
from realtime.retarget.robot_model import RobotModel
from realtime.retarget.robot_pose import RobotCommand, RobotState
from realtime.solve.quaternions import from_matrix
from realtime.web.body import ball_mesh

Float64 = NDArray[np.float64]
Mesh = tuple[Float64, NDArray[np.int64]]

BESIDE_M = (1.2, 0.0, 0.0)
"""From the person to the robot: at their left."""
LEASH_M = 0.7
"""A robot that stands elsewhere in the world, such as one not armed yet, is shown this much off at most."""
GRID_M = 0.008
SECTORS = 16
CAPSULES, VISUAL = 4, 1
"""Groups of geoms: ours, and those that MuJoCo makes of a URDF's visual elements."""
STANDING_OPACITY = 0.75
MOVING = (RobotState.RAMPING, RobotState.FOLLOWING, RobotState.HOLDING)
_STILL = 1e-4
_FROM_ROS = from_matrix(ROS.matrix.T)
"""(4,) xyzw: robots' axes, Z up, in ours."""


class RobotFigure:
    """Scene nodes of one robot."""

    def __init__(self, server: Any, name: str, robot: RobotModel) -> None:
        self._robot, self._data = robot, mujoco.MjData(robot.model)
        scene = server.scene
        self._root = scene.add_frame(name, show_axes=False)
        self._bodies: dict[int, Any] = {}
        self._shown: dict[int, Float64] = {}
        self._meshes = []
        for body, shapes in parts(robot.model).items():
            self._bodies[body] = scene.add_frame(f"{name}/{body}", show_axes=False)
            for number, (color, (vertices, faces)) in enumerate(shapes):
                mesh = scene.add_mesh_simple(
                    f"{name}/{body}/{number}", vertices.astype(np.float32), faces.astype(np.uint32),
                    color=color, flat_shading=True, side="double", receive_shadow=False,
                )  # fmt: skip
                self._meshes.append(mesh)
        self._moving, self._place = True, np.zeros(3)
        self.show(None, None)

    def show(self, command: RobotCommand | None, person: Float64 | None) -> None:
        """Move to a command, None: home, beside a person whose pelvis is there (3,). A robot that is bolted
        down stands beside where they were first."""
        if person is not None and (self._robot.floating or not self._place.any()):
            self._place = person * (1, 0, 1) + BESIDE_M
        position = self._robot.home if command is None else command.position
        turn = _FROM_ROS
        if command is not None and self._robot.floating:
            turn = command.root_rotation
        self._root.position = self._place + self._away(command)
        self._root.wxyz = np.roll(turn, 1)
        upright = np.array([0.0, 0.0, 0.0, 1.0])
        self._data.qpos[:] = self._robot.full_qpos(position, np.zeros(3), upright)
        mujoco.mj_kinematics(self._robot.model, self._data)
        for body, frame in self._bodies.items():
            pose = np.concatenate([self._data.xpos[body], self._data.xquat[body]])
            if body not in self._shown or np.abs(pose - self._shown[body]).max() > _STILL:
                self._shown[body] = pose
                frame.position, frame.wxyz = pose[:3], pose[3:]
        self._fade(command is not None and command.state in MOVING)

    def _away(self, command: RobotCommand | None) -> Float64:
        """From the place beside the person to the robot's base."""
        if not self._robot.floating:
            return np.zeros(3)
        if command is None:
            return np.array([0.0, float(self._robot.model.qpos0[2]), 0.0])
        away = command.root_world + BESIDE_M - self._place
        level = float(np.hypot(away[0], away[2]))
        return away * ((1, 1, 1) if level < LEASH_M else (LEASH_M / level, 1, LEASH_M / level))

    def _fade(self, moving: bool) -> None:
        """Paler while it must not move."""
        if moving != self._moving:
            self._moving = moving
            for mesh in self._meshes:
                mesh.opacity = None if moving else STANDING_OPACITY


def parts(model: Any) -> dict[int, list[tuple[tuple[int, int, int], Mesh]]]:
    """Body → (colour, mesh in the body's axes) of each of its colours."""
    groups = model.geom_group
    drawn = groups == VISUAL if (groups == VISUAL).any() else groups != CAPSULES
    # Where the visual meshes are of a kind that MuJoCo does not read, a body may have capsules alone.
    out: dict[int, list[tuple[tuple[int, int, int], Mesh]]] = {}
    for body in range(1, model.nbody):
        own = np.flatnonzero(model.geom_bodyid == body)
        geoms = own[drawn[own]] if drawn[own].any() else own[groups[own] == CAPSULES]
        by_color: dict[tuple[int, int, int], list[Mesh]] = {}
        for geom in geoms:
            if (mesh := _geom_mesh(model, int(geom))) is not None:
                by_color.setdefault(_color(model, int(geom)), []).append(mesh)
        if by_color:
            out[body] = [(color, coarse(*_joined(meshes))) for color, meshes in by_color.items()]
    return out


def coarse(vertices: Float64, faces: NDArray[np.int64]) -> Mesh:
    """The mesh with corners nearer than the grid made one, and without the faces that this leaves flat."""
    if len(faces) < 500:
        return vertices, faces
    cells = np.rint(vertices / GRID_M).astype(np.int64)
    _, first, index = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    corners = index.reshape(-1)[faces]
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (c != a)]
    _, kept = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)
    return vertices[first], corners[kept]


def _geom_mesh(model: Any, geom: int) -> Mesh | None:
    kind = mujoco.mjtGeom(int(model.geom_type[geom]))
    mesh = _stored(model, geom) if kind == mujoco.mjtGeom.mjGEOM_MESH else _solid(kind, model.geom_size[geom])
    if mesh is None:
        return None
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
    return mesh[0] @ turn.reshape(3, 3).T + model.geom_pos[geom], mesh[1]


def _stored(model: Any, geom: int) -> Mesh:
    number = int(model.geom_dataid[geom])
    v, f = int(model.mesh_vertadr[number]), int(model.mesh_faceadr[number])
    vertices = model.mesh_vert[v : v + int(model.mesh_vertnum[number])]
    faces = model.mesh_face[f : f + int(model.mesh_facenum[number])]
    return vertices.astype(np.float64), faces.astype(np.int64)


def _solid(kind: Any, size: Float64) -> Mesh | None:
    """A primitive of MuJoCo, its axis along Z; None for planes and the like."""
    unit, faces = ball_mesh(12, SECTORS)
    ball = unit.astype(np.float64)[:, [0, 2, 1]]  # its poles along Z
    match kind:
        case mujoco.mjtGeom.mjGEOM_SPHERE:
            return ball * size[0], faces.astype(np.int64)
        case mujoco.mjtGeom.mjGEOM_ELLIPSOID:
            return ball * size, faces.astype(np.int64)
        case mujoco.mjtGeom.mjGEOM_CAPSULE:
            ends = np.sign(np.rint(ball[:, 2:] * 1e6)) * [[0.0, 0.0, size[1]]]
            return ball * size[0] + ends, faces.astype(np.int64)
        case mujoco.mjtGeom.mjGEOM_CYLINDER:
            return _cylinder(size[0], size[1])
        case mujoco.mjtGeom.mjGEOM_BOX:
            return _box(size)
    return None


def _cylinder(radius: float, half: float) -> Mesh:
    turn = np.linspace(0, 2 * np.pi, SECTORS, endpoint=False)
    circle = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(SECTORS, half)], 1)
    vertices = np.concatenate([circle, circle * (1, 1, -1), [[0, 0, half], [0, 0, -half]]])
    i, j = np.arange(SECTORS), (np.arange(SECTORS) + 1) % SECTORS
    top, bottom = np.full(SECTORS, 2 * SECTORS), np.full(SECTORS, 2 * SECTORS + 1)
    rings = [
        (i, i + SECTORS, j),
        (j, i + SECTORS, j + SECTORS),
        (top, i, j),
        (bottom, j + SECTORS, i + SECTORS),
    ]
    return vertices, np.concatenate([np.stack(ring, 1) for ring in rings])


def _box(half: Float64) -> Mesh:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners * half, np.array([f for a, b, c, d in sides for f in ((a, b, c), (a, c, d))])


def _joined(meshes: list[Mesh]) -> Mesh:
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes[:-1])])
    faces = [faces + start for (_, faces), start in zip(meshes, starts, strict=True)]
    return np.concatenate([vertices for vertices, _ in meshes]), np.concatenate(faces)


def _color(model: Any, geom: int) -> tuple[int, int, int]:
    if model.geom_group[geom] == CAPSULES:
        return 150, 165, 190
    material = int(model.geom_matid[geom])
    rgb = (model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom])[:3]
    red, green, blue = (round(float(part) * 255) for part in rgb)
    return red, green, blue
