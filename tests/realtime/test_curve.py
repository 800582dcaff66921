"""CURVE between two processes: who gets in, who does not."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from zmq.utils import z85

from lifting.errors import ConfigError
from realtime import curve, keyring

PEER = """
import sys, zmq
endpoint, server, public, secret = sys.argv[1:5]
socket = zmq.Context().socket(zmq.SUB)
socket.setsockopt(zmq.LINGER, 0)
socket.setsockopt(zmq.SUBSCRIBE, b"")
if server:
    socket.setsockopt(zmq.CURVE_SERVERKEY, server.encode())
    socket.setsockopt(zmq.CURVE_PUBLICKEY, public.encode())
    socket.setsockopt(zmq.CURVE_SECRETKEY, secret.encode())
socket.connect(endpoint)
print("heard" if socket.poll(1500) and socket.recv() == b"pose" else "nothing")
"""


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty key folder."""
    monkeypatch.setenv("SEALCAP_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys"


@contextmanager
def publishing(server: curve.ServerKeys) -> Iterator[str]:
    """A PUB socket that says `pose` a hundred times a second; its endpoint."""
    context: zmq.Context[Any] = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.LINGER, 0)
    curve.apply_server(socket, server)
    socket.bind("tcp://127.0.0.1:*")
    endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)
    done = threading.Event()

    def publish() -> None:
        while not done.wait(0.01):
            socket.send(b"pose")
        socket.close()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield endpoint
    finally:
        done.set()
        thread.join()
        context.term()


def peer(endpoint: str, server: str = "", pair: keyring.KeyPair | None = None) -> subprocess.Popen[str]:
    """Another process that listens for a second and a half and prints `heard` or `nothing`."""
    own = (pair.public, pair.secret) if pair else ("", "")
    command = [sys.executable, "-c", textwrap.dedent(PEER), endpoint, server, *own]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def heard(process: subprocess.Popen[str]) -> str:
    """What it printed at last."""
    return process.communicate(timeout=20)[0].strip()


def test_only_allowed_keys_are_served(caplog: pytest.LogCaptureFixture) -> None:
    """An allowed key hears; unknown keys, plain peers and those who take us for another server do not."""
    server, friend, stranger = (keyring.new_pair(name) for name in ("default", "friend", "stranger"))
    keyring.allow(friend.public, "friend")
    with caplog.at_level(logging.WARNING), publishing(curve.server_keys()) as endpoint:
        processes = [
            peer(endpoint, server.public, friend),
            peer(endpoint, server.public, stranger),
            peer(endpoint),
            peer(endpoint, stranger.public, friend),
        ]
        assert [heard(process) for process in processes] == ["heard", "nothing", "nothing", "nothing"]
    assert stranger.public in caplog.text
    assert not [secret for secret in (server.secret, friend.secret, stranger.secret) if secret in caplog.text]


def test_a_key_allowed_later_counts_without_restart() -> None:
    """`sealcap keys allow` while a run publishes lets the next connection in."""
    server, one, two = (keyring.new_pair(name) for name in ("default", "one", "two"))
    keyring.allow(one.public, "one")
    with publishing(curve.server_keys()) as endpoint:
        assert heard(peer(endpoint, server.public, two)) == "nothing"
        keyring.allow(two.public, "two")
        assert heard(peer(endpoint, server.public, two)) == "heard"


def test_nobody_gets_in_when_the_list_cannot_be_read(keys: Path) -> None:
    """A list that became unreadable admits nobody, rather than everybody."""
    server, one = keyring.new_pair(), keyring.new_pair("one")
    keyring.allow(one.public, "one")
    with publishing(curve.server_keys()) as endpoint:
        (keys / "allowed" / "broken.pub").write_text("nonsense")
        assert heard(peer(endpoint, server.public, one)) == "nothing"


def test_nobody_gets_in_when_nobody_answers_for_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the thread that knows the keys be gone, libzmq must refuse, not let everybody in."""
    monkeypatch.setattr(curve._Doorkeeper, "run", lambda keeper: keeper._door.close())
    server, one = keyring.new_pair(), keyring.new_pair("one")
    keyring.allow(one.public, "one")
    with publishing(curve.server_keys()) as endpoint:
        assert heard(peer(endpoint, server.public, one)) == "nothing"


def test_ending_the_context_ends_the_thread() -> None:
    """Nothing is left behind, and termination does not hang."""
    keyring.allow(keyring.new_pair().public, "me")
    before = threading.active_count()
    begin = time.monotonic()
    for _ in range(5):
        with publishing(curve.server_keys()):
            pass
    assert time.monotonic() - begin < 2
    assert threading.active_count() == before


def test_two_sockets_of_one_context_share_the_list() -> None:
    """A data and a control socket of one context both admit the allowed key."""
    server, one = keyring.new_pair(), keyring.new_pair("one")
    keyring.allow(one.public, "one")
    context: zmq.Context[Any] = zmq.Context()
    try:
        for _ in range(2):
            with context.socket(zmq.REP) as bound, context.socket(zmq.REQ) as caller:
                curve.apply_server(bound, curve.server_keys())
                bound.bind("tcp://127.0.0.1:*")
                curve.apply_client(caller, curve.client_keys("default", "one"))
                caller.setsockopt(zmq.LINGER, 0)
                caller.connect(bound.getsockopt_string(zmq.LAST_ENDPOINT))
                caller.send(b"hello")
                assert bound.poll(3000)
                assert bound.recv() == b"hello"
    finally:
        context.term()
    assert server.public == curve.client_keys("default", "one").server


def test_without_any_allowed_key_there_is_no_server() -> None:
    """First a pair is missing, then a key that may connect; both messages say what to type."""
    with pytest.raises(ConfigError, match="sealcap keys new"):
        curve.server_keys()
    keyring.new_pair()
    with pytest.raises(ConfigError, match="sealcap keys allow"):
        curve.server_keys()


def test_the_request_is_checked_as_well(keys: Path) -> None:
    """Anything but a well-formed CURVE request of our domain is refused."""
    pair = keyring.new_pair()
    door: Any = None
    keeper = curve._Doorkeeper(door, lambda: {pair.public: "me"})
    good = [b"1.0", b"7", b"sealcap", b"127.0.0.1", b"", b"CURVE", z85.decode(pair.public)]
    assert keeper._answer(good) == [b"1.0", b"7", b"200", b"", b"me", b""]
    bad = [
        good[:-1],
        [*good[:5], b"NULL"],
        [*good[:5], b"PLAIN", b"me", b"x"],
        [],
        [b"1.0"],
        [*good[:6], b"short"],
    ]
    bad += [[*good[:2], b"other", *good[3:]], [b"2.0", *good[1:]], [*good, b"more"]]
    assert {keeper._answer(request)[2] for request in bad} == {b"400"}
