"""The 3D part of the page: a floor, and a figure with a trail for each person."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from realtime.avatar.model import AvatarModel
from realtime.data import BodyPose, Float32, Image, State
from realtime.web.avatar import BESIDE_M, Avatar
from realtime.web.body import Solids, ball_mesh, bone_mesh, solids
from realtime.web.palette import BACKDROP, MIDDLE, linear
from realtime.web.theme import DARK, Theme

if TYPE_CHECKING:
    from realtime.retarget.robot_model import RobotModel
    from realtime.retarget.robot_pose import RobotCommand
    from realtime.web.robot_figure import RobotFigure

MAX_PEOPLE = 8
"""Further people are not drawn."""
TRAIL_POINTS = 48
TRAIL_STEP_NS = 50_000_000
"""Media time between two points of the trail: it shows the last 2.4 s."""
TRAIL_JUMP_M = 0.6
"""Nobody moves this far between two points: a clip started again, so the trail does too."""
TRAIL_HEIGHT_M = 0.012
GRID_M = 0.5
LEASH_M = 0.9
"""How far somebody may walk from the stage's middle before it comes along."""
HIPS_M = 0.0, 1.7
"""With the hips between these heights the floor stays in its place; beyond, it gives way, down or up."""
EYE_M = (2.9, 2.0, 3.8)
"""Viewpoint seen from the middle of the stage: three quarters from the person's left front."""
AIM_M = (0.0, 0.82, 0.0)
FADED = 0.45
"""Opacity of a person who is not seen at the moment."""


class Scene:
    """Draws people into a viser scene; the stage's middle follows the first of them from a distance."""

    def __init__(self, server: Any, avatar: AvatarModel | None = None) -> None:
        """`avatar`: a character that the first person moves, beside them."""
        self._server = server
        self._stage: Any = None
        self._middle: NDArray[np.float64] | None = None
        self._figures: dict[int, _Figure] = {}
        self._set_stage()
        self._robot: tuple[RobotFigure, Callable[[], RobotCommand | None]] | None = None
        self._avatar = None if avatar is None else Avatar(server, "/world/avatar", avatar)
        self._centre = np.array(BESIDE_M) / 2 if avatar else np.zeros(3)

    def add_robot(self, model: RobotModel, command: Callable[[], RobotCommand | None]) -> None:
        """A robot beside the person, moved by the newest command."""
        from realtime.web.robot_figure import BESIDE_M as BESIDE_ROBOT_M
        from realtime.web.robot_figure import RobotFigure

        self._robot = RobotFigure(self._server, "/world/robot", model), command
        self._centre = self._centre + np.array(BESIDE_ROBOT_M) / 2
        self._middle = None

    def show(self, people: Sequence[BodyPose], time_ns: int) -> None:
        """Draw `people` as they are now; whoever is no longer among them, or lost, disappears."""
        shown = [pose for pose in people if pose.state is not State.LOST][:MAX_PEOPLE]
        present = {pose.person_id for pose in shown}
        for gone in [key for key in self._figures if key not in present]:
            self._figures.pop(gone).remove()
        for pose in shown:
            if (shape := solids(pose)) is not None:
                if pose is shown[0]:
                    self._place_stage(shape.ball_positions[0])
                self._figure(pose.person_id, shape).show(shape, pose.state, time_ns)
        if self._avatar is not None:
            self._avatar.show(shown[0]) if shown else self._avatar.hide()
        if self._robot is not None:
            figure, command = self._robot
            person = shown[0].joints_world[0].astype(np.float64) if shown else None
            figure.show(command(), person if person is None or np.isfinite(person).all() else None)

    def recentre(self) -> None:
        """Put the stage's middle under the next person drawn, and every viewer in front of it."""
        self._middle = None
        for client in self._server.get_clients().values():
            client.camera.up_direction = (0.0, 1.0, 0.0)
            client.camera.position, client.camera.look_at = EYE_M, AIM_M

    def _set_stage(self) -> None:
        scene, camera = self._server.scene, self._server.initial_camera
        scene.set_up_direction("+y")
        camera.position, camera.look_at, camera.fov = EYE_M, AIM_M, np.radians(42)
        _light(scene)
        self._stage = scene.add_frame("/world", show_axes=False)
        paint(scene, DARK)

    def _place_stage(self, root_world: Float32) -> None:
        """Keep the stage's middle within `LEASH_M` of the person, and their hips within `HIPS_M`: the floor
        moves, the viewpoint stays."""
        root = root_world.astype(np.float64) * (1, 0, 1) + self._centre
        if self._middle is None:
            self._middle = root
        away = root - self._middle
        distance = float(np.linalg.norm(away))
        if distance > LEASH_M:
            self._middle = root - away * (LEASH_M / distance)
        height_m = float(root_world[1])
        self._stage.position = -self._middle - (0, height_m - float(np.clip(height_m, *HIPS_M)), 0)

    def _figure(self, person_id: int, shape: Solids) -> _Figure:
        if person_id not in self._figures:
            self._figures[person_id] = _Figure(self._server.scene, self._free_place(), shape)
        return self._figures[person_id]

    def _free_place(self) -> str:
        """A name of one of `MAX_PEOPLE` nodes. viser remembers every name there ever was, and people come and
        go under new numbers for hours."""
        taken = {figure.name for figure in self._figures.values()}
        names = (f"/world/person{place}" for place in range(MAX_PEOPLE))
        return next(name for name in names if name not in taken)


