"""Characters are read whatever their format, axes and unit, and nothing in a file can do harm."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import ConfigError
from lifting.skeleton import BONES
from realtime.avatar.model import AvatarModel, read_model
from realtime.takes.glb import write_glb
from tests.realtime.avatar.made_avatar import Kind, rest_heads, write_avatar
from tests.realtime.takes.made_takes import walking_take


@pytest.fixture
def robot(tmp_path: Path) -> Path:
    """As VRM 1.0."""
    write_avatar(tmp_path / "robot.vrm")
    return tmp_path / "robot.vrm"


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The file with its JSON changed."""
    data = path.read_bytes()
    (size,) = struct.unpack("<I", data[12:16])
    content = json.loads(data[20 : 20 + size])
    change(content)
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    path.write_bytes(data[:12] + struct.pack("<I", len(text)) + b"JSON" + text + data[20 + size :])
    return path


def floor_of(model: AvatarModel) -> float:
    """How far the robot's soles are below its own zero."""
    return float(model.heads[0, 1] - rest_heads()[0, 1])


@pytest.mark.parametrize("kind", ["vrm1", "vrm0", "mixamo"])
@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize("unit_m", [1.0, 0.01])
def test_the_same_robot_from_every_kind_of_file(
    kind: Kind, turned: bool, unit_m: float, tmp_path: Path
) -> None:
    """Bones where they are, faces forward, stands on the floor, as tall as it is."""
    write_avatar(tmp_path / "a.glb", kind, turned=turned, unit_m=unit_m)
    model = read_model(tmp_path / "a.glb")
    assert model.bones == BONES.joints
    assert np.abs(model.heads - (0, floor_of(model), 0) - rest_heads()).max() < 1e-5
    assert model.vertices[:, 1].min() == pytest.approx(0)
    assert model.vertices[:, 1].max() == pytest.approx(1.37 + floor_of(model), abs=0.03)
    assert np.abs(model.weights.sum(1) - 1).max() < 1e-6
    assert len(model.palette) == 4
    dark = model.palette.sum(1).argmin()
    eyes = model.vertices[model.faces[model.face_color == dark]].reshape(-1, 3)
    assert eyes[:, 2].min() > 0.05
    assert model.bones[model.weights[model.faces[model.face_color == dark][0, 0]].argmax()] == "Head"


def test_the_left_hand_is_moved_by_the_left_hand(robot: Path) -> None:
    """Vertices hang on the bone they lie at."""
    model = read_model(robot)
    hand = model.heads[model.bones.index("LeftHand")]
    near = np.linalg.norm(model.vertices - hand - (0.05, 0, 0), axis=1) < 0.03
    assert near.any()
    assert set(model.weights[near].argmax(1)) <= {
        model.bones.index(bone) for bone in ("LeftHand", "LeftLowerArm")
    }


def test_our_own_glb_is_a_character(tmp_path: Path) -> None:
    """What convert writes can be shown."""
    take = walking_take(2)
    write_glb([take], tmp_path / "a.glb")
    model = read_model(tmp_path / "a.glb")
    assert model.bones == BONES.joints
    assert np.abs((model.heads - model.heads[0]) - take.rest_heads).max() < 1e-5


def test_a_character_of_an_odd_size_is_made_usual(robot: Path) -> None:
    """Centimetres without a node that says so."""

    def grow(content: dict[str, Any]) -> None:
        content["nodes"][0]["scale"] = [100.0] * 3

    model = read_model(changed(robot, grow))
    assert model.heads[0, 1] == pytest.approx(0.9)


def drop_arm(content: dict[str, Any]) -> None:
    del content["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]["leftUpperArm"]


def no_human(content: dict[str, Any]) -> None:
    del content["extensions"]


def far_accessor(content: dict[str, Any]) -> None:
    content["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = 10**6


def far_joint(content: dict[str, Any]) -> None:
    content["skins"][0]["joints"] = [0]


def long_array(content: dict[str, Any]) -> None:
    content["accessors"][1]["count"] = 10**5


def far_view(content: dict[str, Any]) -> None:
    content["bufferViews"][1]["byteOffset"] = 2**40


def packed(content: dict[str, Any]) -> None:
    content["extensionsRequired"] = ["KHR_draco_mesh_compression"]


def circle(content: dict[str, Any]) -> None:
    content["nodes"][3]["children"] = [1]


def flat(content: dict[str, Any]) -> None:
    content["nodes"][0]["scale"] = [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_arm, "no bones that are known as LeftUpperArm"),
        (no_human, "no bones that are known as"),
        (far_accessor, "accessor 1000000 that does not exist"),
        (far_joint, "joints that do not exist"),
        (long_array, "longer than its place"),
        (far_view, "outside of its buffer"),
        (packed, "export without compression"),
        (circle, "no tree"),
        (flat, "hips are not above its feet"),
    ],
)
def test_files_that_are_wrong_are_refused(
    change: Callable[[dict[str, Any]], None], reason: str, robot: Path
) -> None:
    """With the reason, and what would be right."""
    with pytest.raises(ConfigError, match=reason) as told:
        read_model(changed(robot, change))
    assert "Give a .vrm file" in str(told.value)


def test_what_is_no_file_of_this_kind(tmp_path: Path) -> None:
    """Nothing there, a folder, text, half a file."""
    (tmp_path / "a.txt").write_text("hello" * 10)
    for path in (tmp_path / "no.vrm", tmp_path, tmp_path / "a.txt"):
        with pytest.raises(ConfigError, match="avatar"):
            read_model(path)


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_do_no_harm(robot: Path, seed: int) -> None:
    """Flipped and cut bytes give a character or a reason, never another error."""
    rng = np.random.default_rng(seed)
    data = bytearray(robot.read_bytes())
    for place in rng.integers(0, 20_000 if seed % 2 else len(data), 20):
        data[place] = rng.integers(256)
    robot.write_bytes(data[: rng.integers(100, len(data))] if seed % 5 == 0 else data)
    with contextlib.suppress(ConfigError):
        assert np.isfinite(read_model(robot).vertices).all()
