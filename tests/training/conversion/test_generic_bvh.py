"""BVH of other collections: names, units, up axes, and real people written as BVH and converted back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import ConfigError, DataError
from training.conversion.bvh import read_bvh
from training.conversion.clips import Clip, finish
from training.conversion.generic_bvh import level, read_take, stature_m, zup_from
from training.conversion.layout import INDEX, JOINTS, ZUP_FROM_YUP
from training.conversion.rigs import REQUIRED, RIGS, RigMap, match_rig, read_map
from training.conversion.rotations import from_quaternion, rotate, transpose

CORPUS = Path(__file__).parents[4] / "shared" / "data" / "motion"
LIMBS = [f"{s}_{j}" for s in "lr" for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]

# Corpus joint, parent, and the segment that turns it.
_TREE = (
    ("pelvis", None, "pelvis"), ("spine", "pelvis", "spine"), ("chest", "spine", "chest"),
    ("neck", "chest", "neck"), ("head", "neck", "head"),
    *((f"{s}_{joint}", parent if parent in ("pelvis", "chest") else f"{s}_{parent}", f"{s}_{segment}")
      for s in "lr" for joint, parent, segment in (
        ("shoulder", "chest", "upperarm"), ("elbow", "shoulder", "forearm"), ("wrist", "elbow", "hand"),
        ("hip", "pelvis", "thigh"), ("knee", "hip", "shank"), ("ankle", "knee", "foot"),
        ("ball", "ankle", "toes"))),
)  # fmt: skip
_MIXAMO = {"pelvis": "Hips", "spine": "Spine", "chest": "Spine2", "neck": "Neck", "head": "Head"} | {
    f"{s}_{joint}": f"{side}{name}" for s, side in (("l", "Left"), ("r", "Right"))
    for joint, name in (("shoulder", "Arm"), ("elbow", "ForeArm"), ("wrist", "Hand"), ("hip", "UpLeg"),
                        ("knee", "Leg"), ("ankle", "Foot"), ("ball", "ToeBase"))
}  # fmt: skip


class Recorded:
    """One clip of the corpus: positions (T,31,3), segment rotations by name, stature."""

    def __init__(self, number: int) -> None:
        with np.load(CORPUS / "cmu_test.npz") as file, np.load(CORPUS / "cmu_test_rotations.npz") as turned:
            rows = slice(*file["start"][number : number + 2])
            self.positions = file["rel"][rows] * float(file["scale"]) + file["root"][rows, None].astype(float)
            self.contact = file["contact"][rows]
            self.stature = float(file["stature"][number])
            R = from_quaternion(turned["quat_xyzw"][rows].astype(float))
            self.segments = {str(name): R[:, i] for i, name in enumerate(turned["segments"])}

    def joint(self, name: str) -> np.ndarray:
        """A rig's head joint is the base of the skull, below the middle of the ears."""
        if name == "head":
            up = self.segments["head"] @ np.array([-0.01, 0, -0.04])
            return self.positions[:, INDEX["head"]] + up
        return self.positions[:, INDEX[name]]


def _write(
    recorded: Recorded, path: Path, write_bvh: Callable[..., Path], unit_m: float, up: str, prefix: str = ""
) -> Path:
    """The clip on a Mixamo-like rig with turned local axes, in another unit and up axis."""
    M = zup_from(up).T
    names = [joint for joint, _, _ in _TREE]
    parents = [-1 if parent is None else names.index(parent) for _, parent, _ in _TREE]
    odd = from_quaternion([0.3, -0.5, 0.2, 0.7])
    p = np.stack([recorded.joint(joint) @ M.T for joint in names], axis=1) / unit_m
    R = np.stack([M @ recorded.segments[segment] @ odd for _, _, segment in _TREE], axis=1)
    above_R = np.stack([np.eye(3)[None].repeat(len(R), 0) if i < 0 else R[:, i] for i in parents], axis=1)
    above_p = np.stack([np.zeros_like(p[:, 0]) if i < 0 else p[:, i] for i in parents], axis=1)
    local_p = rotate(transpose(above_R), p - above_p)
    rig = [prefix + _MIXAMO[name] for name in names]
    return write_bvh(path, rig, parents, local_p[0], transpose(above_R) @ R, local_p, 30.0, moving=True)