def paint(scene: Any, theme: Theme) -> None:
    """Backdrop and floor in a theme, for everybody or, of a viewer's own scene, for them."""
    scene.set_background_image(_backdrop(theme), format="png")
    scene.add_grid(
        "/world/floor",
        plane="xz",
        infinite_grid=True,
        cell_size=GRID_M,
        section_size=2 * GRID_M,
        cell_color=theme.line,
        section_color=theme.section,
        cell_thickness=0.8,
        section_thickness=0.9,
        fade_distance=15.0,
        fade_strength=2.0,
        fade_from="camera",
        shadow_opacity=0.35,
    )


class _Figure:
    """Scene nodes of one person."""

    def __init__(self, scene: Any, name: str, shape: Solids) -> None:
        self.name = name
        upright = np.tile(np.array([1.0, 0, 0, 0], np.float32), (len(shape.ball_positions), 1))
        self._balls = scene.add_batched_meshes_simple(
            f"{name}/joints", *ball_mesh(), upright, shape.ball_positions, batched_scales=shape.ball_radii,
            batched_colors=linear(shape.ball_colors), lod="off", receive_shadow=False,
        )  # fmt: skip
        self._bones = scene.add_batched_meshes_simple(
            f"{name}/bones", *bone_mesh(), shape.bone_wxyz, shape.bone_positions,
            batched_scales=shape.bone_scales, batched_colors=linear(shape.bone_colors), lod="off",
            receive_shadow=False,
        )  # fmt: skip
        start = _floor_point(shape)
        self._trail: deque[Float32] = deque([start] * (TRAIL_POINTS + 1), maxlen=TRAIL_POINTS + 1)
        self._trail_time_ns = 0
        self._line = scene.add_line_segments(
            f"{name}/trail", self._trail_segments(), _trail_colors(), thickness=0.012
        )

    def show(self, shape: Solids, state: State, time_ns: int) -> None:
        """Move everything to `shape`."""
        opacity = None if state is State.TRACKING else FADED
        self._balls.batched_positions, self._balls.batched_scales = shape.ball_positions, shape.ball_radii
        self._bones.batched_positions, self._bones.batched_scales = shape.bone_positions, shape.bone_scales
        self._bones.batched_wxyzs = shape.bone_wxyz
        self._balls.batched_colors = linear(shape.ball_colors)
        self._bones.batched_colors = linear(shape.bone_colors)
        self._balls.opacity = self._bones.opacity = opacity
        if abs(time_ns - self._trail_time_ns) >= TRAIL_STEP_NS:
            self._trail_time_ns = time_ns
            self._extend_trail(_floor_point(shape))
            self._line.points = self._trail_segments()

    def remove(self) -> None:
        """Take the person off the stage."""
        for node in (self._balls, self._bones, self._line):
            node.remove()

    def _extend_trail(self, point: Float32) -> None:
        if np.linalg.norm(point - self._trail[-1]) > TRAIL_JUMP_M:
            self._trail.extend([point] * (TRAIL_POINTS + 1))
        self._trail.append(point)

    def _trail_segments(self) -> Float32:
        points = np.array(self._trail, np.float32)
        return np.stack([points[:-1], points[1:]], 1)


def _light(scene: Any) -> None:
    """A lamp at the upper left, a weak one from behind, and little else: the sides' colours stay strong."""
    scene.configure_default_lights(enabled=False)
    scene.configure_environment_map(None)
    scene.add_light_hemisphere(
        "/light/room", sky_color=(255, 255, 255), ground_color=(92, 100, 120), intensity=1.4
    )
    scene.add_light_directional("/light/key", intensity=2.4, position=(-2.5, 5.0, 3.5), cast_shadow=True)
    scene.add_light_directional("/light/rim", intensity=0.8, position=(3.0, 3.0, -4.0))


def _floor_point(shape: Solids) -> Float32:
    x, _, z = shape.ball_positions[0]
    return np.array([x, TRAIL_HEIGHT_M, z], np.float32)


def _trail_colors() -> Image:
    """(T,2,3) RGB, fading into the floor towards the past."""
    share = np.linspace(0, 0.8, TRAIL_POINTS + 1)[:, None]
    colors = ((1 - share) * np.array(BACKDROP) + share * np.array(MIDDLE)).astype(np.uint8)
    segments: Image = np.stack([colors[:-1], colors[1:]], 1)
    return segments


def _backdrop(theme: Theme, width: int = 320, height: int = 200) -> Image:
    """(H,W,3) RGB: a room, a little lighter behind the figure."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    glow = np.exp(-(((x - 0.5) / 0.45) ** 2 + ((y - 0.42) / 0.5) ** 2))[..., None]
    colors = np.array(theme.backdrop) * (0.75 if theme.dark else 1.0) + glow * theme.glow
    # A dark gradient in 8 bits shows rings; one level of noise hides them.
    noise = np.random.default_rng(0).uniform(-0.7, 0.7, (height, width, 1))
    backdrop: Image = np.clip(np.rint(colors + noise), 0, 255).astype(np.uint8)
    return backdrop
