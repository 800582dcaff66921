"""The zip that users install."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from realtime.clients.blender import sealcap_blender

ADDON = Path(sealcap_blender.__file__).parent
PACK = ADDON.parent / "pack.py"
HAVE = sys.stdlib_module_names | {"bpy", "mathutils"}


def test_the_zip_is_whole_and_always_the_same(tmp_path: Path) -> None:
    """One folder with every module, the manifest and the licence, and nothing else; twice the same bytes."""
    a, b = tmp_path / "a.zip", tmp_path / "deep" / "b.zip"
    for out in (a, b):
        subprocess.run([sys.executable, str(PACK), str(out)], check=True, capture_output=True)
    assert a.read_bytes() == b.read_bytes()
    with zipfile.ZipFile(a) as archive:
        names = set(archive.namelist())
    modules = {f"sealcap_blender/{file.name}" for file in ADDON.glob("*.py")}
    assert names == modules | {"sealcap_blender/blender_manifest.toml", "sealcap_blender/LICENSE"}


def test_both_descriptions_agree() -> None:
    """bl_info, for Blender before 4.2, and the manifest, for later ones."""
    manifest = tomllib.loads((ADDON / "blender_manifest.toml").read_text(encoding="utf-8"))
    info = sealcap_blender.bl_info
    assert manifest["name"] == info["name"]
    assert manifest["version"] == ".".join(map(str, info["version"]))
    assert manifest["id"] == ADDON.name


def test_it_needs_nothing_but_blender() -> None:
    """Every import is Blender's, the standard library's, or from within the add-on, by a relative path."""
    for file in ADDON.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 10))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= HAVE, file.name
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1 or (node.module or "").split(".")[0] in HAVE, file.name


def test_without_blender_the_package_imports() -> None:
    """Blender is asked for only when the add-on is registered."""
    assert "bl_info" in runpy.run_path(str(ADDON / "__init__.py"))
