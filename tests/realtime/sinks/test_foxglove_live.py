"""Foxglove's server: what a viewer gets, written from its protocol; and that nobody can hold it up."""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from lifting.errors import ConfigError, MissingExtra, SinkError
from lifting.skeleton import SEALCAP26
from realtime.data import State
from realtime.retarget.transports.foxglove import FoxgloveTransport, server_of
from realtime.ros.human import LIMITS
from realtime.sinks.foxglove import MOCAP_FRAME
from realtime.sinks.foxglove_live import FoxgloveSink
from realtime.sinks.foxglove_server import FoxgloveServer, server_at
from tests.realtime.retarget.transports.commands import command, describe
from tests.realtime.sinks.motions import make_motion, spoiled, with_poses

pytest.importorskip("foxglove", reason="pip install 'sealcap[foxglove]'")
pytest.importorskip("foxglove_schemas_protobuf", reason="pip install 'sealcap[dev]'")

SUBPROTOCOL = "foxglove.sdk.v1"
MESSAGE_DATA = 1


class Viewer:
    """A WebSocket client that knows the protocol and the published message classes."""

    def __init__(self, port: int, *topics: str) -> None:
        self._connection = connect(
            f"ws://127.0.0.1:{port}", subprotocols=[SUBPROTOCOL], max_size=None, proxy=None, close_timeout=0.2
        )
        assert self._connection.subprotocol == SUBPROTOCOL
        self.info: dict[str, Any] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self._topics: list[str] = []
        while not all(topic in self.channels for topic in topics):
            self._hear(json.loads(self._connection.recv(5)))
        self.subscribe(*topics)

    def subscribe(self, *topics: str) -> None:
        """Ask for topics."""
        asked = []
        for topic in topics:
            asked.append({"id": len(self._topics), "channelId": self.channels[topic]["id"]})
            self._topics.append(topic)
        self._connection.send(json.dumps({"op": "subscribe", "subscriptions": asked}))

    def get(self, topic: str) -> tuple[int, Any]:
        """(time, decoded) of the next message on a topic."""
        while True:
            data = self._connection.recv(5)
            if isinstance(data, str):
                self._hear(json.loads(data))
                continue
            kind, number, stamp = struct.unpack_from("<BIQ", data)
            assert kind == MESSAGE_DATA
            if self._topics[number] == topic:
                name = self.channels[topic]["schemaName"].removeprefix("foxglove.")
                module = __import__(f"foxglove_schemas_protobuf.{name}_pb2", fromlist=[name])
                return stamp, getattr(module, name).FromString(data[13:])

    def close(self) -> None:
        """Go."""
        self._connection.close()

    def _hear(self, message: dict[str, Any]) -> None:
        if message["op"] == "serverInfo":
            self.info = message
        elif message["op"] == "advertise":
            self.channels |= {channel["topic"]: channel for channel in message["channels"]}


@pytest.fixture
def sink() -> Iterator[FoxgloveSink]:
    """An open sink on a port of its own."""
    made = FoxgloveSink(FoxgloveServer(0))
    made.open()
    yield made
    made.close()
    made.close()


def wait_for_subscription(sink: FoxgloveSink, topic: str) -> None:
    """The server learns of it a moment after it was sent."""
    end = time.monotonic() + 5
    while not sink._channels[topic].watched:
        assert time.monotonic() < end
        time.sleep(0.005)


def watch(sink: FoxgloveSink, *topics: str) -> Viewer:
    """A viewer whose subscriptions are in force."""
    viewer = Viewer(sink._server.port, *topics)
    for topic in topics:
        wait_for_subscription(sink, topic)
    return viewer


def test_a_viewer_sees_the_skeleton_frames_poses_and_joints(sink: FoxgloveSink) -> None:
    """At the joints, at the time of capture, vanishing by themselves; joints as REP-155 has them."""
    viewer = watch(sink, "/skeleton", "/tf", "/poses", "/humans/joint_states")
    assert set(viewer.channels) == {"/skeleton", "/tf", "/poses", "/image", "/humans/joint_states"}
    assert viewer.info["capabilities"] == []
    motion = make_motion(people=2)
    motion = with_poses(motion, motion.people[0], spoiled(motion.people[1], "joints_world"))
    sink.write(motion)
    stamp, update = viewer.get("/skeleton")
    assert stamp == motion.frame.capture_time_ns + motion.frame.wall_offset_ns
    (entity,) = update.entities
    assert 0 < entity.lifetime.seconds + entity.lifetime.nanos * 1e-9 <= 1
    points = [(p.x, p.y, p.z) for p in entity.lines[0].points]
    assert np.array_equal(np.array(points, np.float32), motion.people[0].joints_world)
    assert len(entity.spheres) == len(SEALCAP26)
    assert len(viewer.get("/tf")[1].transforms) == 1 + 21
    poses = viewer.get("/poses")[1]
    assert poses.frame_id == MOCAP_FRAME
    (root,) = poses.poses
    assert [root.position.x, root.position.y, root.position.z] == pytest.approx(motion.people[0].root_world)
    turn = [root.orientation.x, root.orientation.y, root.orientation.z, root.orientation.w]
    assert turn == pytest.approx(motion.people[0].root_rotation)
    joints = viewer.get("/humans/joint_states")[1].joints
    assert [j.name for j in joints] == [f"{name}_b1" for name in LIMITS]
    assert all(low <= j.position <= high for j, (low, high) in zip(joints, LIMITS.values(), strict=True))
    assert not joints[0].HasField("velocity")
    viewer.close()


