"""`sealcap robot check` and `list`: what is good is called good, what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.cli import main
from realtime.paths import config_dir
from realtime.retarget.check import Finding, Verdict, check_robot
from realtime.retarget.robot_file import load_robot
from realtime.retarget.robot_model import load_model


def findings(folder: Path, *changes: tuple[str, str]) -> list[Finding]:
    """Of the Humanoid's YAML with some changes."""
    text = (config_dir() / "robots" / "humanoid.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    file = load_robot(path)
    return list(check_robot(load_model(file), file, seconds=1.0))


def said(found: list[Finding], verdict: Verdict) -> str:
    """All texts of one verdict."""
    return "\n".join(f"{f.what}: {f.text}" for f in found if f.verdict is verdict)


def test_a_good_robot_is_good(tmp_path: Path) -> None:
    """Nothing wrong with the Humanoid; proportions, home, errors and time are told."""
    found = findings(tmp_path)
    assert said(found, Verdict.WRONG) == ""
    good = said(found, Verdict.GOOD)
    for part in ("17 joints", "legs: 0.7", "home: inside", "left_wrist: median", "in motion: inside"):
        assert part in good


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("left_knee: -0.3", "left_knee: 0.5"), "home: outside the limits: left_knee"),
        (('hip: "{side}_thigh"', "left_hip: right_thigh\n  right_hip: left_thigh"), "left_hip is not to"),
        (('toe: {frame: "{side}_shin", point: [0', 'toe: {frame: "{side}_shin", point: [-1'), "lies behind"),
        (("point: [0, 0, -0.425]}", "point: [0, 0, -0.1]}"), "must lie below the ankle"),
        (("[left_foot, right_foot]", "[left_thigh1, butt]"), "overlap by"),
    ],
)  # fmt: skip
def test_mistakes_are_found(tmp_path: Path, change: tuple[str, str], text: str) -> None:
    """One mistake each in an otherwise good file."""
    assert text in said(findings(tmp_path, change), Verdict.WRONG)


def test_the_command_says_it_and_ends_accordingly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for a robot that can be driven, 2 for a file that cannot be read."""
    assert main(["robot", "check", "humanoid", "--seconds", "1"]) == 0
    assert "humanoid can be driven" in capsys.readouterr().out
    assert main(["robot", "check", str(tmp_path / "none.yaml")]) == 2
    assert "Packaged ones" in capsys.readouterr().err
    assert main(["robot", "check", "humanoid", "--seconds", "0"]) == 2


def test_list_names_the_packaged_robots(capsys: pytest.CaptureFixture[str]) -> None:
    """And says where their models come from."""
    assert main(["robot", "list"]) == 0
    out = capsys.readouterr().out
    for name in ("g1", "talos", "humanoid", "panda", "ur5", "gymnasium:humanoid.xml"):
        assert name in out
