"""Which files are videos, and that names of results are unique, safe and stay what they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.errors import ConfigError
from realtime.batch.collection import MAX_STEM_BYTES, choose_stem, find_videos


def touch(folder: Path, *names: str) -> None:
    """Empty files, folders made."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(folder: Path, out: Path) -> list[str]:
    """What is found."""
    return [video.name for video in find_videos(folder, out)]


def test_videos_are_found_in_all_folders(tmp_path: Path) -> None:
    """By their endings, whatever the case; hidden files, other files and the out folder are left out."""
    touch(tmp_path, "b.mp4", "a/B.MOV", "a/b/c.mkv", "notes.txt", "._b.mp4", ".x/y.mp4", "out/z.mp4")
    assert names(tmp_path, tmp_path / "out") == ["a/B.MOV", "a/b/c.mkv", "b.mp4"]


def test_links_do_not_lead_in_circles(tmp_path: Path) -> None:
    """A link to a video is a video; a linked folder is not entered; a broken link is nothing."""
    touch(tmp_path, "outside/real.mp4", "videos/a.mp4")
    (tmp_path / "videos/link.mp4").symlink_to(tmp_path / "outside/real.mp4")
    (tmp_path / "videos/broken.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "videos/loop").symlink_to(tmp_path / "videos", target_is_directory=True)
    assert names(tmp_path / "videos", tmp_path / "out") == ["a.mp4", "link.mp4"]


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    """No folder, no video, and a name that is no text."""
    with pytest.raises(ConfigError, match="sealcap run"):
        find_videos(tmp_path / "walk.mp4", tmp_path)
    with pytest.raises(ConfigError, match=r"no video.*\.mp4"):
        find_videos(tmp_path, tmp_path / "out")
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).touch()
    with pytest.raises(ConfigError, match=r"caf\\xe9\.mp4"):
        find_videos(tmp_path, tmp_path / "out")


def test_a_stem_that_is_taken() -> None:
    """The second of two that differ in their endings keeps its own; files of persons collide with nothing."""
    taken: set[str] = set()

    def stem(name: str) -> str:
        found = choose_stem(name, lambda s: s.casefold() not in taken)
        taken.add(found.casefold())
        return found

    assert [stem("x/a.mp4"), stem("x/a.mov"), stem("x/A.mkv")] == ["x/a", "x/a.mov", "x/A.mkv"]
    assert stem("a.mp4.avi") == "a.mp4"
    assert [stem("a.mp4"), stem("A.mp4")] == ["a", "A.mp4-2"]
    assert stem("a.person1.mp4") == "a.person1.mp4"


@given(
    st.lists(st.text(min_size=1, max_size=300).filter(lambda s: "/" not in s and "\0" not in s), max_size=4)
)
def test_stems_stay_inside(parts: list[str]) -> None:
    """Whatever the name, each part of the stem is a plain name of bounded length, never hidden or `..`."""
    stem = choose_stem("/".join([*parts, "v.mp4"]), lambda _: True)
    for part in stem.split("/"):
        assert part.strip(" .") == part != ""
        assert len(part.encode()) <= MAX_STEM_BYTES
        assert not set(part) & set('\\:*?"<>|\n\r\t\0')
