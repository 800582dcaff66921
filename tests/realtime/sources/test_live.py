"""Cameras behind a scripted capture object: unplugging, freezing, new sizes, clocks, closing.

There is no camera on the build machines; the object below replaces cv2.VideoCapture and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from lifting.errors import SourceError
from realtime.data import Frame
from realtime.sources import devices, live
from realtime.sources.camera import CameraSource, probe_modes

V4L2 = cv2.CAP_V4L2


class Device:
    """A camera on a desk: what is plugged in, and what it sends. Captures are made by `open`."""

    def __init__(self) -> None:
        self.plugged, self.frozen, self.raising = True, threading.Event(), False
        self.size, self.fps = (64, 48), 200.0
        self.clock: Callable[[], float] = lambda: 0.0
        self.opened = 0
        self.captures: list[ScriptedCapture] = []

    def open(self, index: int, *_: object) -> ScriptedCapture:
        self.opened += 1
        self.captures.append(ScriptedCapture(self, index))
        return self.captures[-1]


class ScriptedCapture:
    """Behaves like cv2.VideoCapture on `Device`."""

    def __init__(self, device: Device, index: int) -> None:
        self.device, self.index, self.settings = device, index, dict[int, float]()
        self.alive, self.released, self.position = device.plugged and index == 0, False, 0.0
        self.order: list[int] = []

    def isOpened(self) -> bool:  # noqa: N802
        return self.alive

    def grab(self) -> bool:
        while self.device.frozen.is_set():
            time.sleep(0.01)
        time.sleep(1 / self.device.fps)
        if self.device.raising:
            raise cv2.error("the driver is unhappy")
        self.alive = self.alive and self.device.plugged
        self.position = self.device.clock()
        return self.alive

    def retrieve(self) -> tuple[bool, Any]:
        width, height = self.device.size
        return True, np.full((height, width, 3), 7, np.uint8)

    def get(self, prop: int) -> float:
        return self.position if prop == cv2.CAP_PROP_POS_MSEC else self.settings.get(prop, 0.0)

    def set(self, prop: int, value: float) -> bool:
        self.order.append(prop)
        self.settings[prop] = value
        return True

    def release(self) -> None:
        self.released = True


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """A plugged-in camera 0, with reconnection sped up; no thread may be left afterwards."""
    device = Device()
    monkeypatch.setattr(cv2, "VideoCapture", device.open)
    monkeypatch.setattr(live, "BACKOFF_S", (0.02, 0.08))
    before = threading.active_count()
    yield device
    device.frozen.clear()
    deadline = time.monotonic() + 1
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before, "a thread is left"
    assert all(c.released for c in device.captures if c.alive), "a device is left open"


def take(source: CameraSource, count: int) -> list[Frame]:
    """The next frames."""
    return [frame for frame, _ in zip(source.frames(), range(count), strict=False)]


def test_frames_are_stamped_at_grab(device: Device) -> None:
    """Times increase, lie just before the moment of reading, and give the wall clock with the offset."""
    with CameraSource(0) as source:
        for frame in take(source, 20):
            age_s = (time.monotonic_ns() - frame.received_ns) / 1e9
            assert 0 <= age_s < 0.5
            assert frame.capture_time_ns == frame.received_ns
            assert abs(frame.capture_time_ns + frame.wall_offset_ns - time.time_ns()) < 1e9
    assert source.live


def test_compressed_pictures_are_asked_for_before_size(device: Device) -> None:
    """MJPG first, then size and rate, a buffer of one; the rate that the camera reports is kept."""
    with CameraSource(0, 1280, 720, 60) as source:
        assert source.fps == 60
    (capture,) = device.captures
    assert capture.order[0] == cv2.CAP_PROP_FOURCC
    assert capture.settings[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert capture.settings[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert capture.settings[cv2.CAP_PROP_FRAME_HEIGHT] == 720
    assert capture.settings[cv2.CAP_PROP_BUFFERSIZE] == 1


@pytest.mark.parametrize(
    ("clock", "trusted"),
    [
        (lambda: time.monotonic_ns() / 1e6 - 12.0, True),
        (lambda: 0.0, False),
        (lambda: time.time_ns() / 1e6, False),
        (lambda: time.monotonic_ns() / 1e6 + 50.0, False),
    ],
    ids=["kernel", "none", "wall clock", "future"],
)
def test_kernel_times_are_used_when_they_can_be_true(
    device: Device, monkeypatch: pytest.MonkeyPatch, clock: Callable[[], float], trusted: bool
) -> None:
    """V4L2's time of the picture counts if it is on our clock and just past; otherwise the grab's."""
    monkeypatch.setattr("realtime.sources.camera.backend", lambda: V4L2)
    device.clock = clock
    with CameraSource(0) as source:
        ages_ms = [(f.received_ns - f.capture_time_ns) / 1e6 for f in take(source, 10)]
    assert all(10 < age < 100 for age in ages_ms) if trusted else not any(ages_ms)


def test_a_picture_sent_twice_counts_as_missed(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two grabs with one kernel time are one frame."""
    monkeypatch.setattr("realtime.sources.camera.backend", lambda: V4L2)
    device.clock = lambda: (time.monotonic_ns() // 40_000_000) * 40.0
    with CameraSource(0) as source:
        frames = take(source, 5)
        assert source.missed >= 4
    assert len({f.capture_time_ns for f in frames}) == 5


def test_an_unplugged_camera_comes_back(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    """Frames go on after replugging; loss and return are said once each, whatever the number of attempts."""
    with caplog.at_level(logging.WARNING), CameraSource(0) as source:
        frames = source.frames()
        next(frames)
        device.plugged = False
        deadline = time.monotonic() + 5
        while device.opened < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert device.opened >= 5
        device.plugged = True
        before = time.monotonic_ns()
        frame = next(f for f in frames if f.received_ns > before)
    assert frame.index > 0
    assert [r.getMessage().split(";")[0] for r in caplog.records] == [
        "camera 0 is gone",
        "camera 0 is back (64×48).",
    ]


def test_attempts_to_reconnect_become_rarer(device: Device) -> None:
    """The pause doubles up to its limit: 0.02 + 0.04 + 0.08 + 0.08 ... allows few attempts in 0.6 s."""
    with CameraSource(0):
        device.plugged = False
        time.sleep(0.3 + 0.6)  # 5 failed reads first
        assert 3 <= device.opened <= 12


def test_a_driver_that_raises_is_a_lost_camera(device: Device) -> None:
    """cv2.error from a driver ends nothing: the camera is opened again."""
    with CameraSource(0) as source:
        device.raising = True
        deadline = time.monotonic() + 5
        while device.opened < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        device.raising = False
        before = time.monotonic_ns()
        assert next(f for f in source.frames() if f.received_ns > before)


def test_a_new_picture_size_is_taken_as_it_comes(device: Device) -> None:
    """The size may change while running."""
    with CameraSource(0) as source:
        assert take(source, 1)[0].size == (64, 48)
        device.size = (128, 96)
        assert next(f for f in source.frames() if f.size == (128, 96))


def test_a_slow_reader_gets_the_newest_frame(device: Device) -> None:
    """After a pause the next frame is fresh, its index shows the gap, and the lost ones are counted."""
    with CameraSource(0) as source:
        frames = source.frames()
        first = next(frames)
        time.sleep(0.3)
        second = next(frames)
        assert (time.monotonic_ns() - second.received_ns) / 1e6 < 50
        assert second.index - first.index - 1 == pytest.approx(source.missed, abs=2)
        assert second.index > 10


def test_a_frozen_camera_is_noticed_and_does_not_hold_us(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """A read that never returns is said once, and close() from another thread ends frames() at once."""
    with caplog.at_level(logging.WARNING):
        source = CameraSource(0, stall_s=0.1)
        ended = threading.Event()

        def read() -> None:
            for _ in source.frames():
                pass
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(0.05)
        device.frozen.set()
        time.sleep(0.5)
        start = time.monotonic()
        source.close()
        assert ended.wait(0.5)
        assert time.monotonic() - start < 0.5
        thread.join()
    assert [r.getMessage() for r in caplog.records if "stopped delivering" in r.getMessage()] == [
        "camera 0 has stopped delivering pictures; waiting for it to come back."
    ]


def test_a_missing_camera_is_an_error_that_lists_the_others(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the cameras that exist and the command that lists them."""
    others = [devices.CameraInfo(0, "Desk cam", "/dev/video0"), devices.CameraInfo(3, "Broken", "")]
    monkeypatch.setattr("realtime.sources.camera.list_cameras", lambda: others)
    with pytest.raises(
        SourceError, match=r"Camera 3 .*cannot be opened.*0 \(Desk cam\).*sealcap devices"
    ) as error:
        CameraSource(3)
    assert "Broken" not in str(error.value)


@pytest.mark.parametrize("fault", ["raising", "frozen"])
def test_a_camera_that_gives_no_picture_does_not_start(device: Device, fault: str) -> None:
    """Opened but silent is an error, in bounded time."""
    if fault == "raising":
        device.raising = True
    else:
        device.frozen.set()
    start = time.monotonic()
    with pytest.raises(SourceError, match="gives no picture"):
        CameraSource(0, start_s=0.4)
    assert time.monotonic() - start < 1.5


def test_modes_are_those_the_camera_accepts(device: Device) -> None:
    """A size that reads back as set is listed; a camera in use has none."""
    assert probe_modes(0) == ["640×480 at 0 fps", "1280×720 at 0 fps", "1920×1080 at 0 fps"]
    assert probe_modes(1) == []
