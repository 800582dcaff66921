"""Human3.6M: axes, units, splits and joints as published; clear errors for everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import DataError
from lifting.skeleton import H36M17
from training.datasets import load_sequences
from training.datasets.human36m import FROM_32
from training.datasets.human36m_cameras import LENSES, POSES, project, rotation, to_camera


def test_cameras_stand_upright_and_look_at_the_subject() -> None:
    """Every camera is a rotation, stands 1.4 to 1.7 m high, and sees the middle of the room."""
    middle = np.array([[[0.0, 0.0, 0.9]]], np.float32)
    assert set(POSES) == {"S1", "S5", "S6", "S7", "S8", "S9", "S11"}
    for subject, poses in POSES.items():
        for camera, (quaternion, position) in enumerate(poses):
            R = rotation(np.array(quaternion))
            assert np.allclose(R @ R.T, np.eye(3), atol=1e-9)
            assert np.linalg.det(R) == pytest.approx(1)
            assert np.linalg.norm(quaternion) == pytest.approx(1, abs=1e-6)
            assert 1.4 < position[2] < 1.7
            assert R[2, 1] < -0.95  # the camera's y axis points down
            cam = to_camera(middle, subject, camera)
            assert 3 < cam[0, 0, 2] < 7
            assert (np.abs(project(cam, camera) - 500) < 300).all()


def test_to_camera_keeps_distances() -> None:
    """The move to camera axes is rigid."""
    rng = np.random.default_rng(0)
    world = rng.normal(size=(4, 17, 3)).astype(np.float32)
    cam = to_camera(world, "S9", 2)
    before = np.linalg.norm(world[:, :, None] - world[:, None], axis=-1)
    after = np.linalg.norm(cam[:, :, None] - cam[:, None], axis=-1)
    assert np.allclose(before, after, atol=1e-5)


def test_projection_without_distortion_is_the_pinhole() -> None:
    """On the optical axis a point falls on the principal point; near it, f·x/z is added."""
    for camera, lens in enumerate(LENSES):
        near = project(np.array([[0.0, 0.0, 5.0], [0.01, -0.02, 5.0]], np.float32), camera)
        assert near[0] == pytest.approx(lens.centre_px)
        assert near[1] - near[0] == pytest.approx(np.array(lens.focal_px) * (0.002, -0.004), abs=0.01)


@pytest.mark.parametrize(
    ("split", "subjects"),
    [
        ("train", {"S1", "S5", "S6", "S7"}),
        ("val", {"S8"}),
        ("trainval", {"S1", "S5", "S6", "S7", "S8"}),
        ("test", {"S9", "S11"}),
    ],
)
def test_splits(h36m_folder: Path, split: str, subjects: set[str]) -> None:
    """Each split has its subjects, two actions and four cameras each, of which every frame counts."""
    data = load_sequences("h36m", h36m_folder, split)
    assert set(data.subject) == subjects
    assert len(data) == len(subjects) * 2 * 4
    assert data.valid.all()
    assert data.keypoints.shape == data.joints.shape == (int(data.frames.sum()), 17, 3)
    assert set(data.fps.tolist()) == {50.0}


def test_poses_are_the_files_in_camera_axes(h36m_folder: Path) -> None:
    """2D is the projection of pelvis + pose; the pelvis is 0; the head is above it, y pointing down."""
    data = load_sequences("h36m", h36m_folder, "test")
    clip = [i for i in range(len(data)) if (data.subject[i], data.action[i]) == ("S9", "Walking")][1]
    rows = slice(int(data.first[clip]), int(data.first[clip] + data.frames[clip]))
    with np.load(h36m_folder / "data_3d_h36m.npz") as file:
        world = file["positions_3d/S9/Walking"][:, FROM_32]
    cam = to_camera(world, "S9", 1)
    assert data.camera[clip] == "55011271"
    assert np.allclose(data.joints[rows], cam - cam[:, :1], atol=1e-5)
    pixels = (data.keypoints[rows, :, :2] + 1) * 500  # this camera's picture is 1000 × 1000
    assert np.allclose(pixels, project(cam, 1), atol=0.01)
    assert (data.joints[:, H36M17.index("head"), 1] < -0.5).all()
    assert (data.joints[:, 0] == 0).all()


def test_detections_may_be_longer(h36m_folder: Path) -> None:
    """Detected 2D with two frames more than the truth is cut to it."""
    exact, noisy = (load_sequences("h36m", h36m_folder, "val", kind) for kind in ("gt", "cpn"))
    assert noisy.keypoints.shape == exact.keypoints.shape
    assert 0 < np.abs(noisy.keypoints - exact.keypoints)[..., :2].max() < 0.05


def test_hourglass_has_no_neck(h36m_folder: Path) -> None:
    """16 joints of a stacked hourglass find their places; the neck counts as unseen."""
    order = [
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "spine",
    ]
    order += ["thorax", "head", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder"]
    order += ["left_elbow", "left_wrist"]
    with np.load(h36m_folder / "data_2d_h36m_gt.npz") as file:
        arrays = {name: file[name][:, H36M17.indices(*order)] for name in file.files}
    np.savez(h36m_folder / "data_2d_h36m_sh_ft_h36m.npz", **arrays)
    exact, found = (load_sequences("h36m", h36m_folder, "val", kind) for kind in ("gt", "sh"))
    neck = H36M17.index("neck")
    assert (found.keypoints[:, neck] == 0).all()
    others = [i for i in range(17) if i != neck]
    assert np.array_equal(found.keypoints[:, others], exact.keypoints[:, others])


def _set(name: str, how: Callable[[np.ndarray], Any]) -> Callable[[dict[str, np.ndarray]], object]:
    return lambda arrays: arrays.update({name: how(arrays[name])})


def _nan(array: np.ndarray) -> np.ndarray:
    array[3, 2] = np.nan
    return array


TRUTH, SEEN = "data_3d_h36m.npz", "data_2d_h36m_gt.npz"
POSE, VIEW = "positions_3d/S8/Walking", "positions_2d/S8/Walking/2"


@pytest.mark.parametrize(
    ("file", "how", "complaint"),
    [
        (TRUTH, _set(POSE, _nan), "3D joints are not all finite"),
        (SEEN, _set(VIEW, _nan), "2D points are not all finite"),
        (TRUTH, _set(POSE, lambda a: a[:, :20]), r"\(12, 20, 3\).*17"),
        (SEEN, _set(VIEW, lambda a: a[:, :15]), r"\(12, 15, 2\).*17"),
        (SEEN, _set(VIEW, lambda a: a[:5]), "5 frames.*12"),
        (SEEN, lambda arrays: arrays.pop(VIEW), "lacks positions_2d/S8/Walking/2; there are: 0, 1, 3"),
        (TRUTH, lambda a: [a.pop(n) for n in list(a) if "/S8/" in n], "no subject S8; it has S1, S11, S5"),
        (TRUTH, lambda a: [a.update({n: 1000 * v}) for n, v in list(a.items())], "unit"),
        (TRUTH, lambda a: [a.pop(n) for n in list(a)] + [a.update(other=np.ones(3))], "lacks positions_3d"),
        (TRUTH, _set(POSE, lambda a: a.astype("U8")), "numbers"),
    ],
)
def test_damaged_files(h36m_folder: Path, damage: Any, file: str, how: Any, complaint: str) -> None:
    """NaN, wrong joints, missing views, subjects and frames, and millimetres are told in one sentence."""
    damage(h36m_folder / file, how)
    with pytest.raises(DataError, match=complaint):
        load_sequences("h36m", h36m_folder, "val")


def test_pickled_missing_and_cut_files(h36m_folder: Path) -> None:
    """A file that still holds objects names the command that unpacks it; others say what to get."""
    path = h36m_folder / TRUTH
    whole = path.read_bytes()
    np.savez(path, positions_3d=np.array({"S8": {}}, dtype=object))
    with pytest.raises(DataError, match="sealcap data unpack"):
        load_sequences("h36m", h36m_folder, "val")
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged"):
        load_sequences("h36m", h36m_folder, "val")
    path.unlink()
    with pytest.raises(DataError, match=r"There is no .*docs/datasets.md"):
        load_sequences("h36m", h36m_folder, "val")


def test_unknown_names(h36m_folder: Path) -> None:
    """Unknown data sets, splits and inputs list what exists."""
    with pytest.raises(DataError, match="h36m, 3dhp, h3wb"):
        load_sequences("coco", h36m_folder, "val")
    with pytest.raises(DataError, match="train, val, trainval, test"):
        load_sequences("h36m", h36m_folder, "validation")
    with pytest.raises(DataError, match="gt, cpn, sh"):
        load_sequences("h36m", h36m_folder, "val", "hrnet")
    with pytest.raises(DataError, match="choose one of gt"):
        load_sequences("3dhp", h36m_folder, "val", "cpn")
