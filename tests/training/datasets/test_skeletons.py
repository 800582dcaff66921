"""Skeletons of the benchmarks are trees whose sides mirror each other."""

from __future__ import annotations

import pytest

from lifting.skeleton import Skeleton
from training.datasets.skeletons import MPI3DHP17, WHOLEBODY133


@pytest.mark.parametrize("skeleton", [MPI3DHP17, WHOLEBODY133])
def test_trees(skeleton: Skeleton) -> None:
    """One root, no cycles, names once each."""
    assert len(set(skeleton.joints)) == len(skeleton) == len(skeleton.parents)
    assert skeleton.parents.count(-1) == 1
    for joint in range(len(skeleton)):
        steps, at = 0, joint
        while at >= 0:
            at, steps = skeleton.parents[at], steps + 1
            assert steps <= len(skeleton)


@pytest.mark.parametrize("skeleton", [MPI3DHP17, WHOLEBODY133])
def test_mirror(skeleton: Skeleton) -> None:
    """Mirroring twice changes nothing, and a joint's twin hangs from the twin of its parent."""
    twin = skeleton.mirrored
    assert (twin[twin] == range(len(skeleton))).all()
    for joint, parent in enumerate(skeleton.parents):
        assert skeleton.parents[twin[joint]] == (twin[parent] if parent >= 0 else -1)


def test_3dhp_sides() -> None:
    """The pairs of the community's code: 2-4 and 5-7 arms, 8-10 and 11-13 legs."""
    assert MPI3DHP17.mirrored.tolist() == [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 14, 15, 16]


def test_whole_body_parts() -> None:
    """Places of COCO-WholeBody: hands begin at 91 and 112; 29 pairs and 10 middle points of a face."""
    names = WHOLEBODY133.joints
    assert (names[91], names[112], names[19], names[22]) == (
        "left_hand",
        "right_hand",
        "left_heel",
        "right_heel",
    )
    face = names[23:91]
    assert sum("left" in n for n in face) == sum("right" in n for n in face) == 29
    assert (WHOLEBODY133.parents[91], WHOLEBODY133.parents[112]) == (9, 10)
    assert (names[111], WHOLEBODY133.parents[111]) == ("left_little_4", 110)
