"""The Unity client's parser, compiled by mono, against packets of our senders and against hostile ones."""

from __future__ import annotations

import random
import socket
import struct
import subprocess
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import UNITY
from realtime.data import Motion, State
from realtime.osc_packets import BUNDLE, bundles, message_head, string
from realtime.osc_receiver import messages
from realtime.sinks.osc import OscSink, frame_packets, person_packets
from realtime.sinks.vmc import VmcSink
from realtime.solve.quaternions import multiply, to_matrix
from tests.realtime.clients.conftest import capture
from tests.realtime.clients.mono import Frame, free_port, parse, run, save_packets
from tests.realtime.sinks.motions import make_motion, with_poses

pytestmark = pytest.mark.real
Arguments = list[list[object]]


@pytest.fixture(scope="module")
def order(reader: Path) -> list[int]:
    """Row of each of our bones among the client's."""
    text = subprocess.run(["mono", str(reader), "names"], capture_output=True, text=True, timeout=60).stdout
    return [text.split().index(bone) for bone in BONES.joints]


def _same_turns(received: np.ndarray, sent: np.ndarray) -> bool:
    """Rotations (...,4) to 1e-6, up to their sign, which says nothing."""
    signs = np.sign((received * sent).sum(-1, keepdims=True))
    return bool(np.allclose(signs * received, sent, atol=1e-6, rtol=0))


def test_joints_of_a_person_arrive_as_python_decodes_them(
    reader: Path, order: list[int], tmp_path: Path
) -> None:
    """Of two people each is found by number: places and rotations to 1e-6, times, states, no loss."""
    motions = [make_motion(seq, people=2) for seq in range(12)]
    packets = capture(OscSink, motions, 0.0)
    for person in (1, 2):
        *frames, counters = run(reader, "decode", save_packets(tmp_path / "packets", packets), person)
        decoded = [d for d in _decode_joints(packets) if d["person"] == person]
        assert [f["seq"] for f in frames] == [d["seq"] for d in decoded] == list(range(12))
        for frame, truth in zip(frames, decoded, strict=True):
            assert frame["person"] == person
            assert frame["state"] == truth["state"]
            assert frame["seconds"] == pytest.approx(truth["seconds"], abs=1e-6)
            np.testing.assert_allclose(np.array(frame["joint"]), truth["joint"], atol=1e-6, rtol=0)
            np.testing.assert_allclose(frame["pelvis"], truth["pelvis"], atol=1e-6, rtol=0)
            assert _same_turns(np.array(frame["local"])[order], truth["local"])
            assert frame["mask"] == sum(1 << row for row in order)
        assert (counters["lost"], counters["incomplete"], counters["malformed"]) == (0, 0, 0)
        assert (counters["frames"], counters["packets"]) == (12, len(packets))


def _decode_joints(packets: list[bytes]) -> list[Frame]:
    """Python's own reading of our OSC, in Unity's axes."""
    frames: dict[tuple[int, int], Arguments] = {}
    for packet in packets:
        (_, head), *rest = messages(packet)
        frames.setdefault((head[0], head[3]), [head]).extend([address, *values] for address, values in rest)
    out = []
    for head, *rest in frames.values():
        (root,) = (r[1:] for r in rest if r[0] == "/mocap/v1/root")
        joints = {r[1]: r[2:] for r in rest if r[0] == "/mocap/v1/joint"}
        bones = {r[1]: r[2:] for r in rest if r[0] == "/mocap/v1/bone"}
        joint = np.array([joints[name] for name in SEALCAP26.joints], float)
        joint[:, :3] = UNITY.points(joint[:, :3])
        out.append({
            "seq": head[0], "seconds": head[1] + 1e-9 * head[2], "person": head[3], "state": head[4],
            "pelvis": UNITY.points(np.array(root[:3], float)), "joint": joint,
            "local": UNITY.rotations(np.array([bones[name] for name in BONES.joints], float)),
        })  # fmt: skip
    return out


def test_vmc_arrives_as_python_decodes_it(reader: Path, order: list[int], tmp_path: Path) -> None:
    """Bones, their places, the middle of the hips and the clock, one frame per clock message."""
    motions = [make_motion(seq) for seq in range(10)]
    packets = capture(VmcSink, motions, 0.02)
    *frames, counters = run(reader, "decode", save_packets(tmp_path / "packets", packets), -1)
    decoded = _decode_vmc(packets)
    assert len(frames) == len(decoded) == 11  # the last says goodbye
    assert counters["malformed"] == 0
    for frame, truth in zip(frames, decoded, strict=True):
        np.testing.assert_allclose(np.array(frame["offset"])[order], truth["offset"], atol=1e-6, rtol=0)
        assert _same_turns(np.array(frame["local"])[order], truth["local"])
        np.testing.assert_allclose(frame["pelvis"], truth["pelvis"], atol=1e-6, rtol=0)
        assert frame["leg"] == pytest.approx(truth["leg"], abs=1e-6)
        assert frame["seconds"] == pytest.approx(truth["seconds"], abs=1e-6)
        assert frame["state"] == truth["state"]


