"""What `sealcap doctor` says about cameras: opened, measured, and why fewer frames come than promised."""

from __future__ import annotations

import sys

from realtime.camera_probe import Probe, probe
from realtime.doctor_check import Check, Grade
from realtime.sources.devices import CameraInfo, hint, list_cameras

MOST = 4
"""Cameras that are opened without being asked for, so that it stays quick."""
LOW_SHARE = 0.75
"""Below this share of the promised rate something is wrong."""
LOW_FPS = 20.0
DARK = 70.0
"""Mean brightness below which cameras expose longer, at the cost of the rate."""
SLOW_MS = 100.0


def check_cameras(only: int | None = None) -> list[Check]:
    """One finding a camera, each opened for some seconds; `only` looks at one, listed or not."""
    cameras = list_cameras()
    if only is not None:
        name = next((camera.name for camera in cameras if camera.index == only), "not listed")
        return [judge(CameraInfo(only, name, ""), probe(only), cameras, wanted=True)]
    if not cameras:
        return [Check("cameras", Grade.WARN, "none found; videos and `sealcap demo` work without", hint())]
    return [judge(camera, probe(camera.index), cameras) for camera in cameras[:MOST]]


def judge(camera: CameraInfo, found: Probe, others: list[CameraInfo], *, wanted: bool = False) -> Check:
    """What a measurement means, and what to do."""
    name = f"camera {camera.index}"
    if found.error:
        there = ", ".join(str(c.index) for c in others if c.index != camera.index)
        fix = f"Close programs that use it, plug it in again{f', or take {there}' if there else ''}. {hint()}"
        return Check(name, Grade.FAIL if wanted else Grade.WARN, f"{camera.name}: {found.error}", fix)
    detail = f"{camera.name}: {_measured(found)}"
    if found.fps < LOW_FPS or found.fps < LOW_SHARE * found.announced_fps:
        return Check(name, Grade.WARN, detail, _why_slow(camera.index, found))
    if (found.latency_ms or 0.0) > SLOW_MS:
        return Check(name, Grade.WARN, detail, "Its pictures come late; another USB port may help, no hub.")
    if found.brightness < DARK:
        return Check(name, Grade.WARN, f"{detail}, dark", "More light: moving hands blur in the dark.")
    return Check(name, Grade.OK, detail)


def _measured(found: Probe) -> str:
    promised = f" of {found.announced_fps:.0f}" if found.announced_fps else ""
    late = "" if found.latency_ms is None else f", {found.latency_ms:.0f} ms from the driver to us"
    light = f", brightness {found.brightness:.0f} of 255"
    exposure = "" if found.exposure is None else f", exposure {found.exposure:g}"
    return f"{found.width}×{found.height}, {found.fps:.1f}{promised} frames a second{late}{light}{exposure}"


def _why_slow(index: int, found: Probe) -> str:
    if found.brightness >= DARK:
        return "Close other programs, use another USB port without a hub, or a smaller picture."
    fixed = {
        "linux": f" Or forbid it: v4l2-ctl -d /dev/video{index} -c exposure_dynamic_framerate=0",
        "win32": " Or switch off low-light compensation in the camera's settings.",
    }
    return (
        f"It is dark, so the camera exposes longer and sends fewer. More light!{fixed.get(sys.platform, '')}"
    )
