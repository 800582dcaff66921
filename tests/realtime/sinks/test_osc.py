"""OSC joints, judged by python-osc."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from lifting.errors import ConfigError, SinkError
from lifting.skeleton import BONES, SEALCAP26
from realtime.data import BodyPose, Motion, State
from realtime.osc_packets import MAX_PACKET_BYTES
from realtime.sinks.osc import OscSink, frame_packets, person_packets
from tests.realtime.sinks.motions import PUBLISHED, make_motion, spoiled, with_poses

Content = list[tuple[str, list[object]]]


def _content(packet: bytes) -> Content:
    return [(m.message.address, list(m.message.params)) for m in OscPacket(packet).messages]


def _f32(values: np.ndarray) -> list[float]:
    return [float(v) for v in values.astype(np.float32)]


def _expected(motion: Motion, pose: BodyPose) -> tuple[tuple[str, str, list[object]], Content]:
    """Address, tags and arguments of the frame message, and of everything after it."""
    seconds, ns = divmod(motion.frame.capture_time_ns + motion.frame.wall_offset_ns, 10**9)
    conf = float(pose.confidence.mean())
    frame = ("/mocap/v1/frame", "iiiisf", [motion.seq, seconds, ns, pose.person_id, pose.state.value, conf])
    rest: Content = [("/mocap/v1/root", [*_f32(pose.root_world), *_f32(pose.root_rotation)])]
    for name, xyz, c in zip(SEALCAP26.joints, pose.joints_world, pose.confidence, strict=True):
        rest.append(("/mocap/v1/joint", [name, *_f32(xyz), float(c)]))
    for name, q in zip(BONES.joints, pose.bone_rotations, strict=True):
        rest.append(("/mocap/v1/bone", [name, *_f32(q)]))
    return frame, rest


def _message(address: str, tags: str, values: list[object]):  # type: ignore[no-untyped-def]
    builder = OscMessageBuilder(address)
    for tag, value in zip(tags, values, strict=True):
        builder.add_arg(value, tag)
    return builder.build()


def test_packets_are_byte_for_byte_those_of_python_osc() -> None:
    """Our packer and python-osc's builder agree on every byte of every part."""
    motion = make_motion(seq=11, people=1)
    frame, rest = _expected(motion, motion.people[0])
    packets = person_packets(motion, motion.people[0])
    queue = list(rest)
    for packet in packets:
        bundle = OscBundleBuilder(IMMEDIATELY)
        bundle.add_content(_message(*frame))
        for _ in range(len(_content(packet)) - 1):
            address, values = queue.pop(0)
            tags = "".join("s" if isinstance(v, str) else "f" for v in values)
            bundle.add_content(_message(address, tags, values))
        assert bundle.build().dgram == packet
    assert not queue


def test_parts_fit_a_packet_and_share_the_sequence_number() -> None:
    """Every part is at most 1472 bytes, immediate, and begins with the same frame message."""
    motion = make_motion(seq=5, people=3)
    for pose in motion.people:
        packets = person_packets(motion, pose)
        assert len(packets) > 1
        frames = [_content(packet)[0] for packet in packets]
        assert all(frame == frames[0] for frame in frames)
        assert frames[0][1][0] == 5
        assert frames[0][1][3:5] == [pose.person_id, "tracking"]
        for packet in packets:
            assert len(packet) <= MAX_PACKET_BYTES
            assert packet[8:16] == struct.pack(">Q", 1)
            assert OscBundle(packet).num_contents == len(_content(packet))


def test_everybody_is_sent_with_all_joints_and_bones() -> None:
    """Each person's 26 joints and 21 bones come once, with strict types."""
    motion = make_motion(people=2)
    names: dict[int, list[str]] = {}
    for packet in frame_packets(motion):
        (_, first), *rest = _content(packet)
        assert [type(v) for v in first] == [int, int, int, int, str, float]
        for address, values in rest:
            if address != "/mocap/v1/root":
                names.setdefault(first[3], []).append(values[0])
                assert all(type(v) is float for v in values[1:])
    assert names == {1: [*SEALCAP26.joints, *BONES.joints], 2: [*SEALCAP26.joints, *BONES.joints]}


@pytest.mark.parametrize("field", PUBLISHED)
def test_numbers_that_are_not_finite_never_leave(field: str) -> None:
    """Instead of them the receiver hears that the person is lost."""
    motion = make_motion(seq=2)
    pose = spoiled(motion.people[0], field)
    for packet in frame_packets(with_poses(motion, pose)):
        ((address, values),) = _content(packet)
        assert address == "/mocap/v1/frame"
        assert values[3:] == [1, "lost", 0.0]


def test_a_lost_person_has_a_state_and_no_joints() -> None:
    """Joints of somebody who is gone must not be acted on, so they are not sent."""
    motion = make_motion()
    lost = with_poses(motion, replace(motion.people[0], state=State.LOST))
    (packet,) = frame_packets(lost)
    assert _content(packet)[0][1][3:] == [1, "lost", 0.0]


def test_with_nobody_there_the_stream_goes_on() -> None:
    """One message a frame says so; a receiver can tell an empty room from a dead sender."""
    (packet,) = frame_packets(make_motion(seq=9, people=0))
    ((_, values),) = _content(packet)
    assert (values[0], values[3:]) == (9, [-1, "lost", 0.0])


def test_numbers_too_large_for_osc_wrap() -> None:
    """OSC has 31-bit counts; a year of frames and any date still pack."""
    motion = make_motion(people=1)
    frame = replace(motion.frame, capture_time_ns=2**62, wall_offset_ns=0)
    huge = replace(motion, seq=2**40 + 3, frame=frame)
    assert _content(frame_packets(huge)[0])[0][1][0] == 3


def test_it_arrives() -> None:
    """What a real socket receives is what was sent."""
    motion = make_motion(people=2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2)
        sink = OscSink("127.0.0.1", receiver.getsockname()[1])
        sink.open()
        sink.write(motion)
        sink.close()
        sink.close()
        sent = frame_packets(motion)
        assert [receiver.recv(4096) for _ in sent] == sent


def test_nobody_listening_is_no_failure() -> None:
    """A receiver that is not there yet does not stop the sender."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    sink = OscSink("127.0.0.1", port)
    sink.open()
    for seq in range(20):
        sink.write(make_motion(seq))
    sink.close()


def test_an_unknown_receiver_is_named() -> None:
    """The message says which host, and shows an address that works."""
    sink = OscSink("no-such-host.invalid", 39570)
    with pytest.raises(SinkError, match=r"no-such-host\.invalid.*--osc 127\.0\.0\.1:39570"):
        sink.open()


def test_an_impossible_port_is_refused() -> None:
    """Ports end at 65535."""
    with pytest.raises(ConfigError, match="65535"):
        OscSink("127.0.0.1", 70000)


def test_a_receiver_elsewhere_gets_a_notice(caplog: pytest.LogCaptureFixture) -> None:
    """Sending off this machine is allowed and said."""
    sink = OscSink("192.0.2.1", 39570)
    sink.open()
    sink.close()
    assert "leave this machine" in caplog.text
