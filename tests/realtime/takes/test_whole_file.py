"""Whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifting.errors import SinkError
from realtime.takes.whole_file import whole_file


def test_it_takes_its_place_at_the_end(tmp_path: Path) -> None:
    """Not before, and nothing else is left."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".txt")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def write_half(path: Path, error: BaseException) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(28, "No space left on device"), SinkError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_what_was_there_stays_when_it_fails(
    tmp_path: Path, error: BaseException, raised: type[BaseException]
) -> None:
    """A full disk or Ctrl-C in the middle."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(raised):
        write_half(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_message_says_what_the_system_has_against_it(tmp_path: Path) -> None:
    """And what to do."""
    wanted = r"Cannot write .*No such file or directory\. Choose a folder"
    with pytest.raises(SinkError, match=wanted), whole_file(tmp_path / "none" / "a.txt"):
        pass


def test_a_very_long_name_is_an_error_of_the_system(tmp_path: Path) -> None:
    """Not of ours."""
    with pytest.raises(SinkError, match="name too long"), whole_file(tmp_path / ("a" * 300 + ".txt")):
        pass
