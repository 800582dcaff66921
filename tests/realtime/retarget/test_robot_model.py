"""Robot models: URDF and MJCF without meshes, limits, floating base, and files that mean harm."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from lifting.errors import ConfigError, MissingExtra
from realtime.retarget.model_source import missing_extra, read_model
from realtime.retarget.robot_file import load_robot
from realtime.retarget.robot_model import RobotModel, load_model
from tests.realtime.retarget.trial_poses import robot

URDF = """<robot name="own">
 <link name="base">
  <visual><geometry><mesh filename="package://own/meshes/none.stl"/></geometry></visual>
  <collision><geometry><mesh filename="none.stl"/></geometry></collision>
 </link>
 <link name="arm"/>
 <link name="tip"/>
 <joint name="swing" type="revolute"><parent link="base"/><child link="arm"/><axis xyz="0 1 0"/>
  <origin xyz="0 0 1"/><limit lower="-1" upper="2" velocity="3" effort="1"/></joint>
 <joint name="fixed" type="fixed"><parent link="arm"/><child link="tip"/><origin xyz="0 0 0.5"/></joint>
</robot>"""
YAML = """
model: own.urdf
floating: FLOATING
body: {pelvis: base, head: tip}
limits: {acceleration: 50, margin: 0.1}
"""


def made(folder: Path, *changes: tuple[str, str], floating: bool = True) -> RobotModel:
    """The robot above with changes to either file."""
    urdf, text = URDF, YAML.replace("FLOATING", str(floating).lower())
    for old, new in changes:
        assert old in urdf + text
        urdf, text = urdf.replace(old, new), text.replace(old, new)
    (folder / "own.urdf").write_text(urdf, encoding="utf-8")
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return load_model(load_robot(folder / "own.yaml"))


def test_urdf_without_its_meshes(tmp_path: Path) -> None:
    """Kinematics needs no mesh: missing ones are left out, fixed frames stay."""
    own = made(tmp_path)
    assert own.joint_names == ("swing",)
    data = mujoco.MjData(own.model)
    mujoco.mj_kinematics(own.model, data)
    np.testing.assert_allclose(data.site("head").xpos, [0, 0, 1.5])


def test_limits_of_a_urdf(tmp_path: Path) -> None:
    """Positions less the margin and the velocity come from the model, the acceleration from the YAML."""
    limits = made(tmp_path).limits
    found = (limits.lower[0], limits.upper[0], limits.velocity[0], limits.acceleration[0])
    assert found == pytest.approx((-0.9, 1.9, 3, 50))


def test_yaml_limits_count_more(tmp_path: Path) -> None:
    """Positions of the YAML replace the model's; of two velocities the smaller counts."""
    told = "margin: 0.0, velocity: 2, positions: {swing: [-0.5, 0.5]}"
    limits = made(tmp_path, ("margin: 0.1", told)).limits
    assert (limits.lower[0], limits.upper[0], limits.velocity[0]) == pytest.approx((-0.5, 0.5, 2))