def _decode_vmc(packets: list[bytes]) -> list[Frame]:
    """Python's own reading of a VMC stream whose root stands at the origin."""
    bones: dict[str, np.ndarray] = {}
    out, state = [], "lost"
    for address, values in (m for packet in packets for m in messages(packet)):
        match address:
            case "/VMC/Ext/Bone/Pos":
                bones[str(values[0])] = np.array(values[1:], float)
            case "/VMC/Ext/OK":
                state = "tracking" if values[3] == 1 else "lost"
            case "/VMC/Ext/T":
                rows = np.array([bones[name] for name in BONES.joints])
                out.append({"offset": rows[:, :3], "local": rows[:, 3:], "seconds": values[0], "state": state,
                            "pelvis": _pelvis(bones), "leg": _leg(bones)})  # fmt: skip
    return out


def _pelvis(bones: dict[str, np.ndarray]) -> np.ndarray:
    legs = (bones["LeftUpperLeg"][:3] + bones["RightUpperLeg"][:3]) / 2
    return np.asarray(bones["Hips"][:3] + to_matrix(bones["Hips"][3:]) @ legs)


def _leg(bones: dict[str, np.ndarray]) -> float:
    parts = ("LeftLowerLeg", "LeftFoot", "RightLowerLeg", "RightFoot")
    return sum(float(np.linalg.norm(bones[part][:3])) for part in parts) / 2


def test_a_moving_root_moves_the_hips(reader: Path, tmp_path: Path) -> None:
    """Senders that move the model's root instead of its hips are understood: the two are put together."""
    half = float(np.sqrt(0.5))
    root = message_head("/VMC/Ext/Root/Pos", "s" + "f" * 7, "root") + struct.pack(
        ">7f", 1, 0, 2, 0, half, 0, half
    )
    hips = message_head("/VMC/Ext/Bone/Pos", "s" + "f" * 7, "Hips") + struct.pack(
        ">7f", 0, 1, 3, half, 0, 0, half
    )
    time = message_head("/VMC/Ext/T", "f") + struct.pack(">f", 1.5)
    (packet,) = bundles([root, hips, time])
    frame, _ = run(reader, "decode", save_packets(tmp_path / "packets", [packet]), -1)
    np.testing.assert_allclose(frame["pelvis"], [4, 1, 2], atol=1e-6)
    turn = multiply(np.array([0, half, 0, half]), np.array([half, 0, 0, half]))
    assert _same_turns(np.array(frame["local"][0]), turn)


def test_losses_are_counted_and_half_frames_not_shown(reader: Path, tmp_path: Path) -> None:
    """Of frame 3 nothing arrives, of frame 5 a part is lost, of frame 7 a part comes twice, 9 comes late."""
    sent = [frame_packets(make_motion(seq)) for seq in range(12)]
    assert all(len(parts) >= 2 for parts in sent)
    late = sent[9]
    sent[3], sent[5], sent[7] = [], sent[5][:-1], [*sent[7], sent[7][-1]]
    sent[9], sent[10] = [], [*sent[10], *late]
    packets = [packet for parts in sent for packet in parts]
    *frames, counters = run(reader, "decode", save_packets(tmp_path / "packets", packets), -1)
    assert [f["seq"] for f in frames] == [0, 1, 2, 4, 6, 7, 8, 10, 11]
    assert (counters["lost"], counters["incomplete"]) == (2, 1)
    assert (counters["late"], counters["restarts"]) == (len(late), 0)


def test_a_sender_that_begins_anew_is_followed(reader: Path, tmp_path: Path) -> None:
    """Its first frame is shown at once, and nothing counts as lost; so is a recording played again, soon."""
    first = [make_motion(seq) for seq in range(50, 60)]
    again = [make_motion(seq) for seq in range(10)]
    packets = [packet for motion in first + again for packet in frame_packets(motion)]
    *frames, counters = run(reader, "decode", save_packets(tmp_path / "packets", packets), -1)
    assert [f["seq"] for f in frames] == [*range(50, 60), *range(10)]
    assert (counters["lost"], counters["restarts"], counters["late"]) == (0, 1, 0)
    loop = [p for motion in first + again for p in frame_packets(motion)] * 3
    *frames, counters = run(reader, "decode", save_packets(tmp_path / "loop", loop), -1)
    assert [f["seq"] for f in frames] == [*range(50, 60), *range(10)] * 3


