"""Tiny data sets in the formats of the real ones, made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.skeleton import H36M17, Skeleton
from training.datasets.human36m_cameras import LENSES, POSES, project, to_camera
from training.datasets.skeletons import MPI3DHP17, WHOLEBODY133

FRAMES = 12
_PLACE = {
    "pelvis": (0, 0, 0.95), "hip": (0, 0.1, 0.93), "knee": (0.03, 0.1, 0.5), "ankle": (0, 0.1, 0.08),
    "spine": (0, 0, 1.15), "thorax": (0, 0, 1.4), "neck": (0.05, 0, 1.5), "head": (0, 0, 1.62),
    "head_top": (0, 0, 1.75), "nose": (0.1, 0, 1.6), "eye": (0.08, 0.03, 1.63), "ear": (0, 0.07, 1.62),
    "shoulder": (0, 0.18, 1.4), "elbow": (0, 0.25, 1.13), "wrist": (0.08, 0.27, 0.9),
    "hand": (0.09, 0.27, 0.88), "heel": (-0.05, 0.1, 0.03), "big_toe": (0.2, 0.09, 0.02),
    "small_toe": (0.18, 0.14, 0.02),
}  # fmt: skip


def figure(skeleton: Skeleton, frames: int = FRAMES, phase: float = 0.0) -> np.ndarray:
    """(frames,J,3) metres, Z up: a figure that swings its arms and walks on a little."""
    rng = np.random.default_rng(1)
    pose = np.zeros((len(skeleton), 3))
    for i, joint in enumerate(skeleton.joints):
        side, _, part = joint.partition("_")
        name = part if side in ("left", "right") else joint
        near = next(
            (k for k in ("face", "thumb", "index", "middle", "ring", "little") if name.startswith(k)), ""
        )
        base = _PLACE["nose" if near == "face" else "hand"] if near else _PLACE[name]
        pose[i] = (np.array(base) + bool(near) * rng.normal(0, 0.02, 3)) * (
            1,
            -1 if side == "right" else 1,
            1,
        )
    moved = np.repeat(pose[None], frames, axis=0)
    time = np.arange(frames) / 25 + phase
    for sign, side in ((1, "left"), (-1, "right")):
        moved[:, skeleton.index(f"{side}_wrist"), 0] += 0.2 * sign * np.sin(4 * time)
    return moved + 0.1 * time[:, None, None] * np.array([1.0, 0.3, 0])


def h36m_truth() -> dict[str, dict[str, np.ndarray]]:
    """positions_3d: 32 joints, of which 15 are copies."""
    from training.datasets.human36m import FROM_32

    data: dict[str, dict[str, np.ndarray]] = {}
    for i, subject in enumerate(POSES):
        data[subject] = {}
        for j, action in enumerate(("Walking", "Sitting 1")):
            whole = np.zeros((FRAMES, 32, 3), np.float32)
            whole[:, FROM_32] = figure(H36M17, phase=i + 0.5 * j)
            data[subject][action] = whole
    return data


def h36m_keypoints(noise_px: float = 0.0, extra: int = 0) -> dict[str, dict[str, list[np.ndarray]]]:
    """positions_2d: projections of the same, with `extra` frames at the end as detectors have them."""
    from training.datasets.human36m import FROM_32

    rng = np.random.default_rng(2)
    made: dict[str, dict[str, list[np.ndarray]]] = {}
    for subject, actions in h36m_truth().items():
        made[subject] = {}
        for action, joints in actions.items():
            views = [project(to_camera(joints[:, FROM_32], subject, i), i) for i in range(len(LENSES))]
            views = [np.concatenate([v, v[-1:].repeat(extra, 0)]) for v in views]
            made[subject][action] = [
                (v + noise_px * rng.normal(size=v.shape)).astype(np.float32) for v in views
            ]
    return made


def flat(name: str, data: Any) -> dict[str, np.ndarray]:
    """Nested data with the names that unpacking gives them."""
    if isinstance(data, dict | list):
        items = data.items() if isinstance(data, dict) else enumerate(data)
        return {k: v for key, item in items for k, v in flat(f"{name}/{key}", item).items()}
    return {name: np.asarray(data)}


@pytest.fixture
def h36m_folder(tmp_path: Path) -> Path:
    """Plain Human3.6M files: truth, projected and detected 2D."""
    folder = tmp_path / "h36m"
    folder.mkdir()
    np.savez(folder / "data_3d_h36m.npz", **flat("positions_3d", h36m_truth()))
    np.savez(folder / "data_2d_h36m_gt.npz", **flat("positions_2d", h36m_keypoints()))
    detected = h36m_keypoints(noise_px=3.0, extra=2)
    np.savez(folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz", **flat("positions_2d", detected))
    return folder


def mpi_data(test: bool = False) -> dict[str, Any]:
    """The dictionary inside data_train_3dhp.npz or data_test_3dhp.npz."""

    def view(phase: float, size: tuple[int, int]) -> dict[str, np.ndarray]:
        joints = figure(MPI3DHP17, phase=phase)[..., [1, 2, 0]] * (1000, -1000, 1000) + (0, 900, 4000)
        pixels = joints[..., :2] / joints[..., 2:] * 0.7 * size[0] + np.array(size) / 2
        return {"data_2d": pixels.astype(np.float32), "data_3d": joints.astype(np.float32)}

    if test:
        made = {f"TS{i}": view(i, (1920, 1080) if i > 4 else (2048, 2048)) for i in range(1, 7)}
        for sequence in made.values():
            sequence["valid"] = np.arange(FRAMES) % 3 == 0
        return made
    sequences = [f"S{s} Seq{q}" for s in range(1, 9) for q in (1, 2)]
    return {
        name: [{camera: view(i, (2048, 2048)) for camera in ("0", "8")}, 25 * (1 + i % 2)]
        for i, name in enumerate(sequences)
    }


@pytest.fixture
def mpi_folder(tmp_path: Path) -> Path:
    """Plain MPI-INF-3DHP files."""
    folder = tmp_path / "3dhp"
    folder.mkdir()
    np.savez(folder / "data_train_3dhp.npz", **flat("data", mpi_data()))
    np.savez(folder / "data_test_3dhp.npz", **flat("data", mpi_data(test=True)))
    return folder


def h3wb_samples(poses: int = 10) -> dict[str, Any]:
    """The object inside 2Dto3D_train.json."""
    made: dict[str, Any] = {}
    for number in range(4 * poses):
        joints = figure(WHOLEBODY133, 1, phase=number)[0][:, [1, 2, 0]] * (1000, -1000, 1000)
        pixels = joints[:, :2] / 5 + (500, 600)
        made[str(number)] = {
            "keypoints_2d": {str(j): {"x": float(x), "y": float(y)} for j, (x, y) in enumerate(pixels)},
            "keypoints_3d": {
                str(j): {"x": float(x), "y": float(y), "z": float(z)} for j, (x, y, z) in enumerate(joints)
            },
        }
    return made


@pytest.fixture
def h3wb_folder(tmp_path: Path) -> Path:
    """H3WB's json files."""
    folder = tmp_path / "h3wb"
    folder.mkdir()
    (folder / "2Dto3D_train.json").write_text(json.dumps(h3wb_samples()))
    (folder / "2Dto3D_test_3d.json").write_text(json.dumps(h3wb_samples(2)))
    return folder


@pytest.fixture
def data_folders(h36m_folder: Path, mpi_folder: Path, h3wb_folder: Path) -> dict[str, Path]:
    """Folder of each kind of data set."""
    return {"h36m": h36m_folder, "3dhp": mpi_folder, "h3wb": h3wb_folder}


Damage = Callable[[dict[str, np.ndarray]], object]


@pytest.fixture
def damage() -> Callable[[Path, Damage], None]:
    """Rewrites an .npz after a change to its arrays."""

    def change(path: Path, how: Damage) -> None:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        how(arrays)
        np.savez(path, **arrays)

    return change
