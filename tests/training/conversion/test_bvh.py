"""The BVH reader against a hand-computed pose, a figure posed elsewhere, and damaged files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import DataError
from training.conversion import bvh as bvh_module
from training.conversion.bvh import read_bvh
from training.conversion.rotations import from_rotvec

ARM = """HIERARCHY
ROOT Hips
{
	OFFSET 0 0 0
	CHANNELS 6 Xposition Yposition ZPosition Zrotation Xrotation Yrotation
	JOINT Upper Arm
	{
		OFFSET 0 10 0
		CHANNELS 3 Zrotation Xrotation Yrotation
		End Site
		{
			OFFSET 5 0 0
		}
	}
}
MOTION
Frames:	2
Frame Time: 0.0166667
1 2 3 0 0 0 0 0 0
1 2 3 90 0 0 0 0 90

"""


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    """Two joints: the second frame turns the root by 90° about z, the arm by 90° about y."""
    path = tmp_path / "arm.bvh"
    path.write_text(ARM)
    return path


def test_hand_computed_pose(arm: Path) -> None:
    """Offsets turn with their parents, root positions replace the offset, names keep their words."""
    read = read_bvh(arm)
    positions, _ = read.forward_kinematics()
    assert read.names == ("Hips", "Upper_Arm", "Upper_Arm_end")
    assert read.fps == pytest.approx(60, rel=1e-4)
    assert np.allclose(positions[0], [[1, 2, 3], [1, 12, 3], [6, 12, 3]])
    # Root: y → -x. Arm: x → -z, which the root leaves.
    assert np.allclose(positions[1], [[1, 2, 3], [-9, 2, 3], [-9, 2, -2]], atol=1e-9)


def test_channels_multiply_in_their_order(arm: Path) -> None:
    """R = R_z R_x R_y for "Zrotation Xrotation Yrotation", each an exponential of its own axis."""
    arm.write_text(ARM.replace("90 0 0 0 0 90", "20 0 0 30 -40 50"))
    read = read_bvh(arm)
    z, x, y = (from_rotvec(np.deg2rad(a) * np.eye(3)[k]) for a, k in ((30, 2), (-40, 0), (50, 1)))
    assert np.allclose(read.local_rotation[1, 1], z @ x @ y)


def test_round_trip_of_the_figure(figure, tmp_path: Path) -> None:
    """A marching figure written as BVH and read back is within 0.05 mm, bone by bone."""
    read = read_bvh(figure.write_mb(tmp_path / "figure.bvh"))
    positions = read.forward_kinematics()[0][1:] * 0.0254 / 0.45
    for joint, bone in (("LeftToeBase", "lfoot"), ("Head_end", "head"), ("RightFingerBase", "rwrist")):
        assert np.abs(positions[:, read.names.index(joint)] - figure.ends_m[bone]).max() < 5e-5


DAMAGE = [
    (r"HIERARCHY", "JERARCHY", r"line 1: a BVH file begins"),
    (r"MOTION[\s\S]*", "", "ends before MOTION"),
    (r"OFFSET 0 10 0", "OFFSET 0 nan 0", r"line 8: 'nan' is not"),
    (r"OFFSET 0 10 0", "OFFSET 0 10", r"line 8: OFFSET of Upper_Arm needs three"),
    (r"\t\tOFFSET 0 10 0\n", "", r"line 6: joint Upper_Arm has no OFFSET"),
    (r"\t\tCHANNELS 3 .*\n", "", r"line 6: joint Upper_Arm has no CHANNELS"),
    (r"\t\tCHANNELS 3 Zrotation", "\t\tCHANNELS 3 Zrotation Zrotation", r"line 9: CHANNELS of Upper_Arm"),
    (r"\t\tCHANNELS 3", "\t\tCHANNELS 999999999999", r"line 9: CHANNELS"),
    (r"Zrotation Xrotation Yrotation\n\tJOINT", "Xscale Yscale Zscale\n\tJOINT", r"line 5: CHANNELS of Hips"),
    (r"6 (Xposition Yposition ZPosition) Zrotation Xrotation Yrotation", r"3 \1", "needs three rotation"),
    (r"\t\}\n\}\nMOTION", "\t}\nMOTION", "before the hierarchy is closed"),
    (r"\}\nMOTION", "}\n}\nMOTION", r"line 16: '}' does not belong"),
    (r"ROOT", "JOINT", r"line 2: JOINT stands where"),
    (r"End Site", "ROOT Other", r"line 10: ROOT stands where"),
    (r"\}\nMOTION", "}\nROOT Two\n{\nOFFSET 0 0 0\n}\nMOTION", "second ROOT"),
    (r"Frames:\t2", "Frames:\t3", "3 frames are declared, but 2 follow"),
    (r"Frames:\t2", "Frames: 99999999", "frames of 0.0166667 s cannot be read"),
    (r"Frames:\t2", "Frames: two", "'two' is not"),
    (r"Frames:\t2\n", "", "'Frames:' is expected"),
    (r"Frame Time: 0.0166667", "Frame Time: 0", "cannot be read"),
    (r"0 0 0 0 0 0\n", "0 0 0 0 0\n", r"line 19: 8 values, but the joints have 9 channels"),
    (r"90\n", "9x0\n", r"line 20: '9x0'"),
    (r"90\n", "inf\n", r"line 20: 'inf'"),
    (r"90\n", "1e300\n", r"line 20: '1e300'"),
    (r"Hips", "Upper Arm", "a joint needs a name that no other has"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "instead", "message"), DAMAGE)
def test_damaged_files_say_where(arm: Path, pattern: str, instead: str, message: str) -> None:
    """Every damage is a DataError that names the file and, where there is one, the line."""
    damaged, count = re.subn(pattern, instead, ARM, count=1)
    assert count == 1
    arm.write_text(damaged)
    with pytest.raises(DataError, match=message) as caught:
        read_bvh(arm)
    assert str(arm) in str(caught.value)


def test_spelling_of_other_exporters(arm: Path) -> None:
    """A byte order mark, Windows line ends, braces on the joint's line and ".0166667" change nothing."""
    expected = read_bvh(arm).forward_kinematics()[0]
    text = ARM.replace("Upper Arm\n\t{", "Upper Arm {").replace("0.0166667", ".0166667")
    arm.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert np.array_equal(read_bvh(arm).forward_kinematics()[0], expected)


