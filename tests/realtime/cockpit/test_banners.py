"""What is said when, and the worst first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from realtime.cockpit.banners import DISK_FULL_BYTES, Signs, banners

WELL = Signs("camera 0", camera_fps=29.8, nominal_fps=30.0, brightness=120.0, disk_free=10**12)


def test_nothing_is_said_when_all_is_well() -> None:
    """No banner for a run that works."""
    assert banners(WELL) == []


@pytest.mark.parametrize(
    ("signs", "kind", "words"),
    [
        ({"silent_s": 3.0}, "error", "camera 0: Is it plugged in"),
        ({"silent_s": 3.0, "live": False}, "error", "camera 0 has stopped."),
        ({"opening": True, "silent_s": 9.0}, "info", "some seconds"),
        ({"switch_error": "Camera 4 does not work."}, "error", "Camera 4"),
        ({"camera_fps": 15.0}, "warn", "15 of 30"),
        ({"camera_fps": 15.0, "brightness": 30.0}, "warn", "The picture is dark"),
        ({"alone_s": 2.0}, "warn", "from head to feet"),
        ({"focal_ratio": 1.6}, "warn", "too long"),
        ({"focal_ratio": 0.5}, "warn", "too short"),
        ({"disk_free": 10**9}, "warn", "1.0 GB"),
        ({"disk_free": DISK_FULL_BYTES - 1}, "error", "0.2 GB"),
        ({"failing": (("ros", "No server."),)}, "error", "No server. Switch it off and on"),
        ({"slow": (("zmq", 0.4),)}, "warn", "40 %"),
        ({"recording_failure": "The disk is full."}, "error", "The disk is full."),
        ({"estop": True}, "error", "nobody is near"),
        ({"over": True}, "info", "terminal"),
    ],
)
def test_each_sign_has_its_banner(signs: dict[str, object], kind: str, words: str) -> None:
    """One sign, one banner of the right kind, which says what to do."""
    (banner,) = banners(replace(WELL, **signs))  # type: ignore[arg-type]
    assert banner.kind == kind
    assert words in banner.text


def test_a_file_of_low_rate_is_no_dark_room() -> None:
    """Only cameras slow down in the dark."""
    assert banners(replace(WELL, live=False, camera_fps=12.0)) == []


def test_a_camera_that_is_gone_is_not_also_dark_and_empty() -> None:
    """Without pictures nothing is said about what they show."""
    (banner,) = banners(replace(WELL, silent_s=5.0, alone_s=9.0, camera_fps=4.0, focal_ratio=2.0))
    assert banner.title == "No picture from the camera"


def test_the_worst_comes_first() -> None:
    """Errors before warnings."""
    kinds = [b.kind for b in banners(replace(WELL, alone_s=5.0, estop=True, disk_free=10**9))]
    assert kinds == ["error", "warn", "warn"]
