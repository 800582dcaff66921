"""The page's scene over hours: people come and go under ever new numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from realtime.data import Motion
from realtime.web.scene import MAX_PEOPLE, Scene
from realtime.web.server import PageServer

MakeMotion = Callable[..., Motion]


def remembered(viser: Any) -> tuple[int, int]:
    """Messages kept for those who come later, and nodes of the scene."""
    return len(viser._websock_server._broadcast_buffer.message_from_id), len(
        viser.scene._handle_from_node_name
    )


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
