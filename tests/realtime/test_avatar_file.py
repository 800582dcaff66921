"""Skeletons of VRM files, old and new, and of files that are none."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import ConfigError
from realtime.avatar_file import MAX_JSON_BYTES, read_avatar
from realtime.solve.quaternions import to_matrix, unit
from tests.realtime.vrm_files import HEADS, write_glb, write_vrm

BOTH = pytest.mark.parametrize("version", [0, 1])
ARMATURE = (np.array([0.02, 0.0, 0.03]), np.array([-(0.5**0.5), 0.0, 0.0, 0.5**0.5]), 0.01)
"""As Blender exports may have it: Z up inside, centimetres."""


@BOTH
def test_both_versions_give_the_same_skeleton(version: int, tmp_path: Path) -> None:
    """VRM 0.x avatars look the other way in the file, not here."""
    write_vrm(tmp_path / "a.vrm", version)
    avatar = read_avatar(tmp_path / "a.vrm")
    assert avatar.version == version
    assert set(avatar.bones) == set(HEADS)
    for name, bone in avatar.bones.items():
        assert np.allclose(bone.head, HEADS[name], atol=1e-9), name
    assert avatar.bones["LeftHand"].head[0] > 0 < avatar.bones["LeftToes"].head[2]


@BOTH
def test_rest_rotations_and_scaled_armatures_are_followed(version: int, tmp_path: Path) -> None:
    """Whatever axes the bones have: heads and world rotations are those they were made from."""
    rng = np.random.default_rng(4)
    rotations = {name: unit(rng.normal(size=4)) for name in HEADS}
    write_vrm(tmp_path / "a.vrm", version, rotations=rotations, armature=ARMATURE)
    avatar = read_avatar(tmp_path / "a.vrm")
    for name, bone in avatar.bones.items():
        assert np.allclose(bone.head, HEADS[name], atol=1e-9), name
        assert np.allclose(to_matrix(bone.world), to_matrix(rotations[name]), atol=1e-9), name
    local = np.linalg.inv(avatar.hips_parent) @ [*HEADS["Hips"], 1.0]
    assert np.allclose(local[:3], avatar.bones["Hips"].offset)


def _broken(tmp_path: Path, change: object) -> Path:
    write_vrm(tmp_path / "a.vrm", 1)
    data = (tmp_path / "a.vrm").read_bytes()
    gltf = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    change(gltf)  # type: ignore[operator]
    write_glb(tmp_path / "b.vrm", gltf)
    return tmp_path / "b.vrm"


def _loop(gltf: dict) -> None:
    gltf["nodes"][3]["children"] = [0]


def _far(gltf: dict) -> None:
    gltf["nodes"][1]["translation"] = [1e30, 0, 0]


def _nowhere(gltf: dict) -> None:
    gltf["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]["hips"]["node"] = 9999


def _plain(gltf: dict) -> None:
    del gltf["extensions"]


def _legless(gltf: dict) -> None:
    del gltf["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]["leftUpperLeg"]


def _flat(gltf: dict) -> None:
    gltf["nodes"][2]["scale"] = [1, 0, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_loop, "no tree"),
        (_far, "absurdly large"),
        (_nowhere, "does not exist"),
        (_plain, "export it as VRM"),
        (_legless, "lacks LeftUpperLeg"),
        (_flat, "flat or mirrored"),
    ],
)
def test_broken_avatars_are_refused_with_the_reason(change: object, says: str, tmp_path: Path) -> None:
    """The message says what is wrong and what to give in its place."""
    with pytest.raises(ConfigError, match=f"{says}.*--vmc-offsets rest"):
        read_avatar(_broken(tmp_path, change))


def test_other_files_are_refused(tmp_path: Path) -> None:
    """No file, an empty one, text, a promise of gigabytes: each is one clear error."""
    with pytest.raises(ConfigError, match="There is no file"):
        read_avatar(tmp_path / "none.vrm")
    huge = (
        b"glTF" + (2).to_bytes(4, "little") + bytes(4) + (MAX_JSON_BYTES + 4).to_bytes(4, "little") + b"JSON"
    )
    for number, content in enumerate((b"", b"VRM", b"{" * 100, b"\x89PNG" + bytes(96), huge)):
        path = tmp_path / f"{number}.vrm"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="is no VRM avatar"):
            read_avatar(path)


def test_damage_anywhere_is_an_error_or_harmless(tmp_path: Path) -> None:
    """Truncated or with bytes changed, reading ends with a skeleton or a ConfigError, never otherwise."""
    write_vrm(tmp_path / "a.vrm", 0)
    whole = (tmp_path / "a.vrm").read_bytes()
    chance = random.Random(1)
    for _ in range(150):
        data = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        (tmp_path / "x.vrm").write_bytes(data)
        try:
            avatar = read_avatar(tmp_path / "x.vrm")
        except ConfigError:
            continue
        assert all(np.isfinite(bone.head).all() for bone in avatar.bones.values())