def test_whoever_has_gone_is_taken_away(sink: FoxgloveSink) -> None:
    """A deletion, for those who watch."""
    viewer = watch(sink, "/skeleton")
    motion = make_motion()
    sink.write(motion)
    assert viewer.get("/skeleton")[1].entities
    sink.write(with_poses(motion, replace(motion.people[0], state=State.LOST)))
    assert [d.id for d in viewer.get("/skeleton")[1].deletions] == ["person1"]
    viewer.close()


def test_the_picture_is_made_only_for_those_who_want_it(
    sink: FoxgloveSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As JPEG, no wider than 640, no oftener than 15 times a second."""
    made: list[int] = []
    encode = cv2.imencode

    def counted(*args: Any) -> Any:
        made.append(1)
        return encode(*args)

    monkeypatch.setattr(cv2, "imencode", counted)
    motion = make_motion()
    ramp = np.tile(np.linspace(0, 255, 1280, dtype=np.uint8)[None, :, None], (720, 1, 3))
    motion = replace(motion, frame=replace(motion.frame, image=ramp))
    sink.write(motion)
    assert not made
    viewer = watch(sink, "/image")
    for i in range(60):
        sink.write(replace(motion, publish_ns=motion.publish_ns + i * 16_666_667))
    assert 14 <= len(made) <= 20
    image = viewer.get("/image")[1]
    assert (image.format, image.frame_id) == ("jpeg", "camera")
    shown = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (360, 640, 3)
    assert np.abs(shown[100, ::8, 0].astype(int) - ramp[200, ::16, 0]).max() < 12
    sink.write(replace(motion, frame=replace(motion.frame, image=np.zeros_like(ramp)), publish_ns=2**62))
    viewer.close()


def test_a_robot_shows_in_the_same_server(sink: FoxgloveSink) -> None:
    """Joints with velocities, the base in the person's world; the server stays while one of them needs it."""
    transport = FoxgloveTransport(describe("hip", "knee"), sink._server)
    transport.open()
    viewer = Viewer(sink._server.port, "/robot/joint_states", "/robot/tf", "/skeleton")
    for channel in transport._channels.values():
        end = time.monotonic() + 5
        while not channel.watched:
            assert time.monotonic() < end
            time.sleep(0.005)
    made = command(2, 3)
    made.position[0] = np.nan
    transport.send(made)
    transport.send(command(2, 4))
    _, states = viewer.get("/robot/joint_states")
    assert [(j.name, j.position, j.velocity) for j in states.joints] == [
        ("hip", 0, 0),
        ("knee", pytest.approx(0.01), pytest.approx(0.1)),
    ]
    (base,) = viewer.get("/robot/tf")[1].transforms
    assert (base.parent_frame_id, base.child_frame_id) == (MOCAP_FRAME, "pelvis")
    assert (base.translation.x, base.translation.y, base.translation.z) == (0.5, 0.8, 1.5)
    assert (base.rotation.x, base.rotation.w) == (-0.5, 0.5)
    transport.close()
    transport.close()
    wait_for_subscription(sink, "/skeleton")
    sink.write(make_motion())
    assert viewer.get("/skeleton")[1].entities
    viewer.close()


def test_a_viewer_that_does_not_read_holds_nobody_up(sink: FoxgloveSink) -> None:
    """Messages to it are dropped; writing stays quick."""
    viewer = watch(sink, "/skeleton", "/tf")
    motion, longest = make_motion(people=4), 0.0
    for _ in range(600):
        began = time.perf_counter()
        sink.write(motion)
        longest = max(longest, time.perf_counter() - began)
    assert longest < 0.2
    viewer.close()


def test_it_listens_on_loopback_only(sink: FoxgloveSink) -> None:
    """Asked from the system."""
    port = sink._server.port
    listening = [c.laddr for c in psutil.Process().net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert [address.ip for address in listening if address.port == port] == ["127.0.0.1"]


def test_another_subprotocol_is_refused(sink: FoxgloveSink) -> None:
    """The deprecated one, and none."""
    for offered in (["foxglove.websocket.v1"], None):
        with pytest.raises(WebSocketException):
            connect(f"ws://127.0.0.1:{sink._server.port}", subprotocols=offered, proxy=None)
    viewer = watch(sink, "/skeleton")
    viewer.close()


def test_people_and_robot_share_the_server_of_a_port() -> None:
    """As long as somebody keeps it; a robot is shown on this machine only."""
    robot = server_of("foxglove://127.0.0.1:18765")
    assert server_at(18765) is robot
    assert server_at(18766) is not robot
    for endpoint in ("foxglove://0.0.0.0:8765", "foxglove://10.0.0.2:8765", "foxglove://127.0.0.1"):
        with pytest.raises(ConfigError, match="Foxglove's server is for this machine"):
            server_of(endpoint)


def test_without_the_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything starts."""
    monkeypatch.setitem(sys.modules, "foxglove", None)
    with pytest.raises(MissingExtra, match=r"sealcap\[foxglove\]"):
        FoxgloveServer(0)


def test_a_taken_port_and_no_port(sink: FoxgloveSink) -> None:
    """The first names another one."""
    with pytest.raises(SinkError, match="--foxglove"):
        FoxgloveSink(FoxgloveServer(sink._server.port)).open()
    with pytest.raises(ConfigError, match="8765"):
        FoxgloveServer(70000)
