"""A robot as MuJoCo knows it: made from URDF or MJCF and the robot's YAML, meshes not needed.

Root axes are the robot's own (x forward, y left, z up). Joints keep the order of the model file; a floating
base is not among them.
"""

from __future__ import annotations

import difflib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from realtime.retarget.model_source import ModelSource, locate_model, missing_extra, read_model
from realtime.retarget.robot_file import Body, Place, RobotFile
from realtime.retarget.robot_limits import first_of, joint_limits
from realtime.retarget.robot_pose import JointLimits
from realtime.retarget.sides import SIDES

try:
    import mujoco
except ImportError as error:
    raise missing_extra(error) from error

Float64 = NDArray[np.float64]

LIGHTEST_KG = 1e-4
"""Links without mass or inertia get so much; kinematics asks for none."""
_MOVING = tuple(int(t) for t in (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE))


@dataclass(frozen=True, eq=False)
class RobotModel:
    """One robot, ready to be posed."""

    name: str
    model: Any
    """mujoco.MjModel. Every place of `body:` is a site of that name, every capsule a geom."""
    limits: JointLimits
    """With the YAML's margin taken off the ends."""
    home: Float64
    """(N,) joint positions."""
    floating: bool
    qpos: NDArray[np.intp]
    """(N,) where each joint stands in MuJoCo's qpos; a floating base takes the first 7."""
    dofs: NDArray[np.intp]
    """(N,) where each joint stands in MuJoCo's qvel."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """In the model's order, as everywhere."""
        return self.limits.names

    @property
    def mass_kg(self) -> float:
        """Of all that moves."""
        return float(self.model.body_mass[1:].sum())

    def full_qpos(
        self, position: Float64, root: Float64 | None = None, root_xyzw: Float64 | None = None
    ) -> Float64:
        """MuJoCo's qpos of joint positions (N,), and of the base's origin (3,) and rotation (4,) in MuJoCo's
        world, Z up; the base stands where the model has it if they are left out."""
        out = np.array(self.model.qpos0)
        out[self.qpos] = position
        if self.floating and root is not None:
            out[:3] = root
        if self.floating and root_xyzw is not None:
            out[3:7] = np.roll(root_xyzw, 1)
        return out


def load_model(file: RobotFile, *, meshes: bool = False) -> RobotModel:
    """Make the model of a robot's YAML; with `meshes` the ones that are there, to look at.

    Raises ConfigError that names the frame, joint or limit that is wrong.
    """
    source = read_model(locate_model(file.model, file.folder))
    try:
        spec = _parse(source, meshes=meshes)
    except ValueError as error:
        raise ConfigError(f"{source.path}: {_in_one_line(error)}.") from error
    _prepare(spec, file, source)
    if wrong := _unknown_names(spec, file):
        raise ConfigError(first_of(wrong))
    _add_places(spec, file)
    try:
        model = spec.compile()
    except ValueError as error:
        raise ConfigError(f"{source.path}: {_in_one_line(error)}.") from error
    robot = _described(model, file, source)
    if file.floating and file.body.left_heel is not None:
        _stand(robot)
    return robot


def _stand(robot: RobotModel) -> None:
    """Put the model's own base so that at home the soles are on the floor."""
    model, data = robot.model, mujoco.MjData(robot.model)
    data.qpos[:] = robot.full_qpos(robot.home, np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))
    mujoco.mj_kinematics(model, data)
    soles = [data.site(f"{side}_{part}").xpos[2] for side in SIDES for part in ("heel", "toe")]
    model.qpos0[:7] = [0.0, 0.0, -min(soles), 1.0, 0.0, 0.0, 0.0]


def _parse(source: ModelSource, *, meshes: bool) -> Any:
    """The model as MuJoCo's editable spec, fixed joints kept as frames of their own."""
    if source.is_urdf:
        options = source.root.find("mujoco")
        if options is not None:
            source.root.remove(options)
        options = ElementTree.SubElement(source.root, "mujoco")
        discard = "false" if meshes else "true"
        ElementTree.SubElement(options, "compiler", fusestatic="false", discardvisual=discard)
    spec = mujoco.MjSpec.from_string(ElementTree.tostring(source.root, encoding="unicode"))
    spec.compiler.fusestatic = False
    spec.compiler.boundmass = spec.compiler.boundinertia = LIGHTEST_KG
    spec.compiler.balanceinertia = True
    _place_meshes(spec, source if meshes else None)
    return spec


def _place_meshes(spec: Any, source: ModelSource | None) -> None:
    """Give every mesh its file, and take out those that have none, with what shows them."""
    gone = set()
    mesh_dir = spec.meshdir or ""
    for mesh in list(spec.meshes):
        path = source.mesh_path(mesh.file, mesh_dir) if source is not None and mesh.file else None
        if path is None:
            gone.add(mesh.name)
        else:
            mesh.file = str(path)
    for geom in list(spec.geoms):
        if geom.meshname and geom.meshname in gone:
            spec.delete(geom)
    for mesh in [mesh for mesh in spec.meshes if mesh.name in gone]:
        spec.delete(mesh)
    spec.meshdir = ""
    for field in [*spec.hfields, *spec.skins]:
        spec.delete(field)
    for texture in [texture for texture in spec.textures if texture.file or any(texture.cubefiles)]:
        spec.delete(texture)


