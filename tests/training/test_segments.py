"""Bones, mirrored pairs and limbs are found by name in every skeleton."""

from __future__ import annotations

import pytest

from lifting.skeleton import BODY21, H36M17, SEALCAP26, Skeleton
from training import segments
from training.datasets.skeletons import WHOLEBODY133

DHP16 = Skeleton(
    "3dhp16",
    (
        "head_top", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
        "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "pelvis", "spine",
    ),
    (1, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14),
)  # fmt: skip


def named(skeleton: Skeleton, bone: tuple[int, int]) -> str:
    return "-".join(skeleton.joints[i] for i in bone)


@pytest.mark.parametrize(
    ("skeleton", "bones", "pairs"),
    [(SEALCAP26, 20, 8), (H36M17, 16, 6), (DHP16, 15, 6)],
    ids=lambda x: str(x)[:20],
)
def test_tables_of_known_skeletons(skeleton: Skeleton, bones: int, pairs: int) -> None:
    """Bones without the face, every left bone beside its twin, two arms and two legs of two bones."""
    assert len(segments.bones(skeleton)) == bones
    mirrored = segments.mirrored_bones(skeleton)
    assert len(mirrored) == pairs
    for left, right in mirrored:
        assert right in segments.bones(skeleton)
        assert named(skeleton, left).replace("left_", "right_") == named(skeleton, right)
    names = [[named(skeleton, bone) for bone in limb] for limb in segments.limbs(skeleton)]
    assert names[0] == ["left_shoulder-left_elbow", "left_elbow-left_wrist"]
    assert names[3] == ["right_hip-right_knee", "right_knee-right_ankle"]
    assert len(names) == 4
    roots = set(range(len(skeleton))) - set(segments.below_root(skeleton))
    assert [skeleton.joints[i] for i in roots] == ["pelvis"]


def test_a_face_of_landmarks_is_no_body() -> None:
    """Of H3WB's 133 joints, 68 in the face: limbs, sides of the trunk, feet and hands are left, in pairs."""
    names = {named(WHOLEBODY133, bone) for bone in segments.bones(WHOLEBODY133)}
    assert not [name for name in names if "face" in name or "nose" in name or "eye" in name or "ear" in name]
    left = {name.replace("left_", "") for name in names if name.startswith("left_")}
    body = {"shoulder-elbow", "elbow-wrist", "shoulder-hip", "hip-knee", "knee-ankle"}
    body |= {"ankle-big_toe", "ankle-small_toe", "ankle-heel", "wrist-hand"}
    assert {name for name in left if not name.split("-")[1][-1].isdigit()} == body
    assert len(left) == len(body) + 20  # and five fingers of four links
    assert len(names) == 2 * len(left)
    assert len(segments.mirrored_bones(WHOLEBODY133)) == len(left)


def test_skeletons_without_them_are_refused() -> None:
    """No tree, no sides, no limbs: each is said by name."""
    rod = Skeleton("rod", ("a", "b"), (-1, 0))
    with pytest.raises(ValueError, match="body21 has no bones"):
        segments.bones(BODY21)
    with pytest.raises(ValueError, match="body21 has no root"):
        segments.below_root(BODY21)
    with pytest.raises(ValueError, match="rod has no bones of a left side"):
        segments.mirrored_bones(rod)
    with pytest.raises(ValueError, match="rod has no limbs"):
        segments.limbs(rod)
