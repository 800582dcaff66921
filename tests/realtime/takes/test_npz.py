"""NPZ read back by numpy, without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import place_joints, world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.takes.load import load_takes
from realtime.takes.npz import write_npz
from tests.realtime.takes.made_takes import take_of, wild_take


def read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file}


def test_everything_comes_back(tmp_path: Path) -> None:
    """All arrays, and forward kinematics from the file alone gives its joints."""
    take = wild_take()
    write_npz(take, tmp_path / "a.npz")
    found = read(tmp_path / "a.npz")
    R = to_matrix(world_rotations(found["bone_rotations"]))
    rebuilt = place_joints(R, found["rest_joints"], found["joints_world"][:, 0])
    assert np.abs(rebuilt - take.joints_world).max() < 1e-9
    assert found["joint_names"].tolist() == list(SEALCAP26.joints)
    assert found["bone_parents"].tolist() == list(BONES.parents)
    assert (found["fps"], found["captured_fps"], found["height_m"]) == (take.fps, take.captured_fps, 1.7)
    assert (found["person_id"], found["start_wall_ns"], str(found["name"])) == (3, take.start_wall_ns, "made")
    assert np.array_equal(found["time_s"], take.times_s)


def test_a_recorded_session(tmp_path: Path, session_file: Path) -> None:
    """Gaps are marked; no array needs pickle."""
    (take,) = load_takes(session_file)
    write_npz(take, tmp_path / "a.npz")
    found = read(tmp_path / "a.npz")
    assert np.array_equal(found["present"], take.present)
    assert found["state"].tolist() == list(take.states)
    assert all(array.dtype != object for array in found.values())


def test_one_frame(tmp_path: Path) -> None:
    """A single pose keeps its axis of frames."""
    write_npz(take_of({}), tmp_path / "a.npz")
    assert read(tmp_path / "a.npz")["joints_world"].shape == (1, 26, 3)
