"""Typing mistakes end in one line that says what would be right."""

from __future__ import annotations

import pytest

from lifting.errors import ConfigError
from realtime.cli import main
from realtime.flag_check import check_words
from realtime.verb_help import help_page

WRONG = [
    ("run", "--heigth 1.7", "--height"),
    ("run", "--height abc", "a number of metres from 0.5 to 2.6"),
    ("run", "--height 9", "a number of metres from 0.5 to 2.6"),
    ("run", "--frames 0", "a whole number from 1"),
    ("run", "--duration 0", "a number of seconds above 0"),
    ("run", "--people 1.5", "a whole number from 1 to 8"),
    ("run", "--smooth=nan", "a number from 0 to 1"),
    ("run", "--people", "--people needs a value"),
    ("run", "--people --headless", "--people needs a value"),
    ("run", "--detector foo", "blazepose, movenet"),
    ("run", "--person bob", "--person bob is not possible. `largest`, or the number of a person"),
    ("run", "--ros-frame 9x", "--ros-frame 9x is not possible."),
    ("run", "0 1", "'1' is too much"),
    ("run", "--zzzzzzzz", "--help-all"),
    ("convert", "x.mcap", "OUT is missing: The file to make"),
    ("calibrate", "0", "--out"),
    ("listen", "", "WHAT is missing: zmq, osc or vmc. Type: sealcap listen WHAT [ENDPOINT]"),
    ("listen", "foo", "WHAT foo: give one of zmq, osc, vmc."),
    ("data check", "h36 folder", "give one of h36m, 3dhp, h3wb."),
]
RIGHT = [
    ("run", "walk.mp4 --max_speed --height=1.7 --zmq tcp://127.0.0.1:1 --zmq tcp://127.0.0.1:2 --mirror"),
    ("run", "--person 2 --ros-frame odom"),
    ("run", "--camera-pitch -5 --solve.no-bones --lifter.model None"),
    ("recover", "x.mcap.partial -o y.mcap"),
    ("models pull", "a b c --yes"),
    ("models pull", ""),
    ("batch", "videos --out takes --format bvh,glb"),
]


@pytest.mark.parametrize(("verb", "words", "told"), WRONG)
def test_a_mistake_is_named_with_what_is_right(verb: str, words: str, told: str) -> None:
    """One sentence or two, with the nearest flag, the range, the choices, or what is missing."""
    with pytest.raises(ConfigError) as caught:
        check_words(verb, help_page(verb).flags, words.split())
    assert told in str(caught.value)


@pytest.mark.parametrize(("verb", "words"), RIGHT)
def test_what_is_right_passes(verb: str, words: str) -> None:
    """Nothing that the parser takes is refused before it."""
    check_words(verb, help_page(verb).flags, words.split())


def test_a_mistake_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and a single line, before any camera or port is touched."""
    assert main(["run", "--height", "abc"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
