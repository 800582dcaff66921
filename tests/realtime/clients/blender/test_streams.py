"""Packets of the real senders become whole persons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.skeleton import BONES, SEALCAP26
from realtime.clients.blender.sealcap_blender.joints_stream import JointsStream
from realtime.clients.blender.sealcap_blender.osc import messages
from realtime.clients.blender.sealcap_blender.person import Person, rest_heads, world_rotations
from realtime.clients.blender.sealcap_blender.vmc_stream import VmcStream
from realtime.data import Motion, State
from realtime.rest_pose import bone_heads
from realtime.sinks.osc import frame_packets
from realtime.solve import forward
from realtime.takes.take import Take
from realtime.vmc.packets import Due, Encoder, Status
from realtime.vmc.presence import Figure
from realtime.vmc.rigs import make_rig
from tests.realtime.clients.blender.senders import START_WALL_NS, motion_at
from tests.realtime.takes.made_takes import walking_take, wild_take


def _took(stream: JointsStream, motion: Motion) -> list[Person]:
    return [p for packet in frame_packets(motion) for p in stream.take(messages(packet), 5.0)]


def _same_pose(person: Person, take: Take, index: int) -> None:
    world = world_rotations(person)
    for bone, q in zip(BONES.joints, forward.world_rotations(take.bone_rotations[index]), strict=True):
        assert abs(np.dot(world[bone], q)) == pytest.approx(1.0, abs=1e-5), bone
    np.testing.assert_allclose(person.hips, take.joints_world[index, 0], atol=1e-5)


def test_joints_come_through() -> None:
    """Two people, every number as it was sent."""
    takes, stream = [walking_take(30, 60.0), wild_take(30)], JointsStream()
    for index in range(30):
        people = _took(stream, motion_at(takes, index))
        assert [p.id for p in people] == [1, 2]
        for person, take in zip(people, takes, strict=True):
            _same_pose(person, take, index)
            for name, place in zip(SEALCAP26.joints, take.joints_world[index], strict=True):
                np.testing.assert_allclose(person.joints[name], place, atol=1e-5)
            assert person.time_s == pytest.approx(START_WALL_NS / 1e9 + index / 60, abs=1e-6)
            assert person.state == "tracking"
    assert (stream.frames, stream.lost) == (30, 0)


def test_losses_are_counted() -> None:
    """Frames that never came, frames of which a part is missing, a late packet, a sender that begins anew."""
    takes, stream = [walking_take(60, 60.0)], JointsStream()
    _took(stream, motion_at(takes, 10))
    _took(stream, motion_at(takes, 14))
    assert stream.lost == 3
    torn = frame_packets(motion_at(takes, 15))
    assert stream.take(messages(torn[0]), 0.0) == []
    assert _took(stream, motion_at(takes, 16))
    assert stream.lost == 4
    assert stream.take(messages(torn[1]), 0.0) == []
    assert stream.lost == 4
    assert _took(stream, motion_at(takes, 0))
    assert stream.lost == 4
    assert _took(stream, motion_at(takes, 1))
    assert stream.lost == 4


def test_packets_that_come_twice_are_no_loss() -> None:
    """Some networks double packets: each person comes once, and nothing counts as lost."""
    takes, stream = [walking_take(10, 60.0), wild_take(10)], JointsStream()
    for index in range(10):
        packets = [messages(packet) for packet in frame_packets(motion_at(takes, index))]
        doubled = [packet for packet in packets for _ in range(2)] + packets
        assert [p.id for packet in doubled for p in stream.take(packet, 5.0)] == [1, 2]
    assert (stream.frames, stream.lost) == (10, 0)


def test_loss_is_told_without_a_pose() -> None:
    """A lost person has no rotations; nobody is nobody; held and predicted are poses."""
    takes, stream = [walking_take(20, 60.0)], JointsStream()
    (lost,) = _took(stream, motion_at(takes, 0, State.LOST))
    assert (lost.state, lost.posed) == ("lost", False)
    (held,) = _took(stream, motion_at(takes, 1, State.HELD))
    assert (held.state, held.posed) == ("held", True)
    assert _took(stream, motion_at(takes, 2)) != []


def test_foreign_messages_change_nothing() -> None:
    """Unknown names, wrong types and rotations of no length are left out; such a frame is never whole."""
    stream = JointsStream()
    packet = messages(frame_packets(motion_at([walking_take(3)], 0))[0])
    frame = packet[0]
    bad = ("/mocap/v1/bone", ("Hips", 0.0, 0.0, 0.0, 0.0))
    odd = [("/mocap/v1/bone", ("Tail", 0.0, 0.0, 0.0, 1.0)), ("/mocap/v1/joint", ("nose", 1, 2, 3, 4))]
    assert stream.take([frame, bad, *odd], 0.0) == []
    assert stream.take([("/mocap/v1/frame", (1, 2, 3))], 0.0) == []
    assert stream.take([("/mocap/v1/frame", (-1, 2, 3, 4, "tracking", 1.0))], 0.0) == []
    assert stream.take([("/mocap/v1/frame", (1, 2, 3, 4, "dancing", 1.0))], 0.0) == []
    assert stream.take([("/mocap/v1/root", (0.0,) * 7)], 0.0) == []


def _vmc(take: Take, index: int, tracking: bool = True) -> list[bytes]:
    """Packets as the VMC sink makes them, with the measured bones of the take's body."""
    rig = make_rig("measured")
    pose = motion_at([take], index).people[0]
    rig.learn(pose)
    turned = pose.bone_rotations.astype(np.float64)
    rows = rig.rows(Figure(turned, pose.root_world.astype(np.float64), pose.height_m))
    return Encoder(rig.bones).packets(rows, Status(tracking), index / 60, Due())


