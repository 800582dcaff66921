"""Cameras as the doctor sees them: measured in a process of their own, which may hang or crash."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from realtime import camera_probe, doctor_cameras
from realtime.camera_probe import Probe, ask, probe, watch
from realtime.doctor_cameras import check_cameras, judge
from realtime.doctor_check import Grade
from realtime.sources.devices import CameraInfo

CAMERA = CameraInfo(0, "Webcam", "/dev/video0")
GOOD = Probe("", 1280, 720, 30.0, 29.8, 40.0, 22.0, 120.0, 150.0)


class Scripted:
    """A camera that delivers grey pictures at a rate, stamped some milliseconds ago."""

    def __init__(self, fps: float, brightness: int = 120, age_ms: float = 30.0, first_s: float = 0.0) -> None:
        self._period, self._brightness, self._age_ms = 1 / fps, brightness, age_ms
        self._next = time.monotonic() + first_s

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def grab(self) -> bool:
        time.sleep(max(self._next - time.monotonic(), 0.0))
        self._next += self._period
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.full((48, 64, 3), self._brightness, np.uint8)

    def get(self, prop: int) -> float:
        return {
            cv2.CAP_PROP_FPS: 30.0,
            cv2.CAP_PROP_FRAME_WIDTH: 64.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 48.0,
            cv2.CAP_PROP_POS_MSEC: 1e3 * time.monotonic() - self._age_ms,
        }.get(prop, -1.0)

    def set(self, *_: float) -> bool:
        return True

    def release(self) -> None:
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second lost in warming up, and a driver that stamps its pictures."""
    monkeypatch.setattr(camera_probe, "WARM_UP_S", 0.05)
    monkeypatch.setattr(camera_probe, "START_S", 0.2)
    monkeypatch.setattr(camera_probe, "backend", lambda: cv2.CAP_V4L2)


def test_rate_size_light_and_delay_are_measured() -> None:
    """A scripted camera of 50 pictures a second, 30 ms old, is found to be just that."""
    found = watch(Scripted(50), 0.6)
    assert (found.width, found.height, found.announced_fps) == (64, 48, 30.0)
    assert found.fps == pytest.approx(50, rel=0.2)
    assert found.latency_ms == pytest.approx(30, abs=15)
    assert found.brightness == 120
    assert found.exposure is None


def test_a_camera_without_pictures_is_said_to_be_so() -> None:
    """One that opens and never delivers is told apart from one that cannot be opened."""

    class Silent(Scripted):
        def grab(self) -> bool:
            return False

    assert "gives no picture" in watch(Silent(30), 0.2).error


def test_a_driver_that_hangs_is_given_up() -> None:
    """The process that looks at the camera is killed in time."""
    begin = time.monotonic()
    found = ask([sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert time.monotonic() - begin < 5
    assert "did not answer" in found.error


@pytest.mark.parametrize("code", ["import os; os.abort()", "print('[]')", "print('{\"no\": 1}')", "pass"])
def test_a_driver_that_crashes_takes_nothing_along(code: str) -> None:
    """A dead process or nonsense from it is a finding, no error."""
    assert ask([sys.executable, "-c", code], 10).error


def test_a_camera_that_is_not_there() -> None:
    """The real process says that a number without a camera cannot be opened."""
    assert "cannot be opened" in probe(97, 0.1, 20).error


@pytest.mark.parametrize(
    ("found", "grade", "words"),
    [
        (GOOD, Grade.OK, ""),
        (replace(GOOD, fps=15.0, brightness=40.0), Grade.WARN, "dark"),
        (replace(GOOD, fps=15.0), Grade.WARN, "USB"),
        (replace(GOOD, latency_ms=180.0), Grade.WARN, "late"),
        (replace(GOOD, brightness=40.0), Grade.WARN, "light"),
        (Probe("it cannot be opened"), Grade.WARN, "Close programs"),
    ],
)
def test_what_a_measurement_means(found: Probe, grade: Grade, words: str) -> None:
    """Low light that halves the rate is told apart from a slow connection."""
    check = judge(CAMERA, found, [CAMERA])
    assert check.grade is grade
    assert words in check.fix
    assert bool(check.fix) is (grade is not Grade.OK)


def test_a_camera_that_was_asked_for_must_work() -> None:
    """With --camera a camera that does not open is the first thing to fix, and another one is named."""
    other = CameraInfo(2, "Other", "")
    check = judge(CAMERA, Probe("it cannot be opened"), [CAMERA, other], wanted=True)
    assert check.grade is Grade.FAIL
    assert "take 2" in check.fix


def test_every_listed_camera_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """One finding each, up to a bound; with --camera only that one."""
    listed = [CameraInfo(n, f"Webcam {n}", "") for n in range(6)]
    monkeypatch.setattr(doctor_cameras, "list_cameras", lambda: listed)
    monkeypatch.setattr(doctor_cameras, "probe", lambda *_: GOOD)
    assert [check.name for check in check_cameras()] == [f"camera {n}" for n in range(doctor_cameras.MOST)]
    assert [check.name for check in check_cameras(5)] == ["camera 5"]
    monkeypatch.setattr(doctor_cameras, "list_cameras", list)
    assert [check.name for check in check_cameras()] == ["cameras"]
