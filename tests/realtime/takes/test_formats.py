"""The registry: every format's writer exists, and takes the options that are promised."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from lifting.errors import ConfigError
from realtime.takes.formats import FORMATS, checked_options, format_of


@pytest.mark.parametrize("suffix", FORMATS)
def test_writers_take_their_options(suffix: str) -> None:
    """A take, a path, and by name what the registry says, with the same values and defaults."""
    kind = FORMATS[suffix]
    write = kind.load()
    parameters = inspect.signature(write).parameters
    assert list(parameters)[:2] == ["takes" if kind.several else "take", "path"]
    own = {n: p for n, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert set(own) == set(kind.options)
    for name, values in kind.options.items():
        assert own[name].default == values[0]
        assert set(get_args(get_type_hints(write)[name])) == set(values)


@pytest.mark.parametrize("name", ["a.bvh", "a.BVH", "x/a.b.bvh"])
def test_the_ending_is_the_format(name: str) -> None:
    """In capitals, too."""
    assert format_of(Path(name)) is FORMATS[".bvh"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("a.bhv", r"Did you mean a\.bvh\?"),
        ("a.cvs", r"Did you mean a\.csv\?"),
        ("a.fbx", "There are .bvh, .trc"),
        ("a", "There are"),
        (".bvh", "There are"),
    ],
)
def test_an_unknown_ending(name: str, hint: str) -> None:
    """Near ones are guessed, all are named."""
    with pytest.raises(ConfigError, match=hint):
        format_of(Path(name))


def test_options_of_other_formats_are_refused() -> None:
    """And values that a format does not know."""
    assert checked_options(Path("a.bvh"), {"order": None, "units": "m"}) == {"units": "m"}
    with pytest.raises(ConfigError, match=r"--order says nothing for \.trc"):
        checked_options(Path("a.trc"), {"order": "XYZ"})
    with pytest.raises(ConfigError, match=r"--units cm: \.trc files take m, mm"):
        checked_options(Path("a.trc"), {"units": "cm"})