def _prepare(spec: Any, file: RobotFile, source: ModelSource) -> None:
    """Freeze joints, and see to the floating base."""
    joints = {joint.name: joint for joint in spec.joints}
    if wrong := _unknown(file.freeze, joints, "freeze", "joint"):
        raise ConfigError(first_of(wrong))
    for part in [*spec.actuators, *spec.sensors, *spec.tendons, *spec.keys, *spec.equalities]:
        spec.delete(part)
    for name in file.freeze:
        spec.delete(joints[name])
    free = [j for j in spec.joints if j.type == mujoco.mjtJoint.mjJNT_FREE]
    if len(free) > 1:
        raise ConfigError(f"{source.path} has {len(free)} free bodies; a robot's model holds one robot.")
    if file.floating and not free:
        _float(spec, source)
    if not file.floating:
        for joint in free:
            spec.delete(joint)


def _float(spec: Any, source: ModelSource) -> None:
    roots = list(spec.worldbody.bodies)
    if len(roots) != 1:
        raise ConfigError(f"{source.path} has {len(roots)} bodies at its root; a floating robot has one.")
    # Under a link that only stands for the world nothing weighs anything.
    base = roots[0]
    base.pos = [0.0, 0.0, 0.0]
    base.add_freejoint(name="floating_base")


def _unknown_names(spec: Any, file: RobotFile) -> list[str]:
    """What the YAML names and the model has not, each as a sentence with the nearest names."""
    wrong: list[str] = []
    frames = [b.name for b in spec.bodies if b.name] + [s.name for s in spec.sites if s.name]
    for part, place in places(file).items():
        wrong += _unknown([place.frame], frames, part, "frame")
    bodies = [b.name for b in spec.bodies if b.name]
    for name, capsule in file.capsules.items():
        wrong += _unknown([capsule.frame], bodies, f"capsules.{name}", "link")
    geoms = [*file.capsules, *(g.name for g in spec.geoms if g.name)]
    for pair in file.avoid:
        wrong += _unknown(pair, geoms, "avoid", "capsule")
    joints = [joint.name for joint in spec.joints if int(joint.type) in _MOVING]
    limits, weights = file.limits, file.weights
    tables: dict[str, Iterable[str]] = {
        "home": file.home, "limits.positions": limits.positions, "limits.velocities": limits.velocities,
        "limits.accelerations": limits.accelerations, "weights.postures": weights.postures,
    }  # fmt: skip
    for key, table in tables.items():
        wrong += _unknown(table, joints, key, "joint")
    return wrong


def _unknown(names: Iterable[str], known: Iterable[str], key: str, kind: str) -> list[str]:
    known, wrong = list(known), []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            hint = f"Nearest: {', '.join(near)}" if near else f"It has: {', '.join(known[:20])}"
            wrong.append(f"{key}: the robot has no {kind} {name!r}. {hint}")
    return wrong


def places(file: RobotFile) -> dict[str, Place]:
    """Every named point of the robot, by the name its site gets."""
    found = {name: getattr(file.body, name) for name in Body.model_fields}
    if file.arm is not None:
        found["tool"] = file.arm.tool
    return {name: place for name, place in found.items() if place is not None}


def _add_places(spec: Any, file: RobotFile) -> None:
    """Sites for the body's points, geoms for the capsules."""
    taken = {site.name: site for site in spec.sites}
    wanted = places(file)
    at = {name: _body_point(spec, taken, place) for name, place in wanted.items()}
    for name, (body, point, quat) in at.items():
        if name in taken:
            taken[name].name = f"{name}_of_model"
        body.add_site(name=name, pos=point, quat=quat, size=[0.005, 0.005, 0.005], group=5)
    geoms = {geom.name: geom for geom in spec.geoms if geom.name}
    for name, capsule in file.capsules.items():
        if name in geoms:
            geoms[name].name = f"{name}_of_model"
        spec.body(capsule.frame).add_geom(
            name=name, type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[*capsule.start, *capsule.end],
            size=[capsule.radius, 0.0, 0.0], mass=0.0, group=4, contype=1, conaffinity=1,
            rgba=[0.2, 0.6, 1.0, 0.3],
        )  # fmt: skip


def _body_point(spec: Any, sites: Mapping[str, Any], place: Place) -> tuple[Any, Float64, Float64]:
    """(body, point in it, wxyz rotation in it) of a place; a site's own axes count where it is one."""
    site = sites.get(place.frame)
    if site is None:
        return spec.body(place.frame), np.array(place.point), np.array([1.0, 0.0, 0.0, 0.0])
    rotated = np.zeros(3)
    mujoco.mju_rotVecQuat(rotated, np.array(place.point), np.array(site.quat))
    return site.parent, np.array(site.pos) + rotated, np.array(site.quat)


def _described(model: Any, file: RobotFile, source: ModelSource) -> RobotModel:
    joints = [j for j in range(model.njnt) if model.jnt_type[j] != int(mujoco.mjtJoint.mjJNT_FREE)]
    names = tuple(model.joint(j).name for j in joints)
    for j, name in zip(joints, names, strict=True):
        if model.jnt_type[j] not in _MOVING:
            raise ConfigError(f"{source.path}: joint {name} is a ball; only hinges and slides can be driven.")
    if not names:
        raise ConfigError(f"{source.path} has no joint that moves.")
    limits = joint_limits(model, joints, names, file, source.velocities())
    home = np.array([file.home.get(name, 0.0) for name in names])
    return RobotModel(
        file.name, model, limits, np.clip(home, limits.lower, limits.upper), file.floating,
        model.jnt_qposadr[joints].astype(np.intp), model.jnt_dofadr[joints].astype(np.intp),
    )  # fmt: skip


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
