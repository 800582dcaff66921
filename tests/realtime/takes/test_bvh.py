"""BVH read back by bvhio: forward kinematics from the file give the take's joints and rotations."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.errors import SinkError
from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import conjugate, multiply
from realtime.takes.bvh import bone_name, write_bvh
from realtime.takes.euler import ORDERS
from realtime.takes.load import load_takes
from realtime.takes.take import Take
from tests.realtime.takes.made_takes import gappy, take_of, walking_take, wild_take

# bvhio leaves the files it reads to the garbage collector, which may complain in any later test.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

with warnings.catch_warnings():  # it imports glm under its old name
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    import bvhio

Float64 = NDArray[np.float64]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What bvhio left open is collected here, where nobody minds."""
    yield
    gc.collect()


JOINT_AT = {
    "Hips": "pelvis", "Spine": "spine", "Chest": "chest", "Neck": "neck", "Head": "head",
    **{
        f"{side}{bone}": f"{side.lower()}_{joint}"
        for side in ("Left", "Right")
        for bone, joint in (
            ("UpperArm", "shoulder"), ("LowerArm", "elbow"), ("Hand", "wrist"), ("UpperLeg", "hip"),
            ("LowerLeg", "knee"), ("Foot", "ankle"),
        )
    },
}  # fmt: skip
"""Where a bone begins."""
EXACT_M, EXACT_DEG = 1e-3, 0.1


def xyzw(q: Any) -> Float64:
    return np.array([q.x, q.y, q.z, q.w])


def degrees_between(a: Float64, b: Float64) -> Float64:
    """(...,) the angle from one rotation to another."""
    q = multiply(a, conjugate(b))
    return np.degrees(2 * np.arctan2(np.linalg.norm(q[..., :3], axis=-1), np.abs(q[..., 3])))


def read(path: Path, frames: int) -> tuple[dict[str, Float64], dict[str, Float64]]:
    """Places (N,3) in the file's unit and rotations from rest (N,4), by name, as bvhio has them."""
    root = bvhio.readAsHierarchy(str(path))
    joints = [joint for joint, _, _ in root.layout()]
    root.loadRestPose()
    rest = {joint.Name: xyzw(joint.RotationWorld) for joint in joints}
    places: dict[str, list[Float64]] = {joint.Name: [] for joint in joints}
    turns: dict[str, list[Float64]] = {joint.Name: [] for joint in joints}
    for frame in range(frames):
        root.loadPose(frame)
        for joint in joints:
            places[joint.Name].append(np.array(tuple(joint.PositionWorld)))
            turns[joint.Name].append(multiply(xyzw(joint.RotationWorld), conjugate(rest[joint.Name])))
    return {n: np.array(p) for n, p in places.items()}, {n: np.array(q) for n, q in turns.items()}


def assert_same(take: Take, path: Path, per_metre: float) -> None:
    """Every joint within a millimetre, every bone within a tenth of a degree, in every frame."""
    places, turns = read(path, len(take))
    world = world_rotations(take.bone_rotations)
    assert set(turns) == set(BONES.joints)
    for bone, joint in JOINT_AT.items():
        error = places[bone] / per_metre - take.joints_world[:, SEALCAP26.index(joint)]
        assert np.abs(error).max() < EXACT_M, bone
    for row, bone in enumerate(BONES.joints):
        assert degrees_between(turns[bone], world[:, row]).max() < EXACT_DEG, bone


def motion(path: Path) -> Float64:
    """(N,C) the numbers below MOTION."""
    return np.loadtxt(path.read_text().split("Frame Time:")[1].splitlines()[1:], ndmin=2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("units", "per_metre"), [("cm", 100.0), ("m", 1.0)])
def test_walking_comes_back(tmp_path: Path, order: Any, units: Any, per_metre: float) -> None:
    """In every order and unit."""
    take = walking_take(40)
    write_bvh(take, tmp_path / "a.bvh", order=order, units=units)
    assert_same(take, tmp_path / "a.bvh", per_metre)


@pytest.mark.parametrize("order", ORDERS)
def test_wild_motion_comes_back(tmp_path: Path, order: Any) -> None:
    """Through every gimbal lock."""
    take = wild_take(100)
    write_bvh(take, tmp_path / "a.bvh", order=order)
    assert_same(take, tmp_path / "a.bvh", 100.0)


