"""The command line's way to ROS, Foxglove and SONIC; and the real rosbridge, where there is one."""

from __future__ import annotations

import json
import os
import time

import pytest
from websockets.sync.client import connect

from lifting.errors import ConfigError
from realtime.build import build_outputs
from realtime.config import OutputConfig
from realtime.sinks.ros import RosSink
from realtime.sinks.wire import StreamInfo
from tests.realtime.ros.bridge import Bridge
from tests.realtime.sinks.motions import make_motion


def test_flags_make_the_outputs() -> None:
    """Each with the name that the summary prints."""
    pytest.importorskip("foxglove", reason="pip install 'sealcap[foxglove]'")
    out = OutputConfig(
        ros=["ws://127.0.0.1:9090", "ws://127.0.0.1:9091"], foxglove=8765, sonic=["127.0.0.1:5556"]
    )
    assert [sink.name for sink in build_outputs(out, StreamInfo(), 1)] == [
        "ros ws://127.0.0.1:9090",
        "ros ws://127.0.0.1:9091",
        "sonic tcp://127.0.0.1:5556",
        "foxglove ws://127.0.0.1:8765",
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ros": ["127.0.0.1:9090"]}, "--ros ws://127"),
        ({"sonic": ["5556"]}, "--sonic"),
        ({"sonic": ["0.0.0.0:5556"], "lan": True}, "--insecure"),
    ],
)
def test_wrong_flags(settings: dict, words: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigError, match=words):
        build_outputs(OutputConfig(**settings), StreamInfo(), 1)


def test_a_sink_without_a_server_counts_what_is_lost_and_closes_at_once() -> None:
    """Nothing hangs."""
    sink = RosSink("ws://127.0.0.1:9")
    sink.open()
    for seq in range(30):
        sink.write(make_motion(seq))
    began = time.perf_counter()
    sink.close()
    assert time.perf_counter() - began < 1.0
    assert sink.lost >= 29


@pytest.mark.real
def test_the_real_rosbridge_takes_everything() -> None:
    """What is published is what a subscriber gets; it says nothing of errors.

    Needs a running one: ros2 launch rosbridge_server rosbridge_websocket_launch.xml address:=127.0.0.1, with
    hri_msgs installed, and SEALCAP_ROSBRIDGE=ws://127.0.0.1:9090.
    """
    url = os.environ.get("SEALCAP_ROSBRIDGE")
    if url is None:
        pytest.skip("start rosbridge and set SEALCAP_ROSBRIDGE=ws://127.0.0.1:9090")
    sink = RosSink(url)
    sink.open()
    with connect(url, proxy=None, compression=None) as listener:
        for topic, kind in (
            ("/humans/bodies/tracked", "hri_msgs/msg/IdsList"),
            ("/humans/bodies/b1/joint_states", "sensor_msgs/msg/JointState"),
            ("/humans/bodies/b1/skeleton2d", "hri_msgs/msg/Skeleton2D"),
            ("/humans/bodies/b1/roi", "hri_msgs/msg/NormalizedRegionOfInterest2D"),
            ("/tf", "tf2_msgs/msg/TFMessage"),
        ):
            listener.send(json.dumps({"op": "subscribe", "topic": topic, "type": kind}))
        heard: set[str] = set()
        end = time.monotonic() + 20
        seq = 0
        while len(heard) < 5 and time.monotonic() < end:
            sink.write(make_motion(seq))
            seq += 1
            try:
                message = json.loads(listener.recv(timeout=0.05))
            except TimeoutError:
                continue
            assert message["op"] == "publish", message
            heard.add(message["topic"])
    sink.close()
    assert len(heard) == 5
    assert not sink._bridge._complaints


def test_the_small_server_notices_mistakes() -> None:
    """So that its silence elsewhere means something."""
    with Bridge() as server, connect(server.url, proxy=None) as client:
        header = {"stamp": {"sec": 1, "nanosec": 2}, "frame_id": ""}
        qos = {"history": "keep_last", "depth": 1, "reliability": "reliable", "durability": "volatile"}
        ids = {
            "op": "advertise",
            "topic": "/a",
            "type": "hri_msgs/msg/IdsList",
            "latch": False,
            "queue_size": 1,
        }
        mistakes = [
            {"op": "publish", "topic": "/a", "msg": {}},
            {**ids, "qos": {**qos, "reliability": "best"}},
            {**ids, "type": "hri_msgs/IdList", "qos": qos},
            {**ids, "topic": "a b", "qos": qos},
        ]
        for message in mistakes:
            client.send(json.dumps(message))
        client.send(json.dumps({**ids, "qos": qos}))
        bad = [
            {"header": header, "ids": [1]},
            {"header": header},
            {"header": header, "ids": [], "more": 1},
            {"header": {"stamp": {"sec": 1.5, "nanosec": 2}, "frame_id": ""}, "ids": []},
        ]
        for message in bad:
            client.send(json.dumps({"op": "publish", "topic": "/a", "msg": message}))
        client.send(json.dumps({"op": "publish", "topic": "/a", "msg": {"header": header, "ids": ["b1"]}}))
        server.wait(lambda: server.messages)
        assert len(server.errors) == len(mistakes) + len(bad)
        assert server.messages == [("/a", {"header": header, "ids": ["b1"]})]
