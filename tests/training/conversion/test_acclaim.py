"""The ASF/AMC reader against a figure posed elsewhere, and damaged files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import DataError
from training.conversion.acclaim import bone_ends, read_amc, read_asf


def test_bones_end_where_they_should(figure, tmp_path: Path) -> None:
    """Written and read back, every bone's end is within 0.01 mm, also of bones with an axis of their own."""
    skeleton = read_asf(figure.write_asf(tmp_path / "01.asf"))
    ends = bone_ends(skeleton, read_amc(figure.write_amc(tmp_path / "01_01.amc"), skeleton))
    assert set(ends) == set(figure.ends_m)
    for bone, expected in figure.ends_m.items():
        assert np.abs(ends[bone] - expected).max() < 1e-5, bone


def test_radians_and_centimetres(figure, tmp_path: Path) -> None:
    """The same motion in radians is the same motion; a length unit of 2.54 means centimetres."""
    asf, amc = figure.write_asf(tmp_path / "a.asf"), figure.write_amc(tmp_path / "a.amc")
    skeleton = read_asf(asf)
    lines = amc.read_text().replace(":DEGREES", ":RADIANS").splitlines()
    for i, line in enumerate(lines):
        name, *values = line.split()
        if values:
            keep = 3 if name == "root" else 0
            turned = [float(v) if k < keep else np.deg2rad(float(v)) for k, v in enumerate(values)]
            lines[i] = " ".join([name, *(f"{v:.10f}" for v in turned)])
    radians = tmp_path / "radians.amc"
    radians.write_text("\n".join(lines))
    assert np.abs(read_amc(radians, skeleton).rotation["head"] - figure.motion.rotation["head"]).max() < 1e-6
    asf.write_text(asf.read_text().replace("length 0.45", "length 2.54"))
    assert read_asf(asf).unit_m == pytest.approx(0.01)


SKELETON_DAMAGE = [
    (r":bonedata", ":bondata", "no section :bonedata"),
    (r"length 0\.45", "length 0", "length unit of 0"),
    (r"direction \S+ \S+ \S+", "direction 1 2", "line 19: a direction needs three"),
    (r"direction \S+", "direction nan", "line 19: 'nan'"),
    (r"     name lowerback\n", "", "has no name"),
    (r"axis \S+ \S+ \S+  XYZ", "axis 0 0 0 XXZ", "an order such as XYZ"),
    (r"dof rx ry rz", "dof rx rx rz", "degrees of freedom are"),
    (r"name upperback", "name lowerback", "lowerback twice"),
    (r"\n    lowerback upperback", "", "cannot hang on upperback"),
    (r"\n    lfoot ltoes", "", "leaves out ltoes"),
]


@pytest.mark.parametrize(("pattern", "instead", "message"), SKELETON_DAMAGE)
def test_damaged_skeletons(figure, tmp_path: Path, pattern: str, instead: str, message: str) -> None:
    """A DataError names the file and what is wrong in it."""
    path = figure.write_asf(tmp_path / "01.asf")
    damaged, count = re.subn(pattern, instead, path.read_text(), count=1)
    assert count == 1
    path.write_text(damaged)
    with pytest.raises(DataError, match=message) as caught:
        read_asf(path)
    assert str(path) in str(caught.value)


MOTION_DAMAGE = [
    (r"\nhead \S+", "\nhead nan", "line .*'nan'"),
    (r"\nhead \S+", "\nhead", "3 values, once a frame"),
    (r"\nhead ", "\nskull ", "a bone of the skeleton"),
    (r"\nhead .*", "", "lacks head"),
    (r"(\nhead .*)", r"\1\1", "once a frame"),
    (r"\n1\nroot", "\nroot", "once a frame"),
    (r"\nlowerback[\s\S]*", "", "lacks lowerback"),
    (r"\n1\n[\s\S]*", "\n", "holds no frame"),
]


@pytest.mark.parametrize(("pattern", "instead", "message"), MOTION_DAMAGE)
def test_damaged_motions(figure, tmp_path: Path, pattern: str, instead: str, message: str) -> None:
    """A motion that does not fit its skeleton, or ends too early, is a DataError."""
    skeleton = read_asf(figure.write_asf(tmp_path / "01.asf"))
    path = figure.write_amc(tmp_path / "01_01.amc")
    damaged, count = re.subn(pattern, instead, path.read_text(), count=1)
    assert count == 1
    path.write_text(damaged)
    with pytest.raises(DataError, match=message):
        read_amc(path, skeleton)


@pytest.mark.parametrize("pattern", [r"dof rx", r"name lfemur"])
def test_messages_stay_short(figure, tmp_path: Path, pattern: str) -> None:
    """A word of a megabyte is quoted in part."""
    path = figure.write_asf(tmp_path / "01.asf")
    damaged, count = re.subn(pattern, lambda found: found[0] + "x" * 1_000_000, path.read_text(), count=1)
    path.write_text(damaged)
    assert count == 1
    with pytest.raises(DataError) as caught:
        read_asf(path)
    assert len(str(caught.value)) < 1000
