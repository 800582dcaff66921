"""SONIC, version 1: what its receiver reads of a G1's commands."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
import zmq

from lifting.errors import ConfigError, SealcapError, SinkError
from lifting.skeleton import BONES
from realtime.retarget.robot_pose import RobotState
from realtime.retarget.transports.sonic import G1_ISAACLAB, SonicTransport
from realtime.retarget.transports.sonic_wire import SonicPublisher, pack
from realtime.solve.forward import joints_from_rotations
from realtime.solve.quaternions import IDENTITY, multiply
from realtime.solve.rest import PELVIS_HEIGHT, REST_JOINTS
from tests.realtime.retarget.transports.commands import command, describe, still
from tests.realtime.retarget.transports.sonic_reader import HEADER, Refused, Session, read
from tests.realtime.sinks.motions import make_motion

SHUFFLED = (*sorted(G1_ISAACLAB), "left_hand_thumb_0_joint")


class Receiver:
    """A SUB socket, connected to a transport that is open."""

    def __init__(self, address: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"pose")
        self._socket.setsockopt(zmq.RCVTIMEO, 3000)
        self._socket.connect(address)

    def get(self) -> bytes:
        """The next message, one part."""
        (message,) = self._socket.recv_multipart()
        return message

    def waiting(self) -> bool:
        """Whether something arrives within a moment."""
        return bool(self._socket.poll(100))

    def close(self) -> None:
        """Release."""
        self._socket.close(0)
        self._context.term()


@pytest.fixture
def wired(request: pytest.FixtureRequest):
    """An open transport and a receiver that is subscribed."""
    transport = SonicTransport(
        describe(*SHUFFLED, rate_hz=getattr(request, "param", 50.0)), "sonic://127.0.0.1:0"
    )
    transport.open()
    receiver = Receiver(transport.name.removeprefix("sonic "))
    for tick in range(0, 4000, 2):
        transport.send(command(len(SHUFFLED), tick=tick))
        if receiver._socket.poll(5):
            break
    while receiver.waiting():
        receiver.get()
    yield transport, receiver
    transport.close()
    receiver.close()


def test_every_joint_arrives_in_isaaclab_order_by_its_name(wired) -> None:
    """However the robot's file orders them, and with joints SONIC does not know."""
    transport, receiver = wired
    made = command(len(SHUFFLED), tick=4000)
    transport.send(made)
    version, fields = read(receiver.get())
    assert version == 1
    wanted = [made.position[SHUFFLED.index(joint)] for joint in G1_ISAACLAB]
    assert fields["joint_pos"] == ([1, 29], pytest.approx(wanted))
    assert fields["joint_vel"][1] == pytest.approx([10 * value for value in wanted])
    assert fields["joint_pos"][1] != pytest.approx(list(made.position[:29]))


def test_order_is_the_breadth_first_walk_through_the_robots_own_tree() -> None:
    """IsaacLab numbers joints level by level; read from the URDF, level by level, it is our table."""
    import importlib.metadata
    import xml.etree.ElementTree as ElementTree

    try:
        robots = importlib.metadata.distribution("example-robot-data")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("pip install example-robot-data")
    urdf = "cmeel.prefix/share/example-robot-data/robots/g1_description/urdf/g1_29dof_rev_1_0.urdf"
    tree = ElementTree.parse(str(robots.locate_file(urdf))).getroot()
    children: dict[str, list[tuple[str, str]]] = {}
    for joint in tree.findall("joint"):
        link = {end.tag: end.get("link") for end in joint}
        if joint.get("type") == "revolute":
            children.setdefault(link["parent"], []).append((joint.get("name", ""), link["child"]))
    walk, order = deque(["pelvis"]), []
    while walk:
        for joint, link in children.get(walk.popleft(), []):
            order.append(joint)
            walk.append(link)
    assert tuple(order) == G1_ISAACLAB


def test_the_body_stands_in_a_world_with_z_up(wired) -> None:
    """A base that is upright and faces our +Z is SONIC's identity (w first); then turned left, about +z."""
    transport, receiver = wired
    base = np.array([-0.5, -0.5, -0.5, 0.5])  # takes the base's x, y, z to our Z, X, Y
    left = np.array([0.0, np.sin(0.3), 0.0, np.cos(0.3)])
    for tick, (turn, wanted) in enumerate(
        ((IDENTITY, [1, 0, 0, 0]), (left, [np.cos(0.3), 0, 0, np.sin(0.3)]))
    ):
        made = command(len(SHUFFLED), tick=4000 + tick)
        transport.send(replace(made, root_rotation=multiply(turn, base)))
        assert read(receiver.get())[1]["body_quat"] == ([1, 4], pytest.approx(wanted))