def _vmc_took(stream: VmcStream, packets: list[bytes]) -> list[Person]:
    return [p for packet in packets for p in stream.take(messages(packet), 7.0)]


def test_vmc_comes_through() -> None:
    """One person, told in Unity's axes, is the same in ours, proportions included."""
    take, stream = wild_take(30), VmcStream()
    for index in range(30):
        (person,) = _vmc_took(stream, _vmc(take, index))
        _same_pose(person, take, index)
        assert person.time_s == (pytest.approx(index / 60) if index else None)
    heads = rest_heads(person)
    for bone, head in zip(BONES.joints, bone_heads(take.rest_joints), strict=True):
        np.testing.assert_allclose(heads[bone], head, atol=1e-4)


def test_vmc_frames_end_without_a_time_message_too() -> None:
    """A sender that sends no /T: the next frame's first bone ends the one before."""
    take, stream = walking_take(3), VmcStream()
    bones = [[m for p in _vmc(take, i) for m in messages(p) if m[0].endswith("Bone/Pos")] for i in (0, 1)]
    assert stream.take(bones[0], 0.0) == []
    (person,) = stream.take(bones[1], 0.1)
    _same_pose(person, take, 0)
    assert person.time_s is None


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_vmc_packet_costs_no_more_than_its_frame(lost: int) -> None:
    """Whichever of a frame's packets does not come: all bones of the next are its own, and so is its time."""
    take, stream = wild_take(12), VmcStream()
    for index in range(12):
        packets = _vmc(take, index)
        assert len(packets) == 2
        people = _vmc_took(stream, packets if index != 4 else packets[1 - lost : 2 - lost])
        if index == 4:
            continue
        _same_pose(people[-1], take, index)
        assert people[-1].time_s == (pytest.approx(index / 60) if index else None)
        assert len(people) == (2 if lost and index == 5 else 1)


def test_a_vmc_sender_may_tell_the_time_in_the_middle() -> None:
    """Bones after `/T` belong to the next one: every frame is whole, and comes once."""
    take, stream = wild_take(6), VmcStream()
    counts = []
    for index in range(6):
        told = [m for packet in _vmc(take, index) for m in messages(packet)]
        bones = [m for m in told if m[0].endswith("Bone/Pos")]
        end = [m for m in told if m[0].endswith("/T")]
        people = [p for part in (bones[:9] + end, bones[9:]) for p in stream.take(part, 0.0)]
        counts.append([len(person.rotations) for person in people])
    assert counts[1:] == [[len(BONES)]] * 5


def test_vmc_roots_move_the_figure() -> None:
    """A sender that moves the root instead of the hips: the figure is where root and hips together put it."""
    root = ("/VMC/Ext/Root/Pos", ("root", 1.0, 0.0, 2.0, 0.0, float(np.sqrt(0.5)), 0.0, float(np.sqrt(0.5))))
    hips = ("/VMC/Ext/Bone/Pos", ("Hips", 0.0, 1.0, 0.5, 0.0, 0.0, 0.0, 1.0))
    (person,) = VmcStream().take([root, hips, ("/VMC/Ext/T", (0.5,))], 0.0)
    # Unity: the root at (1, 0, 2) looks along +X, so half a metre ahead of it is (1.5, 1, 2).
    np.testing.assert_allclose(person.hips, (-1.5, 1.0, 2.0), atol=1e-6)


def test_vmc_loss_and_nonsense() -> None:
    """Status 0 is a loss; what is cut short, of other types or absurdly far is left out."""
    take, stream = walking_take(3), VmcStream()
    (lost,) = _vmc_took(stream, _vmc(take, 0, tracking=False))
    assert (lost.state, lost.posed) == ("lost", False)
    (back,) = _vmc_took(stream, _vmc(take, 1))
    assert back.posed
    end = ("/VMC/Ext/T", (1.0,))
    zero = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    wrong: list[tuple[str | float, ...]] = [
        (), ("Hips",), ("Hips", 1, 2, 3, 0, 0, 0, 1), ("Hips", 1e9, *zero[:5], 1.0), ("Hips", *zero, 0.0),
        ("Tail", *zero, 1.0),
    ]  # fmt: skip
    for arguments in wrong:
        assert stream.take([("/VMC/Ext/Bone/Pos", arguments), end], 0.0) == []
    assert stream.take([("/VMC/Ext/VRM", ("/etc/passwd", "title")), end], 0.0) == []


ADDRESSES = [f"/mocap/v1/{kind}" for kind in ("frame", "root", "joint", "bone")] + [
    f"/VMC/Ext/{kind}" for kind in ("Bone/Pos", "Root/Pos", "OK", "T", "VRM")
]
ARGUMENTS = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.sampled_from(["Hips", "pelvis", "LeftToes", "nose", "tracking", "lost", "root", ""]),
)


@given(
    st.lists(st.tuples(st.sampled_from(ADDRESSES), st.lists(ARGUMENTS, max_size=9).map(tuple)), max_size=12)
)
def test_any_messages_do_no_harm(hostile: list[tuple[str, tuple[int | float | str, ...]]]) -> None:
    """Known addresses with any arguments raise nothing, and real frames come through afterwards."""
    joints, vmc, take = JointsStream(), VmcStream(), walking_take(12)
    joints.take(hostile, 0.0)
    for person in vmc.take(hostile, 0.0):
        assert all(abs(number) < 1e7 for number in person.hips)
    assert any(_took(joints, motion_at([take], index)) for index in range(12))
    vmc.take([("/VMC/Ext/OK", (1, 3, 0, 1)), ("/VMC/Ext/T", (0.0,))], 0.0)
    assert _vmc_took(vmc, _vmc(take, 1)) != []
