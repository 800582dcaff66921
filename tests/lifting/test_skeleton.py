"""Skeletons: orders that are part of the wire contract, trees, mirrors and maps."""

from __future__ import annotations

import numpy as np
import pytest

from lifting.skeleton import (
    BLAZEPOSE33_TO_BODY21,
    BODY21,
    BONES,
    COCO17,
    HALPE26_TO_BODY21,
    SEALCAP26,
    WHOLEBODY133_TO_BODY21,
    Skeleton,
    to_body21,
)


@pytest.mark.parametrize("skeleton", [BODY21, BONES, SEALCAP26])
def test_mirroring_twice_is_nothing(skeleton: Skeleton) -> None:
    """Every joint's twin has it as twin."""
    twice = skeleton.mirrored[skeleton.mirrored]
    assert np.array_equal(twice, np.arange(len(skeleton)))


@pytest.mark.parametrize(("skeleton", "count"), [(BODY21, 21), (BONES, 21), (SEALCAP26, 26), (COCO17, 17)])
def test_sizes_and_unique_names(skeleton: Skeleton, count: int) -> None:
    """The counts of the contract, no name twice."""
    assert len(skeleton) == count == len(set(skeleton.joints))


@pytest.mark.parametrize("skeleton", [BONES, SEALCAP26])
def test_parents_come_first(skeleton: Skeleton) -> None:
    """One root, and every parent stands before its children, so one pass suffices."""
    assert skeleton.parents[0] == -1
    assert all(0 <= p < i for i, p in enumerate(skeleton.parents) if i)


def test_the_tree_mirrors() -> None:
    """The left arm hangs on the tree as the right one does."""
    for skeleton in (BONES, SEALCAP26):
        twin = skeleton.mirrored
        for child, parent in enumerate(skeleton.parents):
            if parent >= 0:
                assert skeleton.parents[twin[child]] == twin[parent]


def test_unknown_joint_lists_the_known_ones() -> None:
    """The message says what would have been right."""
    with pytest.raises(KeyError, match="left_knee"):
        BODY21.index("knee_left")


@pytest.mark.parametrize(
    ("table", "size"), [(BLAZEPOSE33_TO_BODY21, 33), (HALPE26_TO_BODY21, 26), (WHOLEBODY133_TO_BODY21, 133)]
)
def test_maps_pick_each_joint_once(table: np.ndarray, size: int) -> None:
    """21 different points of the detector's own."""
    assert len(set(table.tolist())) == 21
    assert table.max() < size


def test_feet_are_unknown_to_coco() -> None:
    """A 17-point detector leaves heels and toes with confidence 0."""
    points = np.arange(34, dtype=np.float32).reshape(17, 2)
    out, confidence = to_body21(points, np.ones(17, np.float32), None)
    np.testing.assert_array_equal(out[:17], points)
    assert confidence[17:].max() == 0
