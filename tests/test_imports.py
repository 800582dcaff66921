"""The arrows between rooms: training → lifting ← realtime, and no torch where a user has none."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "lifting": {"realtime", "training"},
    "realtime": {"training"},
    "training": {"realtime"},
}
TORCH_ALLOWED = (
    "lifting/models/", "lifting/export.py", "lifting/runtime/torch", "training/", "realtime/openmmlab/",
)  # fmt: skip
LAZY_EXCEPTION = ("realtime/verbs.py", "training")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_rooms_import_only_downwards(room: str) -> None:
    """No file of a room names a package that lies above it."""
    for path in (ROOT / room).rglob("*.py"):
        wrong = set(_imports(path)) & FORBIDDEN[room]
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(sorted(wrong))}"


def test_torch_stays_in_its_files() -> None:
    """torch is named only where networks are defined, trained or exported, and where mmpose runs."""
    for room in ("lifting", "realtime"):
        for path in (ROOT / room).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            assert "torch" not in set(_imports(path)) or name.startswith(TORCH_ALLOWED), name


def test_only_the_command_line_hands_over_to_training() -> None:
    """The one exception: realtime/verbs.py names training's verbs, lazily, as text."""
    named = [p for p in (ROOT / "realtime").rglob("*.py") if '"training.' in p.read_text(encoding="utf-8")]
    assert [p.relative_to(ROOT).as_posix() for p in named] == [LAZY_EXCEPTION[0]]


def test_the_live_path_loads_neither_torch_nor_scipy() -> None:
    """Importing the pipeline and the run command pulls in nothing that costs seconds."""
    code = (
        "import sys, realtime.pipeline, realtime.commands.run;"
        "print([m for m in ('torch', 'scipy', 'training', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"
