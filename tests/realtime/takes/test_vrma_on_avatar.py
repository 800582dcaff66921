"""A VRMA played by three-vrm in a real browser on an avatar of other proportions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import to_matrix
from realtime.takes.load import load_takes
from realtime.takes.take import Take
from realtime.takes.vrma import write_vrma
from tests.realtime.avatar.made_avatar import rest_heads, rest_offsets, write_avatar
from tests.realtime.takes.made_takes import wild_take
from tests.realtime.takes.npm import packages
from tests.realtime.takes.test_bvh import JOINT_AT
from tests.realtime.web.chromium import browser_tab

Float64 = NDArray[np.float64]

PLAYER = Path(__file__).with_name("avatar_player.html")
LIMBS = [
    (f"{side}{upper}", f"{side}{lower}")
    for side in ("Left", "Right")
    for upper, lower in (
        ("UpperArm", "LowerArm"), ("LowerArm", "Hand"), ("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"),
    )
]  # fmt: skip
"""Bones that point the same way in every T-pose."""


@contextmanager
def playing(take: Take, folder: Path) -> Iterator[Any]:
    """A browser page in which the avatar is about to play `take`; fails on any error of the page."""
    with browser_tab(480, 540) as page:
        npm = packages()
        write_avatar(folder / "avatar.vrm")
        write_vrma(take, folder / "take.vrma")
        files = {"/": PLAYER, "/avatar.vrm": folder / "avatar.vrm", "/take.vrma": folder / "take.vrma"}

        def answer(route: Any) -> None:
            path = "/" + route.request.url.split("/", 3)[3]
            file = npm / path.removeprefix("/npm/") if path.startswith("/npm/") else files.get(path)
            if file is not None and file.is_file():
                route.fulfill(path=file)
            else:
                route.fulfill(status=404)

        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.route("http://avatar.test/**", answer)
        page.route("http://avatar.test/favicon.ico", lambda route: route.fulfill(status=204))
        page.goto("http://avatar.test/")
        page.wait_for_function("window.ready === true", timeout=60_000)
        yield page
        assert not errors


def bones_at(page: Any, time_s: float) -> dict[str, Float64]:
    """Where the avatar's bones are, under our names."""
    places = page.evaluate("t => bonesAt(t)", float(time_s))
    return {name[0].upper() + name[1:]: np.array(place) for name, place in places.items()}


def degrees_between(a: Float64, b: Float64) -> float:
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def assert_hips(take: Take, frame: int, places: dict[str, Float64]) -> None:
    """The way of the hips, scaled by how high they stand."""
    scale = rest_heads()[0, 1] / take.rest_pelvis_height_m
    assert np.linalg.norm(places["Hips"] - scale * take.joints_world[frame, 0]) < 1e-3


@pytest.mark.real
def test_every_bone_turns_as_the_person_does(tmp_path: Path) -> None:
    """Wild turns: each of the avatar's bones is its own T-pose bone, turned as ours."""
    take = wild_take(90)
    turns = to_matrix(world_rotations(take.bone_rotations))
    with playing(take, tmp_path) as page:
        assert page.evaluate("durationS") == pytest.approx(take.times_s[-1], abs=1e-4)
        for frame in (0, 13, 37, 64, 88):
            places = bones_at(page, take.times_s[frame])
            assert_hips(take, frame, places)
            for bone, parent in list(enumerate(BONES.parents))[1:]:
                names = BONES.joints[parent], BONES.joints[bone]
                expected = turns[frame, parent] @ rest_offsets()[bone]
                assert degrees_between(places[names[1]] - places[names[0]], expected) < 1, (frame, names)


@pytest.mark.real
def test_limbs_point_as_the_persons_do(session_file: Path, tmp_path: Path) -> None:
    """A recorded session: arms and legs of the avatar are parallel to those of the take; it is drawn."""
    take = load_takes(session_file)[0]
    with playing(take, tmp_path) as page:
        for frame in np.linspace(0, len(take) - 1, 12).astype(int):
            places = bones_at(page, take.times_s[frame])
            assert_hips(take, frame, places)
            for upper, lower in LIMBS:
                a, b = (take.joints_world[frame, SEALCAP26.index(JOINT_AT[x])] for x in (upper, lower))
                assert degrees_between(places[lower] - places[upper], b - a) < 1, (frame, upper)
        page.evaluate("draw()")
        picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        blue, red = picture[..., 0].astype(int), picture[..., 2].astype(int)
        assert (blue - red > 60).sum() > 2000
        assert (red - blue > 60).sum() > 2000