def test_a_recorded_session_comes_back(tmp_path: Path, session_file: Path) -> None:
    """What the pipeline recorded, with a gap in it."""
    (take,) = load_takes(session_file)
    write_bvh(take, tmp_path / "a.bvh", units="m")
    assert_same(take, tmp_path / "a.bvh", 1.0)


def test_toe_tips_are_where_the_take_has_them(tmp_path: Path) -> None:
    """The end of the toes is the toe, in the rest pose."""
    take = take_of({})
    write_bvh(take, tmp_path / "a.bvh", units="m")
    found = bvhio.readAsBvh(str(tmp_path / "a.bvh")).Root
    tips = {
        joint.Name: np.array(tuple(joint.EndSite)) for joint, _, _ in found.layout() if not joint.Children
    }
    assert set(tips) == {"Head", "LeftHand", "RightHand", "LeftToes", "RightToes"}
    for side in ("Left", "Right"):
        toe = take.rest_joints[SEALCAP26.index(f"{side.lower()}_toe")]
        head = take.rest_heads[BONES.index(f"{side}Toes")]
        assert np.allclose(tips[f"{side}Toes"], toe - head, atol=1e-5)
    assert tips["Head"][1] > 0.05
    assert tips["LeftHand"][0] > 0.1 > -0.1 > tips["RightHand"][0]


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 60.0, 119.88])
def test_the_frame_time_is_exact(tmp_path: Path, fps: float) -> None:
    """As exact as a double is; the number of frames is said."""
    write_bvh(take_of({}, 7, fps), tmp_path / "a.bvh")
    text = (tmp_path / "a.bvh").read_text()
    assert float(text.split("Frame Time:")[1].split()[0]) == 1 / fps
    assert int(text.split("Frames:")[1].split()[0]) == len(motion(tmp_path / "a.bvh")) == 7


@pytest.mark.parametrize("order", ORDERS)
def test_angles_do_not_jump(tmp_path: Path, order: Any) -> None:
    """A body that turns round and round counts beyond 180 degrees."""
    write_bvh(walking_take(200), tmp_path / "a.bvh", order=order)
    angles = motion(tmp_path / "a.bvh")[:, 3:]
    assert angles.max() > 1000
    assert np.abs(np.diff(angles, axis=0)).max() < 30


def test_one_frame_is_a_file(tmp_path: Path) -> None:
    """A single pose."""
    write_bvh(take_of({}), tmp_path / "a.bvh")
    assert motion(tmp_path / "a.bvh").shape == (1, 6 + 3 * 20)


def test_gaps_are_interpolated(tmp_path: Path) -> None:
    """BVH has no word for a gap: all frames are there."""
    take = walking_take(40)
    write_bvh(take, tmp_path / "a.bvh")
    write_bvh(gappy(take, slice(10, 20)), tmp_path / "b.bvh")
    assert (tmp_path / "a.bvh").read_bytes() == (tmp_path / "b.bvh").read_bytes()


@pytest.mark.parametrize(
    ("names", "bone", "called"),
    [
        ("unity", "LeftUpperArm", "LeftUpperArm"),
        ("mixamo", "LeftUpperArm", "mixamorig:LeftArm"),
        ("mixamo", "Chest", "mixamorig:Spine1"),
        ("cmu", "RightToes", "RightToeBase"),
        ("cmu", "RightLowerLeg", "RightLeg"),
        ("cmu", "Hips", "Hips"),
    ],
)
def test_names_of_bones(tmp_path: Path, names: Any, bone: str, called: str) -> None:
    """Each convention's own, every bone once."""
    assert bone_name(bone, names) == called
    write_bvh(take_of({}), tmp_path / "a.bvh", names=names)
    found = {joint.Name for joint, _, _ in bvhio.readAsBvh(str(tmp_path / "a.bvh")).Root.layout()}
    assert found == {bone_name(b, names) for b in BONES.joints}
    assert len(found) == len(BONES)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    """An order that is none, a folder that is not there; nothing is left behind."""
    with pytest.raises(ValueError, match="order must be one of"):
        write_bvh(take_of({}), tmp_path / "a.bvh", order="ZXZ")  # type: ignore[arg-type]
    with pytest.raises(SinkError, match="Cannot write"):
        write_bvh(take_of({}), tmp_path / "none" / "a.bvh")
    assert list(tmp_path.iterdir()) == []
