"""The PUB socket of poses, robots and SONIC: what receivers may send."""

from __future__ import annotations

import pytest
import zmq

from realtime.pub_socket import MAX_SUBSCRIPTION_BYTES, PubSocket


@pytest.mark.parametrize("watchful", [True, False])
def test_a_topic_as_long_as_a_book_is_hung_up_on(watchful: bool) -> None:
    """libzmq keeps a tree of all topics' letters: two megabytes of one would cost a hundred of ours. Who
    sends a usual one is served."""
    socket = PubSocket("test", "tcp://127.0.0.1:*", lambda at, error: f"{at}: {error}", watchful=watchful)
    socket.open()
    try:
        with zmq.Context() as context, context.socket(zmq.SUB) as good, context.socket(zmq.SUB) as bad:
            for one in (good, bad):
                one.setsockopt(zmq.LINGER, 0)
            monitor = bad.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            bad.setsockopt(zmq.SUBSCRIBE, bytes(MAX_SUBSCRIPTION_BYTES + 1))
            good.setsockopt(zmq.SUBSCRIBE, b"word")
            for one in (good, bad):
                one.connect(socket.endpoint)
            assert monitor.poll(5000)
            bad.disable_monitor()
            monitor.close(0)
            for _ in range(1000):
                socket.send(b"word of mouth")
                if good.poll(5):
                    break
            assert good.recv(zmq.NOBLOCK) == b"word of mouth"
    finally:
        socket.close()
