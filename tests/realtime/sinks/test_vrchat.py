"""VRChat trackers: numbers, axes, angles, heights, alignment; judged by python-osc and by Unity's rules."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY
from pythonosc.osc_packet import OscPacket

from lifting.errors import ConfigError, SinkError
from lifting.skeleton import BONES, SEALCAP26
from realtime.data import BodyPose, Motion, State
from realtime.osc_packets import MAX_PACKET_BYTES
from realtime.sinks.vrchat import ALIGN_AFTER_S, SILENT_S, VrchatSink, euler_deg, parse_trackers
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import multiply, to_matrix, unit
from realtime.vmc.commands import Commands
from realtime.vmc.presence import about_vertical
from tests.realtime.sinks.motions import PUBLISHED, make_motion, make_pose, spoiled, with_poses

UNITY_FROM_WORLD = np.diag([-1.0, 1.0, 1.0])
ALL = "hip,feet,chest,knees,elbows"


class VrChat:
    """A socket that decodes what comes."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]

    def packet(self) -> bytes:
        """The next one; TimeoutError when none comes."""
        return self._socket.recv(65535)

    def values(self) -> dict[str, list[float]]:
        """Address → arguments of the next packet."""
        return {m.message.address: list(m.message.params) for m in OscPacket(self.packet()).messages}

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def vrchat() -> Iterator[VrChat]:
    receiver = VrChat()
    yield receiver
    receiver.close()


def open_sink(vrchat: VrChat, **options: object) -> VrchatSink:
    sink = VrchatSink("127.0.0.1", vrchat.port, **options)  # type: ignore[arg-type]
    sink.open()
    return sink


def unity_euler(x_deg: float, y_deg: float, z_deg: float) -> np.ndarray:
    """Unity's Quaternion.Euler as a matrix: about z, then x, then y, as its manual says."""

    def about(axis: int, angle: float) -> np.ndarray:
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        R = np.eye(3)
        R[i, i], R[i, j], R[j, i], R[j, j] = c, -s, s, c
        return R

    return about(1, y_deg) @ about(0, x_deg) @ about(2, z_deg)


def test_angles_are_those_unity_turns_back() -> None:
    """Random rotations and those looking straight up and down: Euler(angles) is the rotation again."""
    quaternions = unit(np.random.default_rng(0).normal(size=(500, 4)))
    half = math.sqrt(0.5)
    poles = [
        multiply(about_vertical(a), np.array([s * half, 0, 0, half])) for a in (0, 1, 3) for s in (1, -1)
    ]
    for q in (*quaternions, *poles):
        assert np.allclose(unity_euler(*euler_deg(tuple(q.tolist()))), to_matrix(q), atol=1e-6)


def test_known_angles_keep_their_names() -> None:
    """30° about one axis is 30° in its own place."""
    for axis in range(3):
        q = np.zeros(4)
        q[axis], q[3] = math.sin(math.radians(15)), math.cos(math.radians(15))
        assert np.allclose(euler_deg(tuple(q.tolist())), 30 * np.eye(3)[axis])


PARTS = {
    1: ("pelvis", "Hips"),
    2: ("left_ankle", "LeftFoot"),
    3: ("right_ankle", "RightFoot"),
    4: ("left_knee", "LeftUpperLeg"),
    5: ("right_knee", "RightUpperLeg"),
    6: ("chest", "Chest"),
    7: ("left_elbow", "LeftUpperArm"),
    8: ("right_elbow", "RightUpperArm"),
}


@pytest.mark.parametrize(
    ("trackers", "numbers"),
    [("hip,feet", [1, 2, 3]), (ALL, range(1, 9)), ("elbows, hip", [1, 7, 8]), ("chest,chest", [6])],
)
def test_each_tracker_is_where_its_joint_is(vrchat: VrChat, trackers: str, numbers: list[int]) -> None:
    """Numbers stay with their joints whatever is chosen; positions and rotations in Unity's axes."""
    motion = make_motion(seq=3)
    pose = motion.people[0]
    sink = open_sink(vrchat, trackers=trackers)
    sink.write(motion)
    values = vrchat.values()
    sink.close()
    assert list(values) == [
        *(f"/tracking/trackers/{n}/{what}" for n in numbers for what in ("position", "rotation")),
        "/tracking/trackers/head/position",
    ]
    world = to_matrix(world_rotations(pose.bone_rotations.astype(float)))
    for number in numbers:
        joint, bone = PARTS[number]
        place = UNITY_FROM_WORLD @ pose.joints_world[SEALCAP26.index(joint)]
        assert np.allclose(values[f"/tracking/trackers/{number}/position"], place, atol=1e-5)
        turned = UNITY_FROM_WORLD @ world[BONES.index(bone)] @ UNITY_FROM_WORLD
        assert np.allclose(unity_euler(*values[f"/tracking/trackers/{number}/rotation"]), turned, atol=1e-4)
    head = UNITY_FROM_WORLD @ pose.joints_world[SEALCAP26.index("head")]
    assert np.allclose(values["/tracking/trackers/head/position"], head, atol=1e-5)


def test_everything_is_one_immediate_bundle_of_floats(vrchat: VrChat) -> None:
    """Eight trackers and the head fit one packet; no argument is anything but a float."""
    sink = open_sink(vrchat, trackers=ALL)
    sink.write(make_motion())
    packet = vrchat.packet()
    sink.close()
    assert len(packet) <= MAX_PACKET_BYTES
    assert OscBundle(packet).timestamp == IMMEDIATELY
    messages = OscPacket(packet).messages
    assert len(messages) == 17
    assert all([type(v) for v in m.message.params] == [float] * 3 for m in messages)


