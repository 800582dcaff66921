"""The command line: every verb leads somewhere, and help and errors read well."""

from __future__ import annotations

from importlib import import_module

import pytest

from realtime.cli import main
from realtime.verbs import FAMILIES, GROUPS, VERBS, family


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_has_a_function(name: str) -> None:
    """No word of the overview leads to nothing."""
    if VERBS[name].target.startswith("training."):
        pytest.importorskip("torch")
    module, function = VERBS[name].target.split(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("args", [[], ["--help"]])
def test_no_arguments_says_what_to_do(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Where to start, and every verb or its family, on one screen."""
    assert main(args) == 0
    out = capsys.readouterr().out
    assert "Start with:  sealcap demo" in out
    assert all(f"sealcap {name.split()[0]} " in out for name in VERBS)
    assert len(out.splitlines()) <= 40
    assert max(map(len, out.splitlines())) <= 92


def test_every_verb_is_in_one_group() -> None:
    """The overview forgets none and says none twice."""
    grouped = [word for words in GROUPS.values() for word in words]
    assert sorted(grouped) == sorted({name.split()[0] for name in VERBS})


@pytest.mark.parametrize("word", sorted(set(FAMILIES) - set(VERBS)))
def test_a_family_lists_its_verbs(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`sealcap models` is no mistake but a question."""
    for args in ([word], [word, "--help"]):
        assert main(args) == 0
        out = capsys.readouterr().out
        assert all(f"sealcap {name} " in out for name in family(word))


@pytest.mark.parametrize("name", [n for n in sorted(VERBS) if VERBS[n].target.startswith("realtime.")])
def test_every_verb_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help ends with 0, and says how to call it and what it does."""
    assert main([*name.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"sealcap {name}")
    assert len(out) > 80


def test_a_typing_mistake_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the nearest verb."""
    assert main(["rnu"]) == 2
    assert "sealcap run" in capsys.readouterr().err
