"""The wheel: what a stranger installs into an empty environment has everything and runs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from realtime.paths import cache_dir
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]

INSIDE = (
    "realtime/_configs/live.yaml",
    "realtime/_configs/models.yaml",
    "realtime/_configs/robots/g1.yaml",
    "lifting/weights/lifter-small.onnx",
    "realtime/clients/unity/SealcapReceiver.cs",
    "realtime/clients/blender/sealcap_blender/blender_manifest.toml",
)
EXTENSIONS = {".py", ".yaml", ".onnx", ".cs", ".md", ".toml", ".html", ".js", ".css", ".svg", ".json", ".msg"}


def call(command: list[str | Path], cwd: Path) -> str:
    """What a command prints; its errors where it fails. Nothing of the checkout is on the path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["SEALCAP_CACHE"] = str(cache_dir())
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the checkout; skips where the package registry cannot be reached."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300)
    if "No matching distribution" in done.stderr:
        pytest.skip("the package registry cannot be reached")
    assert done.returncode == 0, done.stderr
    return next(folder.glob("sealcap-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds this wheel and what it asks for."""
    home = tmp_path_factory.mktemp("environment")
    call([sys.executable, "-m", "venv", home], home)
    commands = home / ("Scripts" if os.name == "nt" else "bin")
    pip = [commands / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    call([*pip, f"{wheel}[cpu]"], home)
    return commands


def test_everything_is_inside(wheel: Path) -> None:
    """Settings, weights, robots and clients are in the wheel, and nothing that has no business there."""
    names = zipfile.ZipFile(wheel).namelist()
    assert set(INSIDE) <= set(names)
    own = [name for name in names if ".dist-info/" not in name]
    assert {Path(name).suffix for name in own} <= EXTENSIONS
    assert not [name for name in own if name.startswith(("tests/", "docs/", "scratch/", "examples/"))]
    packaged = {name.removeprefix("realtime/_configs/") for name in own if "/_configs/" in name}
    assert packaged == {
        p.relative_to(ROOT / "configs").as_posix() for p in (ROOT / "configs").rglob("*.yaml")
    }


def test_all_that_is_no_python_comes_along(wheel: Path) -> None:
    """Every data file of the packages that git knows is in the wheel."""
    listed = subprocess.run(
        ["git", "ls-files", "realtime", "lifting", "training"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    assert set(listed.stdout.split()) - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_it_runs(installed: Path, tmp_path: Path) -> None:
    """Version, overview, doctor, and the whole pipeline on a synthetic camera, from another folder."""
    sealcap = installed / "sealcap"
    assert call([sealcap, "--version"], tmp_path).startswith("sealcap 0.")
    assert "Start with:  sealcap demo" in call([sealcap], tmp_path)
    call([sealcap, "models", "pull"], tmp_path)
    assert "Ready." in call([sealcap, "doctor"], tmp_path)
    out = tmp_path / "x.npz"
    call([sealcap, "run", "synthetic", "--headless", "--frames", "60", "--poses-out", out], tmp_path)
    with np.load(out) as poses:
        assert all(len(poses[name]) for name in poses.files)


def test_what_needs_an_extra_says_which(installed: Path, tmp_path: Path) -> None:
    """Without torch, `sealcap train` names the extra in a line, without a traceback."""
    done = subprocess.run(
        [str(installed / "sealcap"), "train", "x.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "sealcap[train]" in done.stderr
    assert "Traceback" not in done.stderr
