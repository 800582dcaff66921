"""GLB and VRMA before the Khronos glTF validator."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from realtime.takes.glb import write_glb
from realtime.takes.vrma import write_vrma
from tests.realtime.avatar.made_avatar import write_avatar
from tests.realtime.takes.made_takes import walking_take, wild_take
from tests.realtime.takes.npm import packages

CODE = """
const [, folder, file] = process.argv;
require(folder + "/gltf-validator")
  .validateBytes(new Uint8Array(require("fs").readFileSync(file)), { maxIssues: 1000 })
  .then((report) => console.log(JSON.stringify(report.issues.messages)));
"""
EXPECTED = {
    "a.glb": set(),
    "a.vrma": {"UNSUPPORTED_EXTENSION", "NODE_EMPTY"},
    "a.vrm": {"UNSUPPORTED_EXTENSION"},
}
"""It does not know VRM, and an animation's bones carry nothing."""


def write_two(path: Path) -> None:
    write_glb([walking_take(20), replace(wild_take(20), person_id=9)], path)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "write"),
    [("a.glb", write_two), ("a.vrma", lambda path: write_vrma(wild_take(30), path)), ("a.vrm", write_avatar)],
)
def test_the_validator_has_nothing_against_it(
    name: str, write: Callable[[Path], None], tmp_path: Path
) -> None:
    """No error, no warning, and no remark but those that are meant."""
    folder, node = packages(), shutil.which("node")
    assert node is not None
    write(tmp_path / name)
    done = subprocess.run(
        [node, "-e", CODE, str(folder), str(tmp_path / name)], capture_output=True, text=True, check=True
    )
    issues = json.loads(done.stdout)
    assert {issue["code"] for issue in issues} <= EXPECTED[name], issues
