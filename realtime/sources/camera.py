"""Cameras through OpenCV: the right interface per system, no buffering, reconnects when unplugged."""

from __future__ import annotations

import cv2

from realtime.sources.devices import backend, list_cameras
from realtime.sources.live import LiveReader
from realtime.sources.opencv import VideoCapture, open_capture

MAX_DRIVER_AGE_NS = 1_000_000_000
"""A driver's timestamp older than this is from another clock."""
USUAL_SIZES = ((640, 480), (1280, 720), (1920, 1080))


class CameraSource(LiveReader):
    """A camera by its number. `capture_time_ns` is the kernel's time of the picture where there is one
    (V4L2), otherwise time.monotonic_ns() at the grab."""

    def __init__(
        self,
        index: int,
        width: int | None = None,
        height: int | None = None,
        fps: float | None = None,
        *,
        start_s: float = 10.0,
        stall_s: float = 3.0,
    ) -> None:
        """Size in pixels and frame rate are wishes; the camera takes what is nearest. Raises SourceError,
        naming the cameras that exist, when this one gives no picture.
        """
        self.index = index
        self.fps = fps
        self._wishes = {
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
            cv2.CAP_PROP_FPS: fps,
        }
        super().__init__(f"camera {index}", start_s=start_s, stall_s=stall_s)

    def _connect(self) -> VideoCapture | None:
        capture = open_capture(self.index, backend())
        if capture is None:
            return None
        # Compressed pictures first: without them USB 2 carries 720p at 10 fps only, and some drivers
        # refuse a size that the present format cannot do.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        for prop, wish in self._wishes.items():
            if wish is not None:
                capture.set(prop, float(wish))
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if 1 <= rate <= 1000 else self.fps
        return capture

    def _stamp(self, capture: VideoCapture, received_ns: int) -> int:
        if backend() != cv2.CAP_V4L2:
            return received_ns
        driver_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        return driver_ns if 0 <= received_ns - driver_ns < MAX_DRIVER_AGE_NS else received_ns

    def _explain(self, reason: str) -> str:
        cameras = [camera for camera in list_cameras() if camera.index != self.index]
        if cameras:
            listed = ", ".join(f"{camera.index} ({camera.name})" for camera in cameras)
            there = f"Other cameras here: {listed}."
        else:
            there = "No other camera was found; without one: sealcap demo, or sealcap run VIDEO.mp4."
        return f"Camera {self.index} does not work: {reason}. {there} See: sealcap devices"


def probe_modes(index: int) -> list[str]:
    """The usual sizes that the camera accepts, as '1280×720 at 30 fps'; empty when it is busy.

    Reads no picture, so it takes a fraction of a second.
    """
    capture = open_capture(index, backend())
    if capture is None:
        return []
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    modes: list[str] = []
    for width, height in USUAL_SIZES:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        got = (round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        if got == (width, height):
            modes.append(f"{width}×{height} at {capture.get(cv2.CAP_PROP_FPS):.0f} fps")
    capture.release()
    return modes
