"""The page's scene over hours: people come and go under ever new numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from realtime.data import Motion
from realtime.web.scene import HIPS_M, LEASH_M, MAX_PEOPLE, Scene
from realtime.web.server import PageServer

MakeMotion = Callable[..., Motion]


def remembered(viser: Any) -> tuple[int, int]:
    """Messages kept for those who come later, and nodes of the scene."""
    return len(viser._websock_server._broadcast_buffer.message_from_id), len(
        viser.scene._handle_from_node_name
    )


@pytest.mark.parametrize("height_m", [-3.0, 0.2, 0.9, 1.6, 4.0])
def test_nobody_leaves_the_view(motion_at: MakeMotion, height_m: float) -> None:
    """Whoever walks away, climbs a roof or jumps off it: the stage goes along, else it rests."""
    server = PageServer("127.0.0.1", 0, "test")
    scene, pose = Scene(server.viser), motion_at(0).people[0]
    try:
        for step in range(30):
            moved = np.array([0.3 * step, height_m - pose.joints_world[0, 1], -0.2 * step], np.float32)
            joints = pose.joints_world + moved
            scene.show([replace(pose, joints_world=joints, root_world=joints[0])], step * 10**8)
            seen = joints[0] + np.asarray(scene._stage.position)
            assert HIPS_M[0] - 1e-6 <= seen[1] <= HIPS_M[1] + 1e-6
            assert np.hypot(seen[0], seen[2]) <= LEASH_M + 1e-6
    finally:
        server.close()
    rests = HIPS_M[0] <= height_m <= HIPS_M[1]
    assert (abs(scene._stage.position[1]) < 1e-6) == rests


@pytest.mark.parametrize("together", [1, 3, MAX_PEOPLE + 2])
def test_people_who_come_and_go_leave_nothing_behind(motion_at: MakeMotion, together: int) -> None:
    """A hundred people later the page holds no more than after the first few."""
    server = PageServer("127.0.0.1", 0, "test")
    scene = Scene(server.viser)
    pose, held = motion_at(0).people[0], []
    try:
        for first in range(100):
            scene.show([replace(pose, person_id=first + i) for i in range(together)], first * 10**8)
            scene.show([] if first % 3 else [replace(pose, person_id=first + 1)], first * 10**8)
            held.append(remembered(server.viser))
    finally:
        server.close()
    assert held[-1] <= max(held[30:60])
    assert len({nodes for _, nodes in held[2::3]}) == 1
