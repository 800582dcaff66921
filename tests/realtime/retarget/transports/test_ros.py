"""A robot's targets in ROS 2, as a strict rosbridge server gets them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from lifting.errors import ConfigError
from realtime.retarget.robot_pose import RobotState
from realtime.retarget.transports.ros import RosTransport
from tests.realtime.retarget.transports.commands import command, describe
from tests.realtime.ros.bridge import Bridge

NAMES = ("hip_joint", "knee_joint", "elbow_joint")


def run(server: Bridge, transport: RosTransport, topic: str) -> list[dict]:
    """Send until something arrives there."""
    transport.open()
    tick = 0

    def arrived() -> bool:
        nonlocal tick
        tick += 1
        transport.send(replace(command(3, tick, RobotState.RAMPING), time_ns=time.monotonic_ns()))
        return bool(server.of(topic))

    server.wait(arrived)
    transport.close()
    assert not server.errors, server.errors[:3]
    return server.of(topic)


def test_targets_have_a_namespace_of_their_own() -> None:
    """Never the robot's own topics and frames: positions, velocities, state, and the base."""
    with Bridge() as server:
        transport = RosTransport(describe(*NAMES), server.url.replace("ws", "ros+ws"))
        joints = run(server, transport, "/sealcap/g1/joint_states")[0]
        assert joints["name"] == list(NAMES)
        assert joints["position"] == pytest.approx([0, 0.01, 0.02])
        assert joints["velocity"] == pytest.approx([0, 0.1, 0.2])
        stamp = joints["header"]["stamp"]
        assert abs(stamp["sec"] + stamp["nanosec"] * 1e-9 - time.time()) < 5
        server.wait(lambda: server.of("/sealcap/g1/state"))
        assert server.of("/sealcap/g1/state")[0] == {"data": "ramping"}
        assert server.adverts["/sealcap/g1/state"]["qos"]["durability"] == "transient_local"
        assert not [topic for topic in server.adverts if topic in ("/joint_states", "/robot_description")]
        (moved,) = server.of("/tf")[0]["transforms"]
        assert (moved["header"]["frame_id"], moved["child_frame_id"]) == ("map", "sealcap/g1/pelvis")
        assert [moved["transform"]["translation"][k] for k in "xyz"] == pytest.approx([1.5, 0.5, 0.8])
        q = np.array([moved["transform"]["rotation"][k] for k in "xyzw"])
        assert np.abs(q) == pytest.approx([0, 0, 0, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("query", "topic", "frame"),
    [
        ("?namespace=/", "/joint_states", "pelvis"),
        ("?namespace=/t/a", "/t/a/joint_states", "t/a/pelvis"),
    ],
)
def test_other_namespaces_on_request(query: str, topic: str, frame: str) -> None:
    """Plain names for a robot that nobody else speaks for."""
    with Bridge() as server:
        run(server, RosTransport(describe(*NAMES), f"ros+{server.url}{query}"), topic)
        server.wait(lambda: server.of("/tf"))
        assert server.of("/tf")[0]["transforms"][0]["child_frame_id"] == frame


def test_a_robot_that_is_bolted_down_has_no_base_to_tell() -> None:
    """No /tf."""
    with Bridge() as server:
        description = replace(describe(*NAMES), floating=False)
        run(server, RosTransport(description, f"ros+{server.url}"), "/sealcap/g1/joint_states")
        assert "/tf" not in server.adverts


def test_what_is_not_finite_is_left_out() -> None:
    """Nothing reaches the connection."""
    transport = RosTransport(describe(*NAMES), "ros+ws://127.0.0.1:9090")
    bad = command(3)
    bad.velocity[0] = np.inf
    transport.send(bad)
    assert len(transport._bridge._box) == 0


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("ros+ws://192.168.0.7:9090", "--lan"),
        ("ros+ws://127.0.0.1", "give ws"),
        ("ros+ws://127.0.0.1:9090?namespace=/a b", "letters, digits"),
        ("ros+ws://127.0.0.1:9090?names=/a", "letters, digits"),
        ("ros+http://127.0.0.1:9090", "give ws"),
    ],
)
def test_wrong_addresses(endpoint: str, words: str) -> None:
    """With the right form."""
    with pytest.raises(ConfigError, match=words):
        RosTransport(describe(*NAMES), endpoint)
    RosTransport(describe(*NAMES), "ros+ws://192.168.0.7:9090", lan=True)


def test_a_server_that_stood_still_gets_no_old_commands() -> None:
    """What robots do next is the newest command: of a second and a half in which nothing was read, hardly
    any wait in buffers, and the emergency stop at its end does not stand behind them."""
    with Bridge() as server:
        transport = RosTransport(describe(*NAMES), server.url.replace("ws", "ros+ws"))
        transport.open()
        tick = 0

        def send(seconds: float, state: RobotState) -> None:
            nonlocal tick
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                transport.send(replace(command(3, tick, state), time_ns=time.monotonic_ns()))
                tick += 1
                time.sleep(0.01)

        while not server.of("/sealcap/g1/state"):
            send(0.05, RobotState.FOLLOWING)
        server.stalled.set()
        send(1.5, RobotState.FOLLOWING)
        known = len(server.of("/sealcap/g1/state"))
        server.stalled.clear()
        send(0.3, RobotState.ESTOP)
        server.wait(lambda: {"data": "estop"} in server.of("/sealcap/g1/state"))
        old = [message["data"] for message in server.of("/sealcap/g1/state")[known:]].index("estop")
        transport.close()
        assert not server.errors
    assert old < 50
