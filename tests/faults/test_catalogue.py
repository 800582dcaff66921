"""The table of faults says what is so."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS, Fault, file_and_function

ROOT = Path(__file__).parents[2]
ALL = [fault for chapter in FAULTS.values() for fault in chapter]


@cache
def functions(path: str) -> frozenset[str]:
    """Names of a file's tests."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.what)
def test_every_fault_is_injected_by_a_test(fault: Fault) -> None:
    """The test beside it exists."""
    path, function = file_and_function(fault)
    assert function in functions(path)


def test_there_are_enough_and_none_twice() -> None:
    """At least forty, each with its own name and test."""
    assert len(ALL) >= 40
    assert len({fault.what for fault in ALL}) == len({fault.test for fault in ALL}) == len(ALL)


def test_every_test_of_faults_is_in_the_table() -> None:
    """Nothing is injected here without being told."""
    named = {file_and_function(fault) for fault in ALL}
    here = [f"tests/faults/{path.name}" for path in (ROOT / "tests" / "faults").glob("test_*.py")]
    written = {(path, name) for path in here for name in functions(path) if name.startswith("test_")}
    assert {item for item in written if not item[0].endswith("test_catalogue.py")} <= named


def test_the_page_has_every_row() -> None:
    """Otherwise: python -m benchmarks.faults --write."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for fault in ALL:
        assert f"| {fault.what} | {fault.happens} | {fault.lost} |" in page