@pytest.mark.parametrize("yaw", [0.0, 0.5, -1.5, 2.5])
def test_a_retargeted_g1_looks_where_the_person_does(wired, yaw: float) -> None:
    """Through the real retargeting: SONIC's quaternion is the person's turn about the vertical."""
    pytest.importorskip("mink", reason="pip install 'sealcap[robot]'")
    pytest.importorskip("mujoco", reason="pip install 'sealcap[robot]'")
    from realtime.retarget.retargeter import Retargeter
    from realtime.retarget.robot_file import load_robot
    from realtime.retarget.robot_model import load_model

    try:
        file = load_robot("g1")
        retargeter = Retargeter(load_model(file), file)
    except SealcapError as error:
        pytest.skip(str(error))
    local = np.tile(IDENTITY, (len(BONES), 1))
    local[0] = [0, np.sin(yaw / 2), 0, np.cos(yaw / 2)]
    joints = joints_from_rotations(local, REST_JOINTS * 1.7, np.array([0, PELVIS_HEIGHT * 1.7, 0]))
    person = replace(
        make_motion().people[0],
        joints_world=joints.astype(np.float32),
        bone_rotations=local.astype(np.float32),
        root_world=joints[0].astype(np.float32),
        root_rotation=local[0].astype(np.float32),
        contacts=np.ones(4, np.float32),
        height_m=1.7,
    )
    for i in range(30):
        pose = retargeter.retarget(person, i * 33_000_000, 0.033, i)
    transport, receiver = wired
    transport.send(replace(command(len(SHUFFLED), 4000), root_rotation=pose.root_rotation))
    w, _, _, z = read(receiver.get())[1]["body_quat"][1]
    assert np.cos(2 * np.arctan2(z, w) - yaw) > np.cos(0.02)


def test_frames_count_up_and_the_stream_pauses_while_the_robot_stands(wired) -> None:
    """Stopped: nothing is sent, and the count goes on afterwards without a gap; braking is sent out."""
    transport, receiver = wired
    session = Session(frame=-1)
    for tick, state in enumerate(RobotState, start=4000):
        transport.send(still(command(len(SHUFFLED), tick, state)))
    sent = []
    while receiver.waiting():
        sent.append(receiver.get())
    assert len(sent) == 3
    transport.send(command(len(SHUFFLED), 4010, RobotState.ESTOP))
    sent.append(receiver.get())
    for message in sent:
        session.take(message)
    assert session.resets <= 1  # the reader's own start
    assert [f["frame_index"][0] for f in session.frames] == list(range(session.frame - 3, session.frame + 1))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, np.ndarray]]:
    """Arrays of the frames that any transport publishes, without a socket."""
    frames: list[dict[str, np.ndarray]] = []
    keep = lambda _self, quat, arrays: frames.append({**arrays, "body_quat": quat})  # noqa: E731
    monkeypatch.setattr(SonicPublisher, "send", keep)
    return frames


@pytest.mark.parametrize("rate_hz", [100.0, 200.0])
@pytest.mark.parametrize("state", [RobotState.ESTOP, RobotState.STOPPED])
@pytest.mark.parametrize("rests_at", range(1, 5))
def test_the_last_frame_is_one_at_rest(sent, rate_hz: float, state: RobotState, rests_at: int) -> None:
    """The receiver keeps what it got last, velocities too: on whichever tick the robot comes to rest, that is
    its final pose without any velocity; and it is sent once."""
    transport = SonicTransport(describe(*SHUFFLED, rate_hz=rate_hz), "sonic://127.0.0.1:0")
    transport.send(command(len(SHUFFLED), 0))
    for tick in range(1, 20):
        made = command(len(SHUFFLED), tick, state)
        left = max(0, rests_at - tick)
        transport.send(
            replace(made, position=made.position - left / 1000, velocity=made.velocity * 0.1 * left)
        )
    final = command(len(SHUFFLED)).position
    wanted = [final[SHUFFLED.index(joint)] for joint in G1_ISAACLAB]
    assert sent[-1]["joint_pos"][0] == pytest.approx(wanted)
    assert [frame["joint_vel"].any() for frame in sent].count(False) == 1
    assert not sent[-1]["joint_vel"].any()


