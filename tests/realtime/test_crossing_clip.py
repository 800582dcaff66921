"""Two real people cross: the walker of the demo clip meets her mirror image in other colours."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import av
import cv2
import numpy as np
import pytest

from realtime.data import Frame, Image
from realtime.detectors.factory import open_detector
from realtime.models import store
from realtime.tracking import Tracker

FIRST, LAST = 94, 158
TOP, WIDTH = 190, 640
"""The part of the picture, at half size, below the man on the roof; in its middle the two meet."""
OVERLAP_PX = 60
"""Half of a stride apart: nearer than this the bodies overlap, and a frame may be mistaken."""
NEEDED = ("demo-clip", "blazepose-heavy", "blazepose-search")


def clip(numbers: Sequence[int]) -> dict[int, Image]:
    """These frames of the clip, that part of them."""
    with av.open(str(store.clip_path())) as container:
        return {
            i: f.to_ndarray(format="bgr24", width=f.width // 2, height=f.height // 2)[TOP:, :WIDTH]
            for i, f in zip(range(max(numbers) + 1), container.decode(video=0), strict=False)
            if i in numbers
        }


def cut_out(frame: Image, plate: Image) -> Image:
    """(H,W) 1 where the largest thing is that is not in the empty scene."""
    differs = cv2.absdiff(frame, plate).max(2) > 20
    mask = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    return (labels == 1 + np.argmax(stats[1:, 4])).astype(np.uint8)


def redressed(frame: Image, mask: Image) -> Image:
    """Between neck and ankles every hue its opposite, and stronger."""
    rows = np.nonzero(mask.any(1))[0]
    neck, ankles = (int(rows[0] + share * len(rows)) for share in (0.17, 0.9))
    hsv = cv2.cvtColor(frame, cv2.COLOR_BGR2HSV).astype(int)
    hsv[..., 0], hsv[..., 1] = (hsv[..., 0] + 90) % 180, np.minimum(2 * hsv[..., 1] + 60, 255)
    out = frame.copy()
    out[neck:ankles] = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)[neck:ankles]
    return out


@functools.cache
def crossing() -> list[tuple[Image, tuple[float, float]]]:
    """Pictures, and where along x the walker and, behind her, the mirrored one are."""
    empty, walk = range(60, 190, 6), range(FIRST - 3, LAST)
    frames = clip([*empty, *walk])
    plate = np.median(np.stack([frames[i] for i in empty]), 0).astype(np.uint8)
    out = []
    for i in walk[3:]:
        picture = plate.copy()
        mirrored = cut_out(frames[i - 3], plate)[:, ::-1]
        walker = cut_out(frames[i], plate)
        picture[mirrored > 0] = redressed(frames[i - 3][:, ::-1], mirrored)[mirrored > 0]
        picture[walker > 0] = frames[i][walker > 0]
        out.append((picture, (float(np.nonzero(walker)[1].mean()), float(np.nonzero(mirrored)[1].mean()))))
    return out


@pytest.mark.models
@pytest.mark.parametrize("people", [1, 2])
def test_real_people_keep_their_numbers(people: int) -> None:
    """Before and after they overlap nobody's number is on the other; both are followed then."""
    if not all(store.is_pulled(name) for name in NEEDED):
        pytest.skip("models are not pulled")
    tracker = Tracker(
        open_detector("blazepose", threads=1), people=people, person=0 if people == 1 else "largest"
    )
    owner: dict[int, int] = {}
    seen: list[set[int]] = []
    for n, (picture, places) in enumerate(crossing()):
        results = tracker.update(Frame(picture, n, round(n / 30 * 1e9), 0, 0))
        seen.append({k.person_id for k in results})
        if abs(places[0] - places[1]) < OVERLAP_PX:
            continue
        for k in results:
            x = float(k.points_px[[5, 6, 11, 12], 0].mean())
            who = int(abs(x - places[1]) < abs(x - places[0]))
            assert owner.setdefault(k.person_id, who) == who, f"frame {n}"
    everybody = set(range(people))
    assert everybody in seen[:26]
    assert set().union(*seen) == everybody
    assert everybody in seen[-10:]
