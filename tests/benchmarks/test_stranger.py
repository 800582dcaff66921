"""The newcomer's path: what its table says, and that nothing of ours leaks into it."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from benchmarks.stranger import PAGE, Step, Walk, report


def test_downloads_are_told_apart() -> None:
    """The sum without them is what is judged."""
    text = report(
        [Step("a", "make demo", 100.0, True), Step("b", "sealcap", 20.0), Step("c", "blender", 5.4)]
    )
    assert "Without downloads **25 s** of 300 allowed; with them 125 s." in text
    assert "| a | `make demo` | 100.0 | yes |" in text


def test_a_stranger_has_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No search path, no cache, no environment; after the downloads no index either."""
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("SEALCAP_KEYS", "/ours")
    found = Walk(tmp_path).environment(offline=True)
    assert not [key for key, value in found.items() if "/ours" in value]
    assert found["SEALCAP_CACHE"].startswith(str(tmp_path))
    assert found["PIP_NO_INDEX"] == "1"
    assert "PIP_NO_INDEX" not in Walk(tmp_path).environment(offline=False)


def test_a_step_that_fails_ends_it(tmp_path: Path) -> None:
    """It is not in the table."""
    walk = Walk(tmp_path)
    walk.do("right", "true", run=f"{sys.executable} -c pass")
    with pytest.raises(CalledProcessError):
        walk.do("wrong", "false", run="exit 3")
    assert [step.what for step in walk.steps] == ["right"]


def test_the_page_has_its_place() -> None:
    """`--write` would fail without."""
    assert "<!-- stranger: begin -->" in PAGE.read_text()
