"""Pictures of skeletons: the truth is where it should be, sides have colours, nonsense does not crash."""

from __future__ import annotations

import numpy as np
import pytest

from lifting.skeleton import SEALCAP26
from training.skeleton_picture import CELL_PX, HALF_HEIGHT_M, skeleton_picture


@pytest.fixture
def standing(recorded_joints: np.ndarray) -> np.ndarray:
    """(2,26,3) two people in camera axes, who face the camera: x right, y down, z ahead."""
    world = recorded_joints[[0, 30]]
    world = world - world[:, :1]
    return np.stack([world[..., 1], -world[..., 2], -world[..., 0]], axis=-1).astype(np.float32)


def test_size_and_place(standing: np.ndarray) -> None:
    """One column per person, two rows; the feet are drawn below the middle, where the projection says."""
    picture = skeleton_picture(standing, standing, SEALCAP26)
    assert picture.shape == (2 * CELL_PX, 2 * CELL_PX, 3)
    toe = standing[0, SEALCAP26.index("left_toe")]
    across, down = (round((toe[axis] / HALF_HEIGHT_M + 1) * CELL_PX / 2) for axis in (0, 1))
    assert picture[down, across].min() < 200, "front: x and y"
    across = round((toe[2] / HALF_HEIGHT_M + 1) * CELL_PX / 2)
    assert picture[CELL_PX + down, across].min() < 200, "side: depth and y"
    assert (picture[CELL_PX // 2, 5:20] == 255).all(), "nothing at the border"


def test_sides_and_truth_have_their_colours(standing: np.ndarray) -> None:
    """Left limbs are blue and on the right of somebody who faces us; where truth differs, grey shows."""
    picture = skeleton_picture(standing, standing, SEALCAP26)[:CELL_PX, :CELL_PX].astype(int)
    blue = (picture[..., 2] > picture[..., 0] + 60).nonzero()[1]
    orange = (picture[..., 0] > picture[..., 2] + 60).nonzero()[1]
    assert blue.mean() > CELL_PX / 2 > orange.mean()
    off = standing + np.float32(0.4)
    grey = (skeleton_picture(off, standing, SEALCAP26)[:CELL_PX, :CELL_PX] == 190).all(axis=-1)
    assert grey.sum() > 500


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_nonsense_is_drawn_somewhere(standing: np.ndarray, value: float) -> None:
    """What an untrained or broken network says cannot stop a training."""
    assert skeleton_picture(np.full_like(standing, value), standing, SEALCAP26).any()


def test_shapes_are_checked(standing: np.ndarray) -> None:
    """Poses of another skeleton are refused."""
    with pytest.raises(ValueError, match=r"\(N,26,3\)"):
        skeleton_picture(standing[:, :17], standing[:, :17], SEALCAP26)
