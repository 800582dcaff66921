"""JavaScript that judges our files, fetched by npm into build/npm when a test wants it."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "build" / "npm"
VERSIONS = {
    "three": "0.180.0",
    "@pixiv/three-vrm": "3.5.5",
    "@pixiv/three-vrm-animation": "3.5.5",
    "gltf-validator": "2.0.0-dev.3.10",
}


def packages() -> Path:
    """The folder node_modules with `VERSIONS` in it; skips where npm cannot fetch them."""
    if reason := _fetch():
        pytest.skip(reason)
    return FOLDER / "node_modules"


@cache
def _fetch() -> str:
    """Why they are not there, or nothing."""
    if all(_has(name, version) for name, version in VERSIONS.items()):
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm (install Node.js)"
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text("{}")
    wanted = [f"{name}@{version}" for name, version in VERSIONS.items()]
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *wanted]
    try:
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "npm did not fetch the packages within two minutes"
    return f"npm could not fetch the packages: {done.stderr[-300:]}" if done.returncode else ""


def _has(name: str, version: str) -> bool:
    file = FOLDER / "node_modules" / name / "package.json"
    return file.is_file() and json.loads(file.read_text())["version"] == version