def test_floating_and_bolted(tmp_path: Path) -> None:
    """A floating base is added to a URDF where asked, and is no joint."""
    floating, bolted = made(tmp_path), made(tmp_path, floating=False)
    assert (floating.model.nq, bolted.model.nq) == (8, 1)
    assert floating.joint_names == bolted.joint_names
    qpos = floating.full_qpos(np.array([0.3]), np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.6, 0.8]))
    np.testing.assert_allclose(qpos, [1, 2, 3, 0.8, 0, 0, 0.6, 0.3])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("head: tip", "head: tips"), "head: the robot has no frame 'tips'. Nearest: tip"),
        (("limits:", "home: {swings: 1}\nlimits:"), "home: the robot has no joint 'swings'. Nearest: swing"),
        (("limits:", "freeze: [x]\nlimits:"), "freeze: the robot has no joint 'x'"),
        (("limits:", "avoid: [[a, b]]\nlimits:"), "avoid: the robot has no capsule 'a'"),
        (('velocity="3" ', ""), "swing has no velocity limit"),
        (("revolute", "continuous"), "swing has no position limits"),
        (('velocity="3"', 'velocity="inf"'), "swing has no velocity limit"),
        (('upper="2"', 'upper="inf"'), "swing has no position limits"),
        (("margin: 0.1", "positions: {swing: [1, -1]}"), "Swap them"),
        (("revolute", "fixed"), "no joint that moves"),
        (("model: own.urdf", "model: none.urdf"), "There is no robot model"),
        (("<robot", "<robt"), "is no XML"),
        (('<robot name="own">', '<!DOCTYPE r [<!ENTITY a "b">]><robot name="own">'), "XML entities"),
        (('<parent link="base"/>', '<parent link="tip"/>'), "own.urdf"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """The frame, joint or limit that is wrong, with the nearest names."""
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, change)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_meshes_are_found_only_in_the_models_folders(tmp_path: Path) -> None:
    """package:// and relative names stay inside; what is elsewhere is left out, whatever it is called."""
    package = tmp_path / "own"
    (package / "urdf").mkdir(parents=True)
    (package / "meshes").mkdir()
    for path in (package / "meshes" / "a.stl", tmp_path / "secret.stl", package / "meshes" / "a.dae"):
        path.write_bytes(b"x")
    (package / "urdf" / "own.urdf").write_text(URDF, encoding="utf-8")
    source = read_model(package / "urdf" / "own.urdf")
    assert source.mesh_path("package://own/meshes/a.stl") == package / "meshes" / "a.stl"
    assert source.mesh_path("../meshes/a.stl") == package / "meshes" / "a.stl"
    for name in ("package://own/../secret.stl", "../../secret.stl", str(tmp_path / "secret.stl"),
                 "package://own/meshes/a.dae", "package://../secret.stl", "package://"):  # fmt: skip
        assert source.mesh_path(name) is None


@pytest.mark.parametrize(
    "naming",
    [
        '<include file="FILE"/>',
        '<asset><model name="other" file="FILE"/></asset>',
        '<worldbody><body><flexcomp name="cloth" type="mesh" file="FILE"/></body></worldbody>',
    ],
)
def test_mjcf_in_several_files_is_refused(tmp_path: Path, naming: str) -> None:
    """Another file that a model names is not opened, wherever it lies."""
    path = tmp_path / "own.xml"
    path.write_text(f"<mujoco>{naming.replace('FILE', '/etc/passwd')}</mujoco>", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"includes /etc/passwd.*as one file"):
        read_model(path)


def test_pictures_of_an_mjcf_are_not_opened(tmp_path: Path) -> None:
    """Textures are for the eye: one whose files are no pictures, or not there, changes nothing."""
    sides = " ".join(f'file{side}="/etc/passwd"' for side in ("right", "left", "up", "down", "front", "back"))
    (tmp_path / "own.xml").write_text(
        f"""<mujoco><asset><texture name="sky" type="cube" {sides}/>
        <texture name="wood" type="2d" file="/etc/passwd"/></asset>
        <worldbody><body name="base"><geom size="0.1"/><body name="tip" pos="0 0 1">
        <joint name="swing" axis="0 1 0" range="-1 1"/><geom size="0.1"/></body></body></worldbody>
        <compiler autolimits="true"/></mujoco>""",
        encoding="utf-8",
    )
    text = YAML.replace("own.urdf", "own.xml").replace("FLOATING", "false")
    (tmp_path / "own.yaml").write_text(text.replace("50,", "50, velocity: 3,"), encoding="utf-8")
    assert load_model(load_robot(tmp_path / "own.yaml")).joint_names == ("swing",)


def test_humanoid_stands_on_its_soles() -> None:
    """The model's own pose at home has the lowest point of the feet on the floor."""
    own, _ = robot("humanoid")
    data = mujoco.MjData(own.model)
    data.qpos[:] = own.full_qpos(own.home)
    mujoco.mj_kinematics(own.model, data)
    assert min(data.site(f"{side}_heel").xpos[2] for side in ("left", "right")) == pytest.approx(0, abs=1e-9)
    assert len(own.joint_names) == 17
    assert own.mass_kg == pytest.approx(42.1, abs=0.5)


def test_a_missing_library_is_named() -> None:
    """Without mujoco the message says which extra brings it."""
    error = missing_extra(ModuleNotFoundError("No module named 'mink'", name="mink"))
    assert isinstance(error, MissingExtra)
    assert "sealcap[robot]" in str(error)
    assert "mink" in str(error)
