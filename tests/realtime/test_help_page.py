"""Help pages: they say what the parser takes, all of it, and they are short."""

from __future__ import annotations

import re

import pytest
import tyro

from realtime.help_page import HelpPage
from realtime.verb_help import help_page
from realtime.verbs import VERBS, load


def pages() -> list[str]:
    """Verbs of the live path; those of training need torch and are tried where it is."""
    return sorted(VERBS)


def page_of(name: str) -> HelpPage:
    if VERBS[name].target.startswith("training."):
        pytest.importorskip("torch")
    return help_page(name)


def parsers_flags(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Flags in the help of the parser itself, which draws boxes only where it may."""
    monkeypatch.setenv("COLUMNS", "100")  # wider, it sets boxes side by side
    with pytest.raises(SystemExit):
        tyro.cli(load(VERBS[name].model or VERBS[name].target), args=["--help"])
    rows = re.findall(r"^[^\w\n-]{0,2}(--?[a-z].*?)(?:  |$)", capsys.readouterr().out, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"(?<![\w-])--?[\w.-]+", row)} - {"-h", "--help"}


@pytest.mark.parametrize("name", pages())
def test_help_and_parser_agree(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flags that help and reference show are those that are parsed."""
    page = page_of(name)
    shown = {word for f in page.flags if not f.positional for word in (f.name, f.off, f.short) if word}
    assert shown == parsers_flags(name, capsys, monkeypatch)


@pytest.mark.parametrize("name", ["run", "demo"])
def test_the_configuration_shown_is_the_one_taken(name: str) -> None:
    """`demo` has settings of its own, and its help says so."""
    assert f"demo. [{VERBS[name].config}]" in " ".join(help_page(name).short(100).split())


@pytest.mark.parametrize("name", pages())
def test_examples_use_flags_that_exist(name: str) -> None:
    """Every example begins with its verb, and no flag in it is unknown."""
    page = page_of(name)
    known = {word for flag in page.flags for word in (flag.name, flag.off, flag.short)}
    for example in page.examples:
        assert example == name or example.startswith(f"{name} ")
        assert known.issuperset(re.findall(r"(?<=\s)--[\w.-]+", example))


@pytest.mark.parametrize("name", pages())
def test_every_flag_is_explained(name: str) -> None:
    """No flag without a sentence."""
    assert [flag.name for flag in page_of(name).flags if not flag.positional and len(flag.help) < 10] == []


@pytest.mark.parametrize("name", [name for name in pages() if VERBS[name].sections])
def test_long_verbs_show_the_most_used_first(name: str) -> None:
    """Two screens at most; the rest is one flag away and complete."""
    page = page_of(name)
    assert len(page.short(100).splitlines()) <= 80
    assert "--help-all" in page.short(100)
    assert all(flag.name in page.full(100) for flag in page.flags)


@pytest.mark.parametrize("width", [80, 100, 300])
def test_pages_keep_to_the_terminal(width: int) -> None:
    """Nothing is wider than the terminal, or than 110 where it is wider."""
    assert max(map(len, help_page("replay").full(width).splitlines())) <= min(width, 110)


def test_a_default_is_shown_once_and_nothing_is_none() -> None:
    """Defaults stand in brackets; `None` means nothing to a user."""
    text = help_page("run").full(100)
    assert "[8080]" in text
    assert "None" not in text
