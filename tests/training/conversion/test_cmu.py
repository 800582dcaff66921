"""The three public forms of one CMU motion say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.errors import DataError
from training.conversion import cmu
from training.conversion.acclaim import read_amc, read_asf
from training.conversion.bvh import read_bvh
from training.conversion.layout import JOINTS, SEGMENTS, ZUP_FROM_YUP
from training.conversion.proportions import from_asf, from_mb, mean_proportions
from training.conversion.rotations import rotate


def test_three_forms_agree(figure, tmp_path: Path) -> None:
    """AMC, MotionBuilder-friendly and Daz-friendly files of a motion give the same joints to 0.1 mm."""
    skeleton = read_asf(figure.write_asf(tmp_path / "01.asf"))
    body = from_asf(skeleton)
    posed = [cmu.pose(read_amc(figure.write_amc(tmp_path / "01_01.amc"), skeleton), body)]
    for form, write in (("mb", figure.write_mb), ("daz", figure.write_daz)):
        bvh = read_bvh(write(tmp_path / f"{form}.bvh"))
        assert cmu.form_of(bvh) == form
        posed.append(cmu.pose(cmu.from_bvh(bvh, form, body), body))
    for joints, segments in posed[1:]:
        for name in posed[0][0]:
            # The hand and toes of the Daz form follow wrist and foot, which here they do anyway.
            assert np.abs(joints[name] - posed[0][0][name]).max() < 1e-4, name
        for name in SEGMENTS:
            assert np.abs(segments[name] - posed[0][1][name]).max() < 1e-4, name


def test_joints_are_where_the_bones_end(figure, tmp_path: Path) -> None:
    """Hips, knees, ankles and the trunk of the posed figure lie at the ends of the bones that make them."""
    skeleton = read_asf(figure.write_asf(tmp_path / "01.asf"))
    joints, _ = cmu.pose(figure.motion, from_asf(skeleton))
    ends = {"l_hip": "lhipjoint", "r_knee": "rfemur", "l_ankle": "ltibia", "spine": "lowerback",
            "chest": "upperback", "neck": "lowerneck", "head": "head", "r_shoulder": "rclavicle"}  # fmt: skip
    for joint, bone in ends.items():
        assert np.abs(joints[joint] - figure.ends_m[bone] @ ZUP_FROM_YUP.T).max() < 1e-6, joint
    arm = sum(np.linalg.norm(v) for v in ([5.1, 0, 0], [3.2, 0, 0], [1.6, 0, 0])) * 0.0254 / 0.45
    lengths = [
        np.linalg.norm(joints[b] - joints[a], axis=-1)
        for a, b in (("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist"))
    ]
    assert np.ptp(lengths[0]) < 1e-9
    assert lengths[0][0] + lengths[1][0] == pytest.approx(arm)
    assert lengths[0][0] / arm == pytest.approx(0.5115)


def test_segments_point_along_their_bones(figure, tmp_path: Path) -> None:
    """Upper arms point along R·(0,±1,0), thighs and shanks along R·(0,0,-1), as the corpus says."""
    joints, segments = cmu.pose(figure.motion, from_asf(read_asf(figure.write_asf(tmp_path / "01.asf"))))
    rows = [
        ("l_upperarm", (0, 1, 0), "l_shoulder", "l_elbow"),
        ("r_upperarm", (0, -1, 0), "r_shoulder", "r_elbow"),
        ("r_forearm", (0, -1, 0), "r_elbow", "r_wrist"),
        ("l_thigh", (0, 0, -1), "l_hip", "l_knee"),
        ("r_shank", (0, 0, -1), "r_knee", "r_ankle"),
    ]
    for segment, axis, a, b in rows:
        bone = joints[b] - joints[a]
        bone /= np.linalg.norm(bone, axis=-1, keepdims=True)
        assert np.abs(rotate(segments[segment], axis) - bone).max() < 1e-6, segment


def test_proportions_of_both_files_agree(figure, tmp_path: Path) -> None:
    """A MotionBuilder-friendly file yields the same person as the ASF, also without the bones it lacks."""
    from_skeleton = from_asf(read_asf(figure.write_asf(tmp_path / "01.asf")))
    path = figure.write_mb(tmp_path / "mb.bvh")
    exact = from_mb(read_bvh(path))
    assert exact.stature_m == pytest.approx(from_skeleton.stature_m, abs=1e-5)
    assert exact.upperarm_m == pytest.approx(from_skeleton.upperarm_m, abs=1e-5)
    without = path.read_text().replace("OFFSET 0.000000 2.060000 0.060000", "OFFSET 0 0 0")
    path.write_text(without.replace("OFFSET 1.600000 0.000000 0.000000", "OFFSET 0 0 0"))
    assert from_mb(read_bvh(path)).stature_m == pytest.approx(from_skeleton.stature_m, abs=0.002)


def test_mean_proportions_stand_as_tall_as_asked() -> None:
    """The average person of a stature has that stature by its bones, to half a percent."""
    for stature in (1.5, 1.72, 2.0):
        assert mean_proportions(stature).stature_m == pytest.approx(stature, rel=0.005)


def test_skeleton_of_another_kind_is_refused(figure, tmp_path: Path) -> None:
    """An ASF without CMU's bones, or one that stands 17 m tall, is no CMU person."""
    path = figure.write_asf(tmp_path / "01.asf")
    text = path.read_text()
    path.write_text(text.replace("lfemur", "leftthigh"))
    with pytest.raises(DataError, match="lfemur"):
        from_asf(read_asf(path))
    path.write_text(text.replace("length 0.45", "length 0.045"))
    with pytest.raises(DataError, match="m tall"):
        from_asf(read_asf(path))


def test_all_joints_come_from_somewhere(figure, tmp_path: Path) -> None:
    """Posing gives every corpus joint but the extremities."""
    joints, segments = cmu.pose(figure.motion, mean_proportions())
    extremities = {"head_top", "nose"} | {
        f"{s}_{e}" for s in "lr" for e in ("eye", "ear", "heel", "ball", "toe")
    }
    assert set(joints) == set(JOINTS) - extremities
    assert set(segments) == set(SEGMENTS)