def test_every_truncation_is_noticed(arm: Path) -> None:
    """A file cut after any line is an error, never a shorter motion."""
    lines = ARM.rstrip().splitlines()
    for keep in range(len(lines)):
        arm.write_text("\n".join(lines[:keep]))
        with pytest.raises(DataError):
            read_bvh(arm)


def test_binary_huge_and_absent_files(tmp_path: Path, arm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no text, too many joints or bytes, and no file at all."""
    noise = tmp_path / "noise.bvh"
    noise.write_bytes(b"HIERARCHY\n" + bytes(range(256)) * 9)
    with pytest.raises(DataError, match="not a text file"):
        read_bvh(noise)
    with pytest.raises(DataError, match="cannot be read"):
        read_bvh(tmp_path / "absent.bvh")
    monkeypatch.setattr(bvh_module, "MAX_JOINTS", 2)
    with pytest.raises(DataError, match="more than 2 joints"):
        read_bvh(arm)
    monkeypatch.setattr("training.conversion.textfile.MAX_BYTES", 100)
    with pytest.raises(DataError, match="larger than"):
        read_bvh(arm)


def test_absurd_hierarchies_end_quickly(arm: Path) -> None:
    """A line of a million statements, and a name of a thousand letters, are refused, in a short message."""
    text = arm.read_text()
    arm.write_text(text.replace("OFFSET 0 0 0", "OFFSET 0 0 0 " * 300_000, 1))
    with pytest.raises(DataError, match="more than 20000 words"):
        read_bvh(arm)
    arm.write_text(text.replace("ROOT ", "ROOT " + "n" * 5000, 1))
    with pytest.raises(DataError, match="more than 200 characters") as told:
        read_bvh(arm)
    assert len(str(told.value)) < 500
