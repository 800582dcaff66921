"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The script that writes the pages, loaded as a module."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["reference-config.md", "reference-commands.md"])
def test_the_reference_is_up_to_date(reference: ModuleType, page: str) -> None:
    """A setting or flag that changed has its page made anew: python docs/make_reference.py"""
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == reference.PAGES[page]().rstrip() + "\n", "run: python docs/make_reference.py"


def test_every_key_is_explained(reference: ModuleType) -> None:
    """No row of a table ends without a sentence."""
    page = reference.config_page().partition("## Of a run")[2]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.rstrip(" |").endswith(("`", "-"))] == []
