"""How much is under way: little, whatever the server does."""

from __future__ import annotations

import time

from websockets.sync.client import connect

from realtime.ros.rosbridge import Topic, publication
from realtime.ros.under_way import LONGEST_S, UnderWay
from tests.realtime.ros.bridge import Bridge

WORDS = Topic("/words", "std_msgs/msg/String")
FILLER = publication(WORDS, {"data": "x" * 10_000}).text


def test_sending_waits_for_a_server_that_does_not_read() -> None:
    """Never while it reads; from `LONGEST_S` without a pong on, until it has read."""
    with Bridge() as server, connect(server.url, compression=None) as connection:
        under_way = UnderWay(connection)
        connection.send(WORDS.advertisement(), text=True)
        for _ in range(20):
            connection.send(FILLER, text=True)
            under_way.mark()
            assert under_way.wait(2.0)
        server.stalled.set()
        for _ in range(100):  # it takes in some, and then no more
            connection.send(FILLER, text=True)
            under_way.mark()
        time.sleep(LONGEST_S)
        assert not under_way.wait(0.3)
        server.stalled.clear()
        assert under_way.wait(5.0)
