"""Collecting views: ends with the source, with Ctrl-C, and when nothing new comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

import cv2
import numpy as np
import pytest

from realtime.calibrate import collect as module
from realtime.calibrate.board import Board
from realtime.calibrate.collect import Collection, collect
from realtime.data import Frame
from tests.realtime.calibrate.photos import Camera, photograph, poses

BOARD = Board("charuco", 7, 10, 25.0)
CAMERA = Camera((640, 480), (520.0, 520.0), (320.0, 240.0), (0.0,) * 5)


class Pictures:
    """A source of given pictures; a live one waits for ever after the last."""

    name, fps, missed = "pictures", 5.0, 0

    def __init__(self, pictures: list[np.ndarray], live: bool) -> None:
        self.live = live
        self._pictures, self._closed = pictures, Event()

    def frames(self) -> Iterator[Frame]:
        for i, picture in enumerate(self._pictures):
            image = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
            yield Frame(image, i, i * 200_000_000, time.monotonic_ns(), 0)
            if self.live:
                time.sleep(0.1)
        if self.live:
            self._closed.wait(30)

    def close(self) -> None:
        self._closed.set()

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def photos(count: int) -> list[np.ndarray]:
    return [photograph(BOARD, CAMERA, pose) for pose in poses(BOARD, CAMERA, count, tilt_deg=30)]


def looked(
    pictures: list[np.ndarray], *, live: bool = False, wanted: int = 30, stop: Event | None = None
) -> Collection:
    return collect(Pictures(pictures, live), BOARD, wanted, False, stop or Event(), lambda _found: None)


def test_a_file_is_read_to_its_end() -> None:
    """Every picture looked at, views counted, pictures without a board remembered."""
    found = looked([*photos(4), np.full((480, 640), 90, np.uint8)] * 2)
    assert found.pictures == 10
    assert found.with_board == 8
    assert len(found.pool.views) == 4
    assert found.pool.alike == 4
    assert found.size == (640, 480)


def test_a_live_source_ends_when_there_are_enough() -> None:
    """Well before the camera would."""
    begin = time.monotonic()
    assert len(looked(photos(5), live=True, wanted=3).pool.views) == 3
    assert time.monotonic() - begin < 10


def test_a_live_source_without_a_board_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera in front of which nothing happens does not hold the command for ever."""
    monkeypatch.setattr(module, "IDLE_S", 0.4)
    begin = time.monotonic()
    assert looked([np.zeros((480, 640), np.uint8)], live=True).pictures == 1
    assert time.monotonic() - begin < 5


def test_ctrl_c_keeps_what_was_seen() -> None:
    """`stop` ends the search; the views stay."""
    stop = Event()
    found = collect(
        Pictures(photos(3), True), BOARD, 30, False, stop, lambda f: stop.set() if f.pool.views else None
    )
    assert len(found.pool.views) == 1


def test_pictures_of_another_size_are_left_out() -> None:
    """They belong to another camera matrix."""
    found = looked([*photos(2), np.zeros((240, 320), np.uint8)])
    assert (found.pictures, found.other_size) == (2, 1)