def _errors_mm(clip: Clip, recorded: Recorded) -> dict[str, float]:
    """Mean distance per joint after the common shift of the limbs (path centre and floor) is taken out."""
    apart = clip.positions - recorded.positions
    shift = apart[:, [INDEX[joint] for joint in LIMBS]].mean(axis=(0, 1))
    mean = np.linalg.norm(apart - shift, axis=-1).mean(axis=0) * 1000
    return dict(zip(JOINTS, mean.tolist(), strict=True))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("person", "unit_m", "up"), [("cmu10", 0.01, "y"), ("cmu93", 1, "z"), ("cmu12", 0.0254, "y")]
)
def test_recorded_people_come_back(person: str, unit_m: float, up: str, tmp_path: Path, write_bvh) -> None:
    """Limbs of real clips come back to 1 mm; spine, head and feet, which are estimated, to centimetres."""
    if not (CORPUS / "cmu_test_rotations.npz").is_file():
        pytest.skip("the motion corpus is not beside the checkout")
    with np.load(CORPUS / "cmu_test.npz") as file:
        recorded = [Recorded(i) for i in np.flatnonzero(file["subject"] == person)]
    takes = []
    for one in recorded:
        path = _write(one, tmp_path / "clip.bvh", write_bvh, unit_m, up, "mixamorig:")
        takes.append(read_take(path, "clip", RigMap()))
    height = stature_m(takes)
    clips, cut = finish(level(takes, height), person, height, 30.0)
    assert (len(clips), cut) == (len(recorded), 0)
    errors = [_errors_mm(clip, one) for clip, one in zip(clips, recorded, strict=True)]
    mean = {joint: np.mean([error[joint] for error in errors]) for joint in JOINTS}
    assert max(mean[joint] for joint in LIMBS) < 1.0
    assert max(mean[joint] for joint in ("spine", "chest", "neck")) < 10
    assert max(mean[f"{s}_{point}"] for s in "lr" for point in ("heel", "ball", "toe")) < 40
    assert mean["head"] < 40
    assert max(mean[joint] for joint in ("nose", "l_eye", "r_ear", "head_top")) < 70
    assert height == pytest.approx(recorded[0].stature, rel=0.02)
    for clip, one in zip(clips, recorded, strict=True):
        assert abs((clip.positions - one.positions)[:, [INDEX[joint] for joint in LIMBS], 2].mean()) < 0.01
        assert (clip.contact == one.contact).mean() > 0.97


def _standing(frames: int = 90) -> dict[str, np.ndarray]:
    """Joints (T,3) of somebody 1.72 m tall standing on z = 0, facing +X."""
    place = {"pelvis": (0, 0, 0.92), "spine": (0, 0, 1.1), "chest": (0, 0, 1.3), "neck": (0, 0, 1.46),
             "head": (0.01, 0, 1.55)} | {
        f"{s}_{joint}": (x, sign * y, z) for s, sign in (("l", 1), ("r", -1)) for joint, x, y, z in (
            ("shoulder", 0, 0.18, 1.4), ("elbow", 0, 0.46, 1.4), ("wrist", 0, 0.73, 1.4),
            ("hip", 0, 0.09, 0.92), ("knee", 0.01, 0.09, 0.5), ("ankle", 0, 0.09, 0.075),
            ("ball", 0.12, 0.09, 0.02))}  # fmt: skip
    return {joint: np.tile(np.array(where, float), (frames, 1)) for joint, where in place.items()}


def _rest_file(path: Path, names: dict[str, str], write_bvh, unit_m: float = 0.01) -> Path:
    """The standing person as a BVH without any rotation, Y up; `names` renames corpus joints."""
    standing = _standing()
    joints = [joint for joint, _, _ in _TREE]
    parents = [-1 if parent is None else joints.index(parent) for _, parent, _ in _TREE]
    p = np.stack([standing[joint] @ ZUP_FROM_YUP for joint in joints], axis=1) / unit_m
    local = p - np.stack([np.zeros_like(p[:, 0]) if i < 0 else p[:, i] for i in parents], axis=1)
    R = np.broadcast_to(np.eye(3), (*p.shape, 3))
    return write_bvh(path, [names.get(j, j) for j in joints], parents, local[0], R, local, 30.0)


@pytest.mark.parametrize("rig", [rig for rig in RIGS if rig.name != "xsens-long"], ids=lambda rig: rig.name)
def test_every_rig_is_recognised(rig, tmp_path: Path, write_bvh) -> None:
    """A person on each known rig stands where they should: joints by name, centimetres, Y up."""
    names = {joint: candidates[0] for joint, candidates in rig.joints.items()}
    take = read_take(_rest_file(tmp_path / "rest.bvh", names, write_bvh), "rest", RigMap())
    assert take.source == rig.name
    for joint, expected in _standing().items():
        if joint not in ("spine", "chest"):
            assert np.abs(take.joints[joint] - expected).max() < 1e-5, joint


