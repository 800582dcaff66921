"""mmpose's joints by their names, around a model that answers prepared points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lifting.errors import ConfigError
from lifting.skeleton import BODY21, COCO17, HALPE26_TO_BODY21, WHOLEBODY133_TO_BODY21
from realtime.data import Float32, Image
from realtime.detectors import Region
from realtime.detectors.boxes import Box, box_from_region
from realtime.detectors.mmpose import Mmpose, body21_source

FEET = ("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel")
HALPE26 = (
    *COCO17.joints, "head", "neck", "hip", "left_big_toe", "right_big_toe", "left_small_toe",
    "right_small_toe", "left_heel", "right_heel",
)  # fmt: skip
WHOLE = (*COCO17.joints, *FEET, *(f"face-{i}" for i in range(68)), *(f"hand-{i}" for i in range(42)))
CROWD = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "top_head", "neck",
)  # fmt: skip


class Scripted:
    """A model that gives every keypoint a place of its own and remembers its box."""

    size = (192, 256)
    padding = 1.25

    def __init__(self, keypoints: tuple[str, ...]) -> None:
        self.keypoints = keypoints
        self.boxes: list[Box] = []

    def infer(self, _image: Image, boxes: Sequence[Box], /) -> list[tuple[Float32, Float32]]:
        """Points on a diagonal, further right for every box; scores that rise beyond 1."""
        self.boxes += boxes
        steps = np.arange(len(self.keypoints), dtype=np.float32)
        return [(np.stack([3 * steps + i, 2 * steps], 1), 0.5 + 0.05 * steps) for i in range(len(boxes))]


@pytest.mark.parametrize(("names", "table"), [
    (COCO17.joints, [*range(17), -1, -1, -1, -1]),
    (HALPE26, HALPE26_TO_BODY21.tolist()),
    (WHOLE, WHOLEBODY133_TO_BODY21.tolist()),
    (CROWD, [-1, -1, -1, -1, -1, *range(12), -1, -1, -1, -1]),
])  # fmt: skip
def test_names_give_the_tables(names: tuple[str, ...], table: list[int]) -> None:
    """By name one finds what the fast path's tables say; what a data set lacks is -1."""
    assert body21_source(names).tolist() == table


def test_models_of_hands_and_animals_are_refused() -> None:
    """Without shoulders and hips there is no body."""
    with pytest.raises(ConfigError, match="knows no left_shoulder and right_shoulder"):
        body21_source(("wrist", "thumb1", "thumb2"))


def test_estimate_maps_points_and_leaves_unknown_joints_out() -> None:
    """BODY21 in its order; joints the model lacks, and those outside the picture, have confidence 0."""
    model = Scripted(CROWD)
    region = Region(50, 60, 80)
    got = Mmpose(model, lambda _: [region]).estimate(np.zeros((100, 30, 3), np.uint8), region)
    assert model.boxes == [box_from_region(region, (192, 256))]
    shoulder, knee = BODY21.index("left_shoulder"), BODY21.index("left_knee")
    assert got.points_px[knee].tolist() == [24, 16]
    assert got.confidence[knee] == pytest.approx(0.9)
    assert got.confidence[shoulder] == pytest.approx(0.5)
    assert got.confidence[BODY21.index("left_ankle")] == 0  # x = 30 lies outside
    assert not got.confidence[BODY21.indices("nose", "left_toe", "right_heel")].any()
    assert got.score == pytest.approx(np.clip(0.5 + 0.05 * np.arange(4, 12), 0, 1).mean())


def test_several_people_take_one_call() -> None:
    """Each gets its own points; nobody gets none."""
    model = Scripted(CROWD)
    regions = [Region(50, 60, 80), Region(90, 60, 80)]
    first, second = Mmpose(model, lambda _: []).estimate_all(np.zeros((100, 99, 3), np.uint8), regions)
    assert len(model.boxes) == 2
    assert (second.points_px - first.points_px)[5:].tolist()[:12] == [[1, 0]] * 12
    assert Mmpose(model, lambda _: []).estimate_all(np.zeros((9, 9, 3), np.uint8), []) == []


def test_search_is_handed_on() -> None:
    """The people come from the other network."""
    region = Region(1, 2, 3)
    assert Mmpose(Scripted(CROWD), lambda _: [region]).search(np.zeros((9, 9, 3), np.uint8)) == [region]