def test_a_base_that_still_turns_is_told(sent) -> None:
    """Joints may rest before the base does; and before anybody armed it nothing is sent at all."""
    transport = SonicTransport(describe(*SHUFFLED, rate_hz=50), "sonic://127.0.0.1:0")
    transport.send(command(len(SHUFFLED), 0, RobotState.DISARMED))
    assert not sent
    transport.send(command(len(SHUFFLED), 1))
    for tick in range(2, 7):
        turn = np.array([0.0, np.sin(0.01 * tick), 0.0, np.cos(0.01 * tick)])
        made = still(command(len(SHUFFLED), tick, RobotState.ESTOP))
        transport.send(replace(made, root_rotation=multiply(turn, made.root_rotation)))
    assert len({tuple(frame["body_quat"][0]) for frame in sent}) == 6


@pytest.mark.parametrize("wired", [200.0], indirect=True)
def test_faster_robots_send_50_frames_a_second(wired) -> None:
    """At 200 Hz every fourth tick goes out."""
    transport, receiver = wired
    for tick in range(4000, 4040):
        transport.send(command(len(SHUFFLED), tick))
        if tick % 4 == 0:
            receiver.get()
    assert not receiver.waiting()


def test_what_is_not_finite_is_never_sent(wired) -> None:
    """Nor is anything sent in its place."""
    transport, receiver = wired
    bad = command(len(SHUFFLED), 4000)
    bad.position[3] = np.nan
    transport.send(bad)
    assert not receiver.waiting()


def test_layout_of_the_message() -> None:
    """Topic, 1280 bytes of header, then the arrays byte by byte; big-endian input is turned."""
    arrays = {"frame_index": np.array([7], ">i8"), "x": np.array([[1.0, 2.0]], "<f8"), "b": np.array([True])}
    message = pack(1, arrays)
    assert len(message) == 4 + HEADER + 8 + 16 + 1
    assert message.startswith(
        b'pose{"v":1,"endian":"le","count":1,"fields":[{"name":"frame_index","dtype":"i64","shape":[1]}'
    )
    assert message[4 + HEADER :] == b"\7" + 7 * b"\0" + np.array([1.0, 2.0]).tobytes() + b"\1"
    with pytest.raises(ValueError, match="longer than 1280"):
        pack(1, {"frame_index": np.zeros(1, "<i8"), "y" * 1300: np.zeros(1)})


def test_the_reader_refuses_what_the_page_forbids() -> None:
    """So that its agreement means something."""
    good = pack(
        1,
        {
            "body_quat": np.zeros((1, 4), "f4"),
            "frame_index": np.array([5]),
            "joint_pos": np.zeros((1, 29)),
            "joint_vel": np.zeros((1, 29)),
            "catch_up": np.ones(1, "u1"),
        },
    )
    session = Session()
    session.take(good)
    for bad in (good, b"pos" + good[4:], good + b"\0", good[:700]):
        with pytest.raises(Refused):
            session.take(bad)
    other = pack(
        2,
        {
            "body_quat": np.zeros((1, 4), "f4"),
            "frame_index": np.array([6]),
            "smpl_joints": np.zeros((1, 24, 3)),
            "smpl_pose": np.zeros((1, 21, 3)),
            "catch_up": np.ones(1, "u1"),
        },
    )
    with pytest.raises(Refused, match="version changed"):
        session.take(other)


@pytest.mark.parametrize(
    ("endpoint", "names", "rate", "words"),
    [
        ("sonic://0.0.0.0:5556", SHUFFLED, 50, "--lan --insecure"),
        ("sonic://192.168.1.4:5556", SHUFFLED, 50, "every machine"),
        ("sonic://127.0.0.1", SHUFFLED, 50, "give HOST:PORT"),
        ("sonic://127.0.0.1:99999", SHUFFLED, 50, "give HOST:PORT"),
        ("sonic://127.0.0.1:5556", SHUFFLED[2:], 50, "--robot g1"),
        ("sonic://127.0.0.1:5556", SHUFFLED, 60, "50, 100, 150 or 200"),
    ],
)
def test_wrong_settings_are_refused(endpoint: str, names: tuple[str, ...], rate: float, words: str) -> None:
    """Each with what to type instead."""
    with pytest.raises(ConfigError, match=words):
        SonicTransport(describe(*names, rate_hz=rate), endpoint)


def test_a_taken_port_is_an_error(wired) -> None:
    """It names the port."""
    address = wired[0].name.removeprefix("sonic tcp://")
    with pytest.raises(SinkError, match=address):
        SonicTransport(describe(*SHUFFLED, rate_hz=50), f"sonic://{address}").open()