def test_heights_scale_positions_but_not_rotations(vrchat: VrChat) -> None:
    """Somebody we take for 1.60 m who told VRChat 1.76 m has feet a tenth further apart there."""
    motion = make_motion()
    pose = replace(motion.people[0], height_m=1.60)
    plain, scaled = open_sink(vrchat), open_sink(vrchat, height_m=1.76)
    plain.write(with_poses(motion, pose))
    scaled.write(with_poses(motion, pose))
    before, after = vrchat.values(), vrchat.values()
    for address, values in before.items():
        factor = 1.1 if address.endswith("position") else 1.0
        assert np.allclose(after[address], np.array(values) * factor, rtol=1e-5)
    plain.close()
    scaled.close()


def test_a_lost_person_stays_where_they_were(vrchat: VrChat) -> None:
    """Trackers that vanish would have to be calibrated again, so the last ones are repeated."""
    motion = make_motion()
    sink = open_sink(vrchat)
    sink.write(with_poses(motion))
    with pytest.raises(TimeoutError):
        vrchat.packet()
    sink.write(motion)
    first = vrchat.packet()
    lost = replace(make_pose(np.random.default_rng(9)), state=State.LOST)
    for later in (with_poses(motion), with_poses(motion, lost)):
        sink.write(later)
        assert vrchat.packet() == first
    sink.close()


def test_trackers_do_not_vanish_with_the_pictures(vrchat: VrChat) -> None:
    """Half a second without one, and the last trackers are repeated; not between two of a slow camera."""
    sink = open_sink(vrchat)
    sink.idle()
    sink.write(make_motion())
    there = vrchat.values()
    sink._sent_s = time.monotonic() + 60  # sent just now, however busy the machine is
    sink.idle()
    with pytest.raises(TimeoutError):
        vrchat.packet()
    sink._sent_s = time.monotonic() - SILENT_S
    for _ in range(3):
        sink.idle()
        assert vrchat.values() == there
    sink.close()


@pytest.mark.parametrize("field", PUBLISHED)
def test_numbers_that_are_not_finite_never_leave(vrchat: VrChat, field: str) -> None:
    """A broken pose counts as nobody."""
    motion = make_motion()
    sink = open_sink(vrchat)
    sink.write(motion)
    first = vrchat.packet()
    sink.write(with_poses(motion, spoiled(motion.people[0], field)))
    assert vrchat.packet() == first
    sink.close()


def facing(yaw_rad: float) -> BodyPose:
    """Somebody upright who faces `yaw_rad` from +Z towards their left."""
    rotations = np.tile(np.array([0, 0, 0, 1], np.float32), (21, 1))
    rotations[0] = about_vertical(yaw_rad)
    return replace(make_pose(np.random.default_rng(0)), bone_rotations=rotations)


def align_messages(vrchat: VrChat) -> list[list[float]]:
    """Arguments of all head rotations among the packets that wait; each is alone in its packet."""
    found = []
    while True:
        try:
            values = vrchat.values()
        except TimeoutError:
            return found
        if "/tracking/trackers/head/rotation" in values:
            assert len(values) == 1
            found.append(values["/tracking/trackers/head/rotation"])


def play(sink: VrchatSink, motion: Motion, seconds: float) -> None:
    """Frames of a pretended clock, without waiting."""
    sink._limit.allows = lambda _now_s: True  # type: ignore[method-assign]
    begin = time.monotonic()
    clock = iter(begin + np.arange(round(seconds * 30)) / 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("realtime.sinks.vrchat.time.monotonic", lambda: next(clock))
        for _ in range(round(seconds * 30)):
            sink.write(motion)


@pytest.mark.parametrize("yaw_deg", [0.0, 40.0, -90.0])
def test_the_heading_is_aligned_once_at_the_start(vrchat: VrChat, yaw_deg: float) -> None:
    """One rotation, alone, after a second: (0, -yaw, 0), as turning left is negative in Unity."""
    sink = open_sink(vrchat)
    play(sink, with_poses(make_motion(), facing(math.radians(yaw_deg))), ALIGN_AFTER_S + 0.5)
    ((x, y, z),) = align_messages(vrchat)
    sink.close()
    assert (x, z) == (0.0, 0.0)
    assert y == pytest.approx(-yaw_deg, abs=1e-3)


def test_the_heading_is_aligned_when_asked(vrchat: VrChat) -> None:
    """By the function and by a command, each once; not while nobody is seen."""
    commands = Commands()
    sink = open_sink(vrchat, commands=commands)
    there = with_poses(make_motion(), facing(0.5))
    play(sink, there, ALIGN_AFTER_S + 0.1)
    assert len(align_messages(vrchat)) == 1
    sink.align()
    play(sink, with_poses(there), 0.2)
    assert align_messages(vrchat) == []
    play(sink, there, 0.2)
    assert len(align_messages(vrchat)) == 1
    commands.obey("/VMC/Ext/Set/Calib/Exec", [0], 0.0)
    play(sink, there, 0.2)
    assert len(align_messages(vrchat)) == 1
    sink.close()


@pytest.mark.parametrize("text", ["", "hips", "hip;feet", "hip,tail"])
def test_trackers_that_do_not_exist_are_refused(text: str) -> None:
    """The message lists those that do."""
    with pytest.raises(ConfigError, match="hip,feet,knees,chest,elbows"):
        parse_trackers(text)


def test_an_unknown_receiver_is_named() -> None:
    """The message says which host, and shows an address that works."""
    with pytest.raises(SinkError, match=r"no-such-host\.invalid.*--vrchat 127\.0\.0\.1:9000"):
        VrchatSink("no-such-host.invalid").open()
