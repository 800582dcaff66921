"""GLB read back by pygltflib and trimesh: the take's joints and rotations, and a body on the bones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from lifting.errors import ConfigError, SinkError
from lifting.skeleton import BONES, SEALCAP26
from realtime.cli import main
from realtime.solve.forward import CARRIER
from realtime.takes.glb import write_glb
from realtime.takes.take import Take
from tests.realtime.takes.gltf_reader import GltfReader, assert_same_motion
from tests.realtime.takes.made_takes import session_of, walking_take, wild_take


def bones_of(reader: GltfReader, skin: int = 0) -> dict[str, int]:
    """Node of each bone of a skin."""
    return {reader.gltf.nodes[node].name: node for node in reader.gltf.skins[skin].joints}


@pytest.mark.parametrize("take", [walking_take(40), wild_take(60)], ids=["walking", "wild"])
def test_the_motion_comes_back(take: Take, tmp_path: Path) -> None:
    """Joints, rotations, times and names of bones."""
    write_glb([take], tmp_path / "a.glb")
    reader = GltfReader(tmp_path / "a.glb")
    assert tuple(bones_of(reader)) == BONES.joints
    assert np.abs(reader.times() - take.times_s).max() < 1e-6
    assert_same_motion(take, reader, bones_of(reader))


def test_rest_is_the_t_pose_on_the_floor(tmp_path: Path) -> None:
    """No node is turned or scaled, and the lowest point of the skeleton's body is the sole."""
    take = walking_take(2)
    write_glb([take], tmp_path / "a.glb")
    reader = GltfReader(tmp_path / "a.glb")
    assert all(node.rotation is None and node.scale is None for node in reader.gltf.nodes)
    world = reader.matrices(np.nan)
    hips, hand = (world[bones_of(reader)[bone], :3, 3] for bone in ("Hips", "LeftHand"))
    assert hips == pytest.approx([0, take.rest_pelvis_height_m, 0])
    assert hand - hips == pytest.approx(take.rest_joints[SEALCAP26.index("left_wrist")])


def test_the_body_hangs_on_the_bones(tmp_path: Path) -> None:
    """Skin and rest cancel out; in motion every joint keeps its distance to the body around it."""
    take = wild_take(30)
    write_glb([take], tmp_path / "a.glb")
    reader = GltfReader(tmp_path / "a.glb")
    (skin,), (mesh,) = reader.gltf.skins, reader.gltf.meshes
    inverse = reader.numbers(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    rest = reader.matrices(np.nan)[skin.joints] @ inverse
    assert np.abs(rest - np.eye(4)).max() < 1e-6
    moved = reader.matrices(take.times_s[17])[skin.joints] @ inverse
    joints = take.rest_joints + np.array([0, take.rest_pelvis_height_m, 0])
    crown = (0.0, "")
    for piece in mesh.primitives:
        points = reader.numbers(piece.attributes.POSITION).astype(float)
        bone = reader.numbers(piece.attributes.JOINTS_0)[:, 0]
        assert (reader.numbers(piece.attributes.WEIGHTS_0) == [1, 0, 0, 0]).all()
        crown = max(crown, (points[:, 1].max(), BONES.joints[bone[points[:, 1].argmax()]]))
        posed = np.einsum("vij,vj->vi", moved[bone][:, :3, :3], points) + moved[bone][:, :3, 3]
        for joint, carrier in enumerate(CARRIER):
            before = np.linalg.norm(points[bone == carrier] - joints[joint], axis=1)
            after = np.linalg.norm(posed[bone == carrier] - take.joints_world[17, joint], axis=1)
            assert np.abs(before - after).max(initial=0) < 1e-4
    assert crown[1] == "Head"


def test_the_body_is_solid_and_as_tall_as_the_person(tmp_path: Path) -> None:
    """Faces look outwards (volume above 0), normals are of length 1, and it stands on y = 0."""
    take = walking_take(2)
    write_glb([take], tmp_path / "a.glb")
    scene = trimesh.load_scene(tmp_path / "a.glb")
    assert len(scene.geometry) == 3
    for piece in scene.geometry.values():
        assert all(part.volume > 0 for part in piece.split(only_watertight=False) if len(part.faces) > 10)
        lengths = np.linalg.norm(piece.vertex_normals, axis=1)
        assert np.abs(lengths - 1).max() < 1e-5
    low, high = scene.bounds[:, 1]
    assert -0.06 < low < 0.0
    assert take.height_m - 0.12 < high < take.height_m + 0.12


def test_several_people_move_together(tmp_path: Path) -> None:
    """One animation, a skeleton each, whoever comes later begins later."""
    first, late = walking_take(30), replace(wild_take(30), person_id=8)
    late = replace(late, start_wall_ns=first.start_wall_ns + 500_000_000)
    write_glb([first, late], tmp_path / "two.glb")
    reader = GltfReader(tmp_path / "two.glb")
    assert [node.name for node in reader.gltf.nodes if node.skin is not None] == [
        "Person 3 body", "Person 8 body",
    ]  # fmt: skip
    assert len(reader.gltf.materials) == 3
    assert_same_motion(first, reader, bones_of(reader, 0))
    assert_same_motion(late, reader, bones_of(reader, 1), start_s=0.5)


def test_convert_puts_everybody_into_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --person, with all; one number takes one; a part in which only one is there has only them."""
    times = np.arange(30) / 30
    file = session_of(tmp_path / "s.mcap", {1: list(times), 4: list(times[15:])})

    def people(*options: str) -> int:
        assert main(["convert", str(file), str(tmp_path / "out.glb"), "--force", *options]) == 0
        return len(GltfReader(tmp_path / "out.glb").gltf.skins)

    assert people() == 2
    assert "person 4: 15 frames" in capsys.readouterr().out
    assert people("--person", "all") == 2
    assert people("--person", "4") == 1
    assert people("--end", "0.3") == 1
    assert main(["convert", str(file), str(tmp_path / "out.glb"), "--force", "--start", "7"]) == 2
    assert "person 4 from 0.50 to 0.97 s" in capsys.readouterr().err


def test_one_frame_is_a_file(tmp_path: Path) -> None:
    """A pose."""
    write_glb([walking_take(1)], tmp_path / "a.glb")
    assert_same_motion(walking_take(1), reader := GltfReader(tmp_path / "a.glb"), bones_of(reader))


def test_times_too_fine_for_the_format_are_refused(tmp_path: Path) -> None:
    """Ten hours at 1000 fps do not fit into 32 bits; no file is left."""
    first = walking_take(2)
    late = replace(walking_take(3, 1000.0), start_wall_ns=first.start_wall_ns + 36_000 * 10**9)
    with pytest.raises(ConfigError, match="too coarse for 1000 fps in a take of 36000 s"):
        write_glb([first, late], tmp_path / "a.glb")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Is told, as for every format."""
    with pytest.raises(SinkError, match=r"Cannot write .*a\.glb"):
        write_glb([walking_take(2)], tmp_path / "no" / "a.glb")
