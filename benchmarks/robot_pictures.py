"""The strip of pictures in docs/robots.md: a person's skeleton, and the robots that follow.

    MUJOCO_GL=egl python -m benchmarks.robot_pictures [--out docs/robots.jpg] [--png FILE.png]

The synthetic routine through the whole chain (robot_chain.py); the robots are drawn as they were commanded,
late by what they are late.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "egl")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from benchmarks.robot_chain import RATE_HZ, Chain, qpos_of
from benchmarks.robot_motion import Clip, synthetic
from lifting.skeleton import SEALCAP26
from realtime.axes import ROS
from realtime.retarget.robot_file import load_robot
from realtime.retarget.robot_model import load_model

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Line = tuple[Floats, Floats, tuple[float, ...]]
"""From, to, colour."""

MOMENTS_S = (3.0, 7.2, 9.0, 12.6, 17.5, 22.6)
ROBOTS = {"g1": "Unitree G1", "talos": "Talos", "panda": "Panda"}
WIDTH, HEIGHT = 250, 300
LEFT, RIGHT, MIDDLE = (0.1, 0.45, 0.95, 1.0), (0.95, 0.35, 0.1, 1.0), (0.25, 0.65, 0.3, 1.0)
FLOOR = (0.62, 0.62, 0.62, 1.0)
PERSON = "<mujoco><statistic extent='2'/><worldbody><light pos='0 0 4'/></worldbody></mujoco>"


class Stage:
    """A model, seen from the front, on a floor of lines."""

    def __init__(self, model: mujoco.MjModel) -> None:
        model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.45, 0.55
        model.vis.map.znear = 0.01
        model.vis.global_.offwidth, model.vis.global_.offheight = 2 * WIDTH, 2 * HEIGHT
        self._model, self._data = model, mujoco.MjData(model)
        self._renderer = mujoco.Renderer(model, 2 * HEIGHT, 2 * WIDTH)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[4] = 0

    def draw(
        self, qpos: Floats, at: Floats, yaw: float, size_m: float, bones: Sequence[Line] = ()
    ) -> Picture:
        """BGR; `at` (3,) is looked at, from before a body that faces `yaw`."""
        if len(qpos):
            self._data.qpos[:] = qpos
        mujoco.mj_forward(self._model, self._data)
        camera = mujoco.MjvCamera()
        camera.lookat, camera.distance = at, 1.55 * size_m
        camera.azimuth, camera.elevation = np.degrees(yaw) + 180 + 25, -10
        self._renderer.update_scene(self._data, camera, self._options)
        scene = self._renderer.scene
        scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = 0
        for start, end, colour in (*_floor(at, size_m), *bones):
            _line(scene, start, end, colour, 0.003 * size_m if colour == FLOOR else 0.011 * size_m)
        big = self._renderer.render()[:, :, ::-1]
        empty = (big < 3).all(axis=2)
        big = np.where(empty[..., None], np.uint8(250), big)
        return np.asarray(cv2.resize(big, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def _floor(at: Floats, size_m: float) -> list[Line]:
    cell, many = size_m / 4, 3
    out: list[Line] = []
    middle = np.append(np.round(at[:2] / cell) * cell, 0.0)
    for k in range(-many, many + 1):
        for along, across in ((0, 1), (1, 0)):
            a, b = middle.copy(), middle.copy()
            a[across] += k * cell
            b[across] += k * cell
            a[along] -= many * cell
            b[along] += many * cell
            out.append((a, b, FLOOR))
    return out


def _line(scene: mujoco.MjvScene, start: Floats, end: Floats, colour: Sequence[float], radius: float) -> None:
    if scene.ngeom >= scene.maxgeom or float(np.linalg.norm(end - start)) < 1e-6:
        return
    geom, kind = scene.geoms[scene.ngeom], mujoco.mjtGeom.mjGEOM_CAPSULE
    rgba = np.array(colour, np.float32)
    mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.zeros(9), rgba)
    mujoco.mjv_connector(geom, kind, radius, start, end)
    scene.ngeom += 1


def persons(clip: Clip) -> list[Picture]:
    """The skeleton at all moments."""
    stage = Stage(mujoco.MjModel.from_xml_string(PERSON))
    out = []
    for moment in MOMENTS_S:
        joints = ROS.points(clip.joints[round(moment * clip.fps)])
        bones = [(joints[a], joints[b], _colour(SEALCAP26.joints[b])) for a, b in SEALCAP26.edges]
        at = np.append(joints[0, :2], 0.85)
        out.append(stage.draw(np.zeros(0), at, _heading(joints), 1.9, bones))
    return out


def _colour(joint: str) -> tuple[float, ...]:
    return LEFT if joint.startswith("left") else RIGHT if joint.startswith("right") else MIDDLE


def _heading(joints: Floats) -> float:
    across = joints[SEALCAP26.index("left_hip")] - joints[SEALCAP26.index("right_hip")]
    return float(np.arctan2(-across[0], across[1]))


def robots(name: str, clip: Clip) -> list[Picture]:
    """One robot at all moments."""
    file = load_robot(name)
    robot = load_model(file)
    commands = Chain(robot, file).play([clip]).commands
    stage, out = Stage(load_model(file, meshes=True).model), []
    for moment in MOMENTS_S:
        qpos = qpos_of(robot, commands[round(moment * RATE_HZ)])
        at, yaw, size_m = np.array([0.25, 0.0, 0.45]), 0.0, 1.3
        if robot.floating:
            size_m = 1.05 * _height(robot.model, robot.full_qpos(robot.home))
            at = np.append(qpos[:2], 0.45 * size_m)
            w, x, y, z = qpos[3:7]
            yaw = float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
        out.append(stage.draw(qpos, at, yaw, size_m))
    return out


def _height(model: mujoco.MjModel, qpos: Floats) -> float:
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    return float(data.xpos[1:, 2].max()) + 0.25


def strip(clip: Clip) -> Picture:
    """Person above, robots below, moments side by side."""
    rows = {"person": persons(clip)} | {label: robots(name, clip) for name, label in ROBOTS.items()}
    pictures = []
    for label, row in rows.items():
        line = np.hstack(row)
        _write(line, label, (8, 22), 0.6)
        pictures.append(line)
    for moment, x in zip(MOMENTS_S, range(0, 10**4, WIDTH), strict=False):
        _write(pictures[0], f"{moment:.1f} s", (x + WIDTH - 62, 22), 0.5)
    return np.vstack(pictures)


def _write(picture: Picture, text: str, where: tuple[int, int], size: float) -> None:
    cv2.putText(picture, text, where, cv2.FONT_HERSHEY_SIMPLEX, size, (60, 60, 60), 1, cv2.LINE_AA)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=Path("docs/robots.jpg"))
    parser.add_argument("--png", type=Path, help="a copy without losses, to look at")
    args = parser.parse_args()
    picture = strip(synthetic(24.0))
    if args.png is not None:
        cv2.imwrite(str(args.png), picture)
    cv2.imwrite(str(args.out), picture, [cv2.IMWRITE_JPEG_QUALITY, 62])


if __name__ == "__main__":
    main()