@pytest.mark.parametrize("unit_m", [1.0, 0.1, 0.01, 0.001, 0.0254, 0.3048, 0.0254 / 0.45])
def test_units_are_guessed(unit_m: float, tmp_path: Path, write_bvh) -> None:
    """Every usual unit is told from the length of the legs."""
    path = _rest_file(tmp_path / "rest.bvh", _MIXAMO, write_bvh, unit_m)
    take = read_take(path, "rest", RigMap())
    assert take.joints["neck"][0] == pytest.approx([0, 0, 1.46], abs=1e-4)


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z"])
def test_up_is_a_proper_rotation(up: str) -> None:
    """Whatever is up goes to +z, and left stays left."""
    M = zup_from(up)
    axis = np.eye(3)["xyz".index(up[-1])] * (-1 if up[0] == "-" else 1)
    assert np.allclose(M @ axis, [0, 0, 1])
    assert np.linalg.det(M) == pytest.approx(1)
    assert np.allclose(M @ M.T, np.eye(3))


def test_standing_person_has_a_level_head_and_flat_feet(tmp_path: Path, write_bvh) -> None:
    """Nose in front, ears level, heels and balls on the ground in contact, whatever the rig's local axes."""
    take = read_take(_rest_file(tmp_path / "rest.bvh", _MIXAMO, write_bvh), "rest", RigMap())
    height = stature_m([take])
    assert height == pytest.approx(1.72, abs=0.08)
    clips, _ = finish(level([take], height), "one", height, 30.0)
    pose = {joint: clips[0].positions[0, i] for joint, i in INDEX.items()}
    assert pose["nose"][0] > pose["head"][0] + 0.1
    assert pose["l_ear"][2] == pytest.approx(pose["r_ear"][2], abs=1e-3)
    assert pose["l_heel"][2] == pytest.approx(0.010 * height, abs=2e-3)
    assert pose["r_ball"][2] == pytest.approx(0.012 * height, abs=2e-3)
    assert pose["head_top"][2] == pytest.approx(height, abs=0.1)
    assert clips[0].contact.all()
    assert clips[0].quaternions is None


def test_unknown_rig_names_what_is_missing(tmp_path: Path, write_bvh) -> None:
    """The error lists the joints of the file, those that are missing, and how to write a map."""
    odd = {joint: f"bone{i}" for i, (joint, _, _) in enumerate(_TREE)}
    path = _rest_file(tmp_path / "odd.bvh", odd, write_bvh)
    with pytest.raises(DataError, match=r"l_knee.*bone7.*--map FILE.yaml"):
        read_take(path, "odd", RigMap())
    file = tmp_path / "map.yaml"
    lines = [f"  {joint}: {odd[joint]}" for joint in REQUIRED]
    file.write_text("joints:\n" + "\n".join(lines) + "\nunit_m: 0.01\nup: y\n")
    take = read_take(path, "odd", read_map(file))
    assert take.joints["r_wrist"][0] == pytest.approx([0, -0.73, 1.4], abs=1e-5)
    with pytest.raises(DataError, match=r"lacks bone\d+.* of the map"):
        match_rig(["Hips"], read_map(file), path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints: {l_knee: a}", "missing"),
        ("joints: {nose: a}", "nose unknown"),
        ("unit_m: -1", "unit_m"),
        ("up: w", "up"),
        ("bones: {}", "bones"),
        ("subject: '(a'", "no map of joints"),
        ("subject: 'abc'", "one .group"),
        ("- 1", "no map"),
        ("joints: [", "no map"),
    ],
)
def test_bad_maps(text: str, message: str, tmp_path: Path) -> None:
    """A map that cannot be obeyed is a ConfigError that names the field."""
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_map(file)


def test_impossible_people(tmp_path: Path, write_bvh) -> None:
    """Legs of no human length in any unit, and somebody lying, ask for a map."""
    with pytest.raises(DataError, match="unit_m"):
        read_take(_rest_file(tmp_path / "tiny.bvh", _MIXAMO, write_bvh, 37.0), "tiny", RigMap())
    path = _rest_file(tmp_path / "rest.bvh", _MIXAMO, write_bvh)
    lines = path.read_text().splitlines()
    first = lines.index("MOTION") + 3
    for i in range(first, len(lines)):
        values = lines[i].split()
        lines[i] = " ".join([*values[:3], "0", "0", "-45", *values[6:]])
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="nobody stands"):
        read_take(path, "lying", RigMap())
    assert read_take(path, "lying", RigMap(up="y")).joints["neck"][0, 2] > 0


def test_spine_lies_on_the_line_of_spine_joints(tmp_path: Path, write_bvh) -> None:
    """Spine and chest are at 39 and 61 % of the way from the hips to the neck, however the rig divides it."""
    path = _rest_file(tmp_path / "rest.bvh", _MIXAMO, write_bvh)
    take = read_take(path, "rest", RigMap())
    assert take.joints["spine"][0] == pytest.approx([0, 0, 0.92 + 0.39 * 0.54], abs=1e-5)
    assert take.joints["chest"][0] == pytest.approx([0, 0, 0.92 + 0.61 * 0.54], abs=1e-5)
    assert read_bvh(path).parents[0] == -1