def test_numbers_that_wrap_are_no_loss(reader: Path, tmp_path: Path) -> None:
    """After 2³¹ - 1 comes 0."""
    motions = [make_motion(seq) for seq in range(2**31 - 3, 2**31 + 3)]
    packets = [packet for motion in motions for packet in frame_packets(motion)]
    *frames, counters = run(reader, "decode", save_packets(tmp_path / "packets", packets), -1)
    assert [f["seq"] for f in frames] == [2**31 - 3, 2**31 - 2, 2**31 - 1, 0, 1, 2]
    assert (counters["lost"], counters["restarts"]) == (0, 0)


def test_states_are_told_and_the_next_person_is_taken(reader: Path, tmp_path: Path) -> None:
    """Whoever is followed is followed until lost; then the next one is."""
    one, two = make_motion(people=2).people
    states = (State.TRACKING, State.PREDICTED, State.HELD, State.LOST, None)
    motions = []
    for seq, state in enumerate(states):
        people = [replace(one, state=state)] if state else []
        motions.append(with_poses(make_motion(seq), *people, *([two] if seq >= 2 else [])))
    packets = [packet for motion in motions for packet in frame_packets(motion)]
    *frames, _ = run(reader, "decode", save_packets(tmp_path / "packets", packets), -1)
    told = [(f["seq"], f["person"], f["state"]) for f in frames]
    assert told == [
        (0, 1, "tracking"), (1, 1, "predicted"), (2, 1, "held"), (3, 1, "lost"), (3, 2, "tracking"),
        (4, 2, "tracking"),
    ]  # fmt: skip
    assert frames[3]["mask"] == 0


def test_an_empty_room_is_lost(reader: Path, tmp_path: Path) -> None:
    """Nobody there is said to every avatar, whomever it follows."""
    packets = frame_packets(make_motion(4, people=0))
    for person in (-1, 1):
        frame, _ = run(reader, "decode", save_packets(tmp_path / "packets", packets), person)
        assert (frame["state"], frame["mask"]) == ("lost", 0)


