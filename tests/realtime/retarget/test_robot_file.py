"""Robot files: what is packaged loads, what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifting.errors import ConfigError
from realtime.retarget.robot_file import MAX_FILE_BYTES, load_robot, robot_names
from realtime.retarget.sides import both_sides

GOOD = """
model: own.urdf
floating: true
body: {pelvis: base}
limits: {acceleration: 50}
"""


def written(folder: Path, text: str | bytes) -> Path:
    """A robot file with this text."""
    path = folder / "own.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", robot_names())
def test_packaged_robots_load(name: str) -> None:
    """Every file in configs/robots is a robot, named like its file."""
    assert load_robot(name).name == name


def test_robots_that_are_promised_are_there() -> None:
    """The documentation names these."""
    assert {"g1", "talos", "humanoid", "panda", "ur5"} <= set(robot_names())


def test_a_name_alone_is_the_origin_of_a_frame(tmp_path: Path) -> None:
    """`pelvis: base` means the origin of the frame `base`."""
    pelvis = load_robot(written(tmp_path, GOOD)).body.pelvis
    assert pelvis is not None
    assert (pelvis.frame, pelvis.point) == ("base", (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("floating: true", "floats: true"), "floating is missing"),
        (("limits: {acceleration: 50}", "limits: {}"), "limits.acceleration is missing"),
        (("acceleration: 50", "acceleration: .nan"), "limits.acceleration"),
        (("acceleration: 50", "acceleration: -1"), "limits.acceleration"),
        (("pelvis: base", "pelvis: base, colour: red"), "unknown key body.colour"),
        (("pelvis: base", "torso: chest"), "body: pelvis"),
        (("pelvis: base", "pelvis: base, left_hip: a"), "left_knee is missing"),
        (("model: own.urdf", "model: [1]"), "model"),
        (("model: own.urdf", "? [1, 2]\n: 3\nmodel: own.urdf"), "cannot be read as YAML"),
        (("model: own.urdf", "model: &m own.urdf\nname: *m"), "anchors"),
        (("model: own.urdf", "model: own.urdf: x"), "cannot be read as YAML"),
        (("body: {pelvis: base}", "body: {pelvis: {frame: base, point: [0, 0, .inf]}}"), "body.pelvis"),
        (("floating: true", "floating: false\narm: 3"), "arm"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """Whoever writes a robot file reads which key is wrong."""
    with pytest.raises(ConfigError) as caught:
        load_robot(written(tmp_path, GOOD.replace(*change)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 5000, b"- a\n- b", b"", b"7"])
def test_what_is_no_robot_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes, deep nesting, lists and nothing at all."""
    with pytest.raises(ConfigError):
        load_robot(written(tmp_path, content))


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A robot is a page of YAML."""
    with pytest.raises(ConfigError, match="256 KiB"):
        load_robot(written(tmp_path, "#" * (MAX_FILE_BYTES + 1)))


@pytest.mark.parametrize("name", ["g2", "../g1", "g1.yaml", "/etc/passwd", ""])
def test_an_unknown_robot_lists_the_known_ones(name: str) -> None:
    """No name leaves configs/robots."""
    with pytest.raises(ConfigError, match="humanoid"):
        load_robot(name)


def test_sides_are_told_out_and_mirrored() -> None:
    """{side} makes left and right, y changes its sign for the right, {other} is the other side."""
    told = both_sides(
        {
            "body": {"hip": {"frame": "{side}_x", "point": [1, 2, 3]}, "left_hip": "own"},
            "capsules": {
                "{side}_arm": {"frame": "{side}_a", "start": [0, 1, 0], "end": [0, 2, 0], "radius": 1}
            },
            "avoid": [["{side}_arm", "{other}_arm"], ["a", "b"]],
            "home": {"{side}_knee": 0.5},
        },
        {"left_hip", "right_hip"},
    )
    assert told["body"] == {"left_hip": "own", "right_hip": {"frame": "right_x", "point": [1, -2, 3]}}
    assert told["capsules"]["right_arm"]["end"] == [0, -2, 0]
    assert told["avoid"] == [["left_arm", "right_arm"], ["right_arm", "left_arm"], ["a", "b"]]
    assert told["home"] == {"left_knee": 0.5, "right_knee": 0.5}
