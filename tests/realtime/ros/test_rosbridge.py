"""The connection to rosbridge: order, reconnecting, and never waiting."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time

import pytest

from lifting.errors import ConfigError
from realtime.ros import rosbridge
from realtime.ros.rosbridge import RosBridge, Topic, publication
from tests.realtime.ros.bridge import Bridge

WORDS = Topic("/words", "std_msgs/msg/String")
LAST = Topic("/last", "std_msgs/msg/String", latched=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits."""
    monkeypatch.setattr(rosbridge, "FIRST_WAIT_S", 0.05)
    monkeypatch.setattr(rosbridge, "LONGEST_WAIT_S", 0.1)


def say(client: RosBridge, text: str, topic: Topic = WORDS) -> None:
    """Publish one string."""
    client.offer([publication(topic, {"data": text})])


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def keep_saying(client: RosBridge, server: Bridge, text: str) -> None:
    """Until it has arrived."""

    def arrived() -> bool:
        say(client, text)
        return {"data": text} in server.of("/words")

    server.wait(arrived)


def test_topics_are_advertised_before_anything_is_published() -> None:
    """Once per connection, with type and QoS, old style and new."""
    with Bridge() as server:
        client = RosBridge(server.url, "--ros")
        client.advertise(WORDS, LAST)
        client.open()
        for i in range(20):
            say(client, str(i))
            time.sleep(0.005)
        keep_saying(client, server, "end")
        assert not server.errors
        assert server.adverts["/words"]["qos"] == {
            "history": "keep_last", "depth": 1, "reliability": "reliable", "durability": "volatile",
        }  # fmt: skip
        assert server.adverts["/last"]["qos"]["durability"] == "transient_local"
        assert server.adverts["/last"]["latch"] is True
        client.unadvertise(LAST)
        say(client, "x", LAST)
        server.wait(lambda: "/last" not in server.adverts)
        client.close()
        assert not server.of("/last")
        assert not server.errors
        assert server.connections == 1


def test_a_server_that_comes_later_is_found_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """While it is away frames are dropped and counted, one line tells how to start it."""
    port = free_port()
    client = RosBridge(f"ws://127.0.0.1:{port}", "--ros")
    client.advertise(WORDS)
    client.open()
    for i in range(30):
        say(client, str(i))
        time.sleep(0.01)
    assert client.dropped >= 28
    assert len(caplog.records) == 1
    assert "ros2 launch rosbridge_server" in caplog.text
    with Bridge(port) as server:
        keep_saying(client, server, "here")
        client.close()
        assert not server.errors


def test_a_server_that_goes_is_found_again() -> None:
    """Everything is advertised anew; nothing else has to happen."""
    server = Bridge()
    client = RosBridge(server.url, "--ros")
    client.advertise(WORDS)
    client.open()
    keep_saying(client, server, "one")
    server.stop()
    with Bridge(server.port) as again:
        keep_saying(client, again, "two")
        again.drop()
        keep_saying(client, again, "three")
        assert again.connections >= 2
        assert not again.errors
        client.close()


def test_a_server_that_closes_at_once_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it does."""
    with Bridge() as server:
        server.on_connect = lambda connection: connection.close(1008, "no")
        client = RosBridge(server.url, "--ros")
        client.advertise(WORDS)
        client.open()
        end = time.monotonic() + 8
        while server.connections < 5:
            say(client, "x")
            time.sleep(0.01)
            assert time.monotonic() < end
        client.close()
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1


def test_what_is_no_rosbridge_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A web server on that port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            with visitor:
                visitor.recv(4096)
                visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    thread = threading.Thread(target=answer)
    thread.start()
    client = RosBridge(f"ws://127.0.0.1:{listener.getsockname()[1]}", "--ros")
    client.open()
    end = time.monotonic() + 5
    while not caplog.records and time.monotonic() < end:
        time.sleep(0.01)
    client.close()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    assert "no rosbridge server" in caplog.text


def test_a_slow_server_costs_frames_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Offering stays instant while sending hangs; closing cuts the connection; it is said once."""
    monkeypatch.setattr(rosbridge, "SLOW_S", 0.2)
    with Bridge() as server:
        client = RosBridge(server.url, "--ros")
        client.advertise(WORDS)
        client.open()
        keep_saying(client, server, "start")
        server.stalled.set()
        longest = 0.0
        text = "x" * 200_000
        for _ in range(100):
            message = publication(WORDS, {"data": text})
            began = time.perf_counter()
            client.offer([message])
            longest = max(longest, time.perf_counter() - began)
            time.sleep(0.005)
        assert longest < 0.05
        assert client.dropped > 20
        server.stalled.clear()
        keep_saying(client, server, "again")
        assert len([r for r in caplog.records if "keep up" in r.message]) == 1
        server.stalled.set()
        for _ in range(60):
            client.offer([message])
            time.sleep(0.005)
        began = time.perf_counter()
        client.close()
        assert time.perf_counter() - began < 1.5
        assert not client._thread.is_alive()


def test_errors_of_the_server_reach_the_user_once(caplog: pytest.LogCaptureFixture) -> None:
    """Such as a message package that is not installed; nonsense and floods are harmless."""

    def talk(connection) -> None:
        hello = '{"op":"status","level":"info","msg":"hello"}'
        for junk in ("{", "[1]", '"x"', b"\xff\xfe", '{"op": 5}', hello):
            connection.send(junk)
        connection.send('{"x":' + "[" * 30_000)
        for _ in range(200):
            connection.send('{"op":"status","level":"error","msg":"no package hri_msgs"}')

    with Bridge() as server:
        server.on_connect = talk
        client = RosBridge(server.url, "--ros")
        client.advertise(WORDS)
        client.open()
        keep_saying(client, server, "a")
        for i in range(30):
            keep_saying(client, server, str(i))
        client.close()
    assert len([r for r in caplog.records if "no package hri_msgs" in r.message]) == 1
    assert "hello" not in caplog.text


def test_bytes_that_are_no_text_cost_the_connection_and_no_more() -> None:
    """A server that breaks WebSocket's own rules is left, and tried again."""
    with Bridge() as server:
        server.on_connect = lambda connection: connection.send(b"\xff\xfe", text=True)
        client = RosBridge(server.url, "--ros")
        client.advertise(WORDS)
        client.open()
        end = time.monotonic() + 8
        while server.connections < 3:
            say(client, "x")
            time.sleep(0.01)
            assert time.monotonic() < end
        server.on_connect = lambda _connection: None
        keep_saying(client, server, "better")
        client.close()


WRONG = ["127.0.0.1:9090", "http://127.0.0.1:9090", "ws://127.0.0.1", "ws://:9090", "ws://h:99999", ""]


@pytest.mark.parametrize("url", [*WRONG, "ws://a:b@c:1"])
def test_wrong_addresses(url: str) -> None:
    """With the right form."""
    with pytest.raises(ConfigError, match=re.escape("ws://127.0.0.1:9090")):
        RosBridge(url, "--ros")


def test_robots_stay_on_this_machine_unless_allowed() -> None:
    """People may be told elsewhere, which a warning says."""
    with pytest.raises(ConfigError, match="--lan"):
        RosBridge("ws://192.168.1.5:9090", "--robot-out", remote=False)
    RosBridge("ws://192.168.1.5:9090", "--ros")
    RosBridge("ws://[::1]:9090", "--robot-out", remote=False)


def test_closing_twice_and_unopened_is_harmless() -> None:
    """Idempotent."""
    client = RosBridge("ws://127.0.0.1:9", "--ros")
    client.close()
    client.close()