def _spoil(rng: random.Random, packet: bytes, other: bytes) -> bytes:
    """One of the ways in which packets can be bad."""
    data = bytearray(packet)
    at = rng.randrange(len(data))
    match rng.randrange(9):
        case 0:
            return bytes(data[:at])
        case 1:
            for _ in range(rng.randrange(1, 12)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        case 2:
            size = rng.choice([-(2**31), -1, 0, 1, 3, 2**31 - 1, 1472, rng.randrange(2000)])
            data[16:20] = struct.pack(">i", size)
        case 3:
            at -= at % 4
            data[at : at + 4] = struct.pack(">i", rng.choice([-1, 2**31 - 1, -(2**31), 2**30, 0]))
        case 4:
            data[at:at] = other[: rng.randrange(len(other))]
        case 5:
            for _ in range(rng.randrange(1, 40)):
                data = bytearray(BUNDLE + struct.pack(">i", len(data)) + data)
        case 6:
            data = bytearray(
                data.replace(b",sffff", rng.choice([b",sfff\0", b",sfsff", b",iffff", b",sdddd"]))
            )
        case 7:
            at -= at % 4
            data[at : at + 4] = struct.pack(
                ">f", rng.choice([float("nan"), float("inf"), 1e38, -1e38, 1e-45])
            )
        case _:
            data = bytearray(rng.randbytes(rng.randrange(1, 1500)))
    return bytes(data)


def test_hostile_packets_neither_throw_nor_hang_nor_leave_nonsense(reader: Path, tmp_path: Path) -> None:
    """10,000 spoiled packets, a packet of nothing and one of 64 kB; then good ones are shown as ever."""
    rng = random.Random(5)
    joints = [p for seq in range(5) for p in frame_packets(make_motion(seq, people=2))]
    vmc = capture(VmcSink, (make_motion(seq) for seq in range(3)), 0.02)
    real = joints + vmc
    bad = [_spoil(rng, rng.choice(real), rng.choice(real)) for _ in range(10_000)]
    huge = BUNDLE + (struct.pack(">i", 8) + b"/a\0\0,\0\0\0") * 5400
    good = [p for seq in range(100, 180) for p in frame_packets(make_motion(seq))]
    path = save_packets(tmp_path / "packets", [*bad, b"", b"#bundle\0", b"/", b"\0" * 64, huge, *good])
    *frames, counters = run(reader, "decode", path, -1, timeout=120)
    assert counters["malformed"] > 5000
    for frame in frames:
        numbers = [frame["pelvis"], *frame["offset"], *(row[:3] for row in frame["joint"])]
        assert np.isfinite(np.array(numbers)).all()
        turns = np.array(frame["local"])[[i for i in range(55) if frame["mask"] >> i & 1]]
        assert np.allclose(np.linalg.norm(turns, axis=-1), 1, atol=1e-5)
    assert frames[-1]["seq"] == 179


@pytest.mark.parametrize(
    ("address", "tags", "numbers"),
    [
        ("/mocap/v1/frame", "iiiif", (1, 1, 1, 1, 1.0)),
        ("/mocap/v1/root", "ffffff", (0.0,) * 6),
        ("/mocap/v1/root", "fffffff", (0.0,) * 7),  # no rotation at all: its length is 0
        ("/mocap/v1/root", "iiiiiii", (1,) * 7),
        ("/VMC/Ext/OK", "f", (1.0,)),
        ("/VMC/Ext/T", "i", (1,)),
        ("/VMC/Ext/T", "f", (float("nan"),)),
    ],
)
def test_wrong_types_are_left_out(
    reader: Path, tmp_path: Path, address: str, tags: str, numbers: tuple[float, ...]
) -> None:
    """They count as malformed and change nothing."""
    spoiled = string(address) + string("," + tags) + struct.pack(">" + tags, *numbers)
    packets = [spoiled, BUNDLE + struct.pack(">i", len(spoiled)) + spoiled]
    (counters,) = run(reader, "decode", save_packets(tmp_path / "packets", packets), -1)
    # a root between frames is read by nobody; its rotation is not even looked at
    unread = address == "/mocap/v1/root" and tags == "fffffff"
    assert counters["malformed"] == (0 if unread else 2)


def test_unknown_addresses_and_further_arguments_do_no_harm(reader: Path, tmp_path: Path) -> None:
    """Later versions may say more."""
    more = string("/VMC/Ext/OK") + string(",iiiis") + struct.pack(">4i", 1, 3, 0, 1) + string("later")
    other = string("/VMC/Ext/Blend/Apply") + string(",")
    (counters,) = run(reader, "decode", save_packets(tmp_path / "packets", [more, other]), -1)
    assert counters["malformed"] == 0


def test_the_steady_state_allocates_nothing(reader: Path, tmp_path: Path) -> None:
    """A million messages without one collection of memory."""
    motions = [make_motion(seq) for seq in range(20)]  # that many, so that it counts as begun anew each time
    packets = [p for motion in motions for p in frame_packets(motion)]
    packets += capture(VmcSink, motions[:3], 0.02)
    count = sum(len(list(messages(packet))) for packet in packets)
    (told,) = run(reader, "steady", save_packets(tmp_path / "packets", packets), 1_000_000 // count)
    assert told["collections"] == 0


def test_two_avatars_on_one_port_get_every_frame_of_their_people(reader: Path) -> None:
    """Over a real socket, two of which follow anyone: each has another person, none is lost."""
    port = free_port()
    with subprocess.Popen(
        ["mono", str(reader), "listen", str(port), "-1", "-1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        packets = capture_to(port, [make_motion(seq, people=2) for seq in range(60)])
        text, _ = process.communicate("", timeout=60)
    assert process.returncode == 0
    lines = parse(text)
    frames, counters = [f for f in lines if "seq" in f], [f for f in lines if "packets" in f]
    assert all(c["packets"] == packets and c["frames"] == 60 and c["lost"] == 0 for c in counters)
    for person in (1, 2):
        seen = [f["seq"] for f in frames if f["person"] == person]
        assert all(a < b for a, b in pairwise(seen))
        assert seen[-1] == 59


def capture_to(port: int, motions: list[Motion]) -> int:
    """Send at 200 frames a second; how many packets that were."""
    sink = OscSink("127.0.0.1", port)
    sink.open()
    for motion in motions:
        sink.write(motion)
        time.sleep(0.005)
    sink.close()
    return sum(len(person_packets(motion, pose)) for motion in motions for pose in motion.people)


def test_a_port_in_use_is_said(reader: Path) -> None:
    """With what to do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = subprocess.run(
            ["mono", str(reader), "listen", str(port), "-1"], capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    assert done.returncode == 1
    assert str(port) in done.stdout
    assert "choose another port" in done.stdout
    done = subprocess.run(
        ["mono", str(reader), "listen", "70000", "1"], capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "1..65535" in done.stdout
