"""The command line: every verb leads somewhere, and help and errors read well."""

from __future__ import annotations

from importlib import import_module

import pytest

from realtime.cli import VERBS, main


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_has_a_function(name: str) -> None:
    """No word of the overview leads to nothing."""
    if VERBS[name].target.startswith("training."):
        pytest.importorskip("torch")
    module, function = VERBS[name].target.split(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("args", [[], ["--help"]])
def test_no_arguments_says_what_to_do(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb, and where to start."""
    assert main(args) == 0
    out = capsys.readouterr().out
    assert "Start with:  sealcap demo" in out
    assert all(f"sealcap {name}" in out for name in VERBS)


@pytest.mark.parametrize("name", [n for n in sorted(VERBS) if VERBS[n].target.startswith("realtime.")])
def test_every_verb_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help ends with 0 and says more than the usage line."""
    with pytest.raises(SystemExit) as end:
        main([*name.split(), "--help"])
    assert end.value.code == 0
    assert len(capsys.readouterr().out) > 150


def test_a_typing_mistake_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the nearest verb."""
    assert main(["rnu"]) == 2
    assert "sealcap run" in capsys.readouterr().err
