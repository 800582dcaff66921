"""A character beside the person on the page, in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.avatar.model import read_model
from realtime.data import Image, Motion
from realtime.sinks.page import WebPage
from realtime.sources.figure import figure_at
from realtime.sources.render import Renderer
from realtime.sources.synthetic import SyntheticSource
from realtime.takes.load import load_takes
from tests.realtime.avatar.made_avatar import write_avatar
from tests.realtime.takes.made_takes import real_session
from tests.realtime.web.chromium import SETTLE_S, browser_tab, close_notice, fed

STAGE_PX = 880
"""Width of the 3D view; the panel is right of it."""
TIMES_S = (23.2, 17.6)
"""In the figure's routine: waves, sits."""


def motions_at(make: Callable[..., Motion], session: Path, time_s: float) -> list[Motion]:
    """The pose of a moment, as two frames that hardly differ."""
    take, camera = load_takes(session)[0], SyntheticSource(30, (640, 360))
    draw = Renderer(camera.intrinsics, camera.R_world_from_cam, camera.camera_world).draw
    out = []
    for seq in range(round(time_s * take.fps), round(time_s * take.fps) + 2):
        motion = make(seq, image=draw(figure_at(seq / take.fps)))
        pose = replace(
            motion.people[0],
            joints_world=take.joints_world[seq].astype(np.float32),
            bone_rotations=take.bone_rotations[seq].astype(np.float32),
            observed=np.ones(26, bool),
            height_m=take.height_m,
        )
        out.append(replace(motion, people=(pose,)))
    return out


def large_parts(image: Image, hue: tuple[int, int]) -> list[tuple[int, int]]:
    """Left edge and height, pixels, of the areas of this hue on the stage, from the left."""
    hsv = cv2.cvtColor(image[:, :STAGE_PX], cv2.COLOR_BGR2HSV)
    mask = (hsv[..., 1] > 130) & (hsv[..., 2] > 90) & (hsv[..., 0] >= hue[0]) & (hsv[..., 0] <= hue[1])
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    return sorted((int(x), int(h)) for x, _, _, h, area in stats[1:] if area > 900)


@pytest.mark.real
def test_the_character_does_what_the_person_does(motion_at: Callable[..., Motion], tmp_path: Path) -> None:
    """Both stand beside each other, wave, and sit lower; no error in the console."""
    write_avatar(tmp_path / "robot.vrm")
    session = real_session(tmp_path / "routine.mcap", seconds=24.0, away=(90.0, 91.0))
    page = WebPage(0, source="synthetic", avatar=read_model(tmp_path / "robot.vrm"))
    page.open()
    errors: list[str] = []
    pictures = []
    try:
        with browser_tab(1280, 720) as tab:
            tab.on("pageerror", lambda error: errors.append(str(error)))
            for number, time_s in enumerate(TIMES_S):
                with fed(page, motions_at(motion_at, session, time_s)):
                    if number == 0:
                        tab.goto(page.url)
                        tab.wait_for_selector("canvas", timeout=20_000)
                    tab.wait_for_timeout(SETTLE_S * 1000)
                    close_notice(tab)
                    tab.screenshot(path=tmp_path / f"{number}.png")
                pictures.append(cv2.imread(str(tmp_path / f"{number}.png")).astype(np.uint8, copy=False))
    finally:
        page.close()
    assert not errors
    waving, sitting = (large_parts(picture, (92, 112)) for picture in pictures)
    assert len(waving) == len(sitting) == 2, "a left side of the character and one of the person"
    assert waving[1][0] - waving[0][0] > 100
    for standing, seated in zip(waving, sitting, strict=True):
        assert 0.7 < seated[1] / standing[1] < 0.92
    if target := os.environ.get("SEALCAP_AVATAR_PNG"):
        shutil.copy(tmp_path / "0.png", target)
