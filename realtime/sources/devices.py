"""Which cameras exist, without opening them."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

import cv2
import cv2_enumerate_cameras

log = logging.getLogger(__name__)

BACKENDS = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
HINTS = {
    "linux": "Check that a /dev/video* file exists and that you may open it: "
    "sudo usermod -aG video $USER, then log in again.",
    "darwin": "Allow your terminal to use the camera: System Settings, Privacy & Security, Camera.",
    "win32": "Allow desktop apps to use the camera: Settings, Privacy & security, Camera.",
}


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera as the system lists it."""

    index: int
    """Number to give to `sealcap run`."""
    name: str
    path: str
    """Device file or system identifier, empty where unknown."""


def backend() -> int:
    """OpenCV's number for the camera interface of this system."""
    return BACKENDS.get(sys.platform, cv2.CAP_ANY)


def list_cameras() -> list[CameraInfo]:
    """Cameras in order of their number; those that deliver metadata only are left out."""
    try:
        found = cv2_enumerate_cameras.enumerate_cameras(backend())
    except (OSError, NotImplementedError) as error:
        log.warning("The list of cameras cannot be read: %s", error)
        return []
    cameras = [CameraInfo(int(c.index), c.name or "camera", c.path or "") for c in found]
    return sorted(cameras, key=lambda camera: camera.index)


def hint() -> str:
    """What to check on this system when no camera is found."""
    return HINTS.get(sys.platform, "Check that the camera is plugged in.")
