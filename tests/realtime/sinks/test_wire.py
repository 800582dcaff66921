"""The messages that travel: exact keys, round trips, limits."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.errors import WireError
from lifting.skeleton import BODY21, BONES, CONTACTS, SEALCAP26
from realtime.data import State
from realtime.sinks import wire
from tests.realtime.sinks.motions import PUBLISHED, make_motion, make_pose, spoiled, with_poses

POSE_KEYS = ["v", "seq", "t_capture_ns", "t_publish_ns", "wall_offset_ns", "fps", "persons"]
PERSON_FLOATS = {"root_p": 3, "root_q": 4, "p": 78, "c": 26, "observed": 26, "q": 84, "contacts": 4}


def test_pose_map_has_exactly_the_keys_of_the_contract() -> None:
    """Receivers in other languages rely on these names, types and lengths."""
    motion = make_motion(seq=7, people=2)
    plain = msgspec.msgpack.decode(wire.encode_pose(motion))
    assert list(plain) == POSE_KEYS
    assert plain["v"] == 1
    assert plain["seq"] == 7
    assert plain["t_capture_ns"] == motion.frame.capture_time_ns
    assert plain["t_publish_ns"] == motion.publish_ns
    for person, pose in zip(plain["persons"], motion.people, strict=True):
        assert set(person) == {"id", "state", "conf", "height", *PERSON_FLOATS}
        for key, count in PERSON_FLOATS.items():
            assert isinstance(person[key], bytes)
            assert len(person[key]) == 4 * count
        assert person["state"] == "tracking"
        assert np.array_equal(np.frombuffer(person["p"], "<f4").reshape(26, 3), pose.joints_world)
        assert np.array_equal(np.frombuffer(person["observed"], "<f4"), pose.observed.astype(np.float32))


def test_meta_map_describes_the_skeleton() -> None:
    """A receiver that knows nothing learns joints, bones, parents, rest pose, units and versions."""
    info = wire.StreamInfo(source="walk.mp4")
    motion = replace(make_motion(seq=1), fps=29.5, known_from={"pitch": "estimated", "fov": "given"})
    plain = msgspec.msgpack.decode(wire.encode_meta(info, motion))
    assert plain["skeleton"] == "sealcap26"
    assert plain["joints"] == list(SEALCAP26.joints)
    assert plain["parents"] == list(SEALCAP26.parents)
    assert plain["bones"] == list(BONES.joints)
    assert plain["bone_parents"] == list(BONES.parents)
    assert plain["contacts"] == list(CONTACTS)
    assert len(plain["rest_offsets"]) == 4 * 21 * 3
    assert (plain["units"], plain["source"], plain["fps"]) == ("m", "walk.mp4", 29.5)
    assert {"sealcap", "numpy", "python"} <= set(plain["versions"])
    assert plain["known_from"] == {"pitch": "estimated", "fov": "given"}
    assert wire.decode_meta(wire.encode_meta(info, replace(motion, fps=math.nan))).fps == 0.0


def test_meta_of_older_senders_is_read() -> None:
    """Recorded before it said where its numbers come from."""
    plain = msgspec.msgpack.decode(wire.encode_meta(wire.StreamInfo(), make_motion(seq=1)))
    del plain["known_from"]
    assert wire.decode_meta(msgspec.msgpack.encode(plain)).known_from == {}


@given(
    st.integers(0, 2**40),
    st.integers(0, 4),
    st.integers(0, 2**32),
    st.floats(allow_nan=True),
    st.sampled_from(State),
)
@settings(max_examples=50, deadline=None)
def test_poses_come_back_exactly(seq: int, people: int, seed: int, fps: float, state: State) -> None:
    """decode(encode(x)) = x to the last bit, for any number of people."""
    motion = make_motion(seq, 0, seed, fps)
    rng = np.random.default_rng(seed)
    motion = with_poses(motion, *(make_pose(rng, i, state) for i in range(people)))
    message = wire.decode_pose(wire.encode_pose(motion))
    assert (message.seq, message.capture_time_ns) == (seq, motion.frame.capture_time_ns)
    assert message.fps == (fps if math.isfinite(fps) else 0.0)
    assert len(message.people) == people
    for got, pose in zip(message.people, motion.people, strict=True):
        assert (got.id, got.state, got.height_m) == (pose.person_id, state.value, pose.height_m)
        for ours, theirs in (
            (got.root_position, pose.root_world),
            (got.root_rotation, pose.root_rotation),
            (got.joints, pose.joints_world),
            (got.confidence, pose.confidence),
            (got.observed, pose.observed),
            (got.bone_rotations, pose.bone_rotations),
            (got.contacts, pose.contacts),
        ):
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", PUBLISHED)
def test_a_pose_that_is_not_finite_is_left_out(field: str, value: float) -> None:
    """One bad number anywhere keeps that person, and only that one, off the wire."""
    motion = make_motion(people=2)
    motion = with_poses(motion, spoiled(motion.people[0], field, value), motion.people[1])
    assert [p.id for p in wire.decode_pose(wire.encode_pose(motion)).people] == [motion.people[1].person_id]


def test_keypoints_come_back_exactly() -> None:
    """The 2D map of the session file keeps points, confidences, box and picture size."""
    motion = make_motion(seq=3, people=2)
    keypoints = wire.decode_keypoints(wire.encode_keypoints(motion))
    assert (keypoints.seq, keypoints.width, keypoints.height) == (3, 64, 48)
    for got, sent in zip(keypoints.persons, motion.keypoints, strict=True):
        points = np.frombuffer(got.points, "<f4").reshape(len(BODY21), 2)
        assert np.array_equal(points, sent.points_px)
        assert np.array_equal(np.frombuffer(got.c, "<f4"), sent.confidence)


@given(st.binary(max_size=600))
@settings(max_examples=200, deadline=None)
def test_noise_gives_only_the_library_error(data: bytes) -> None:
    """Bytes from anywhere are either a message or a WireError."""
    for decode in (wire.decode_pose, wire.decode_meta, wire.decode_keypoints):
        with pytest.raises(WireError):
            decode(data)


@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
@settings(max_examples=300, deadline=None)
def test_damaged_messages_give_a_finite_message_or_the_library_error(at: int, byte: int, cut: bool) -> None:
    """A flipped or missing byte never yields numbers that are not finite, nor another exception."""
    good = bytearray(wire.encode_pose(make_motion(people=2)))
    at %= len(good)
    good[at] = byte
    try:
        message = wire.decode_pose(bytes(good[:at] if cut else good))
    except WireError:
        return
    for person in message.people:
        assert np.isfinite(person.joints).all()
        assert np.isfinite(person.bone_rotations).all()
        assert math.isfinite(person.height_m)


def _changed(**changes: object) -> bytes:
    plain = msgspec.msgpack.decode(wire.encode_pose(make_motion()))
    for key, value in changes.items():
        if key in plain:
            plain[key] = value
        else:
            plain["persons"][0][key] = value
    return msgspec.msgpack.encode(plain)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_changed(p=b"\0" * 77 * 4), "length"),
        (_changed(p=b"\0" * 79 * 4), "length"),
        (_changed(q=np.full(84, np.nan, "<f4").tobytes()), "not finite"),
        (_changed(height=math.inf), "not a finite"),
        (_changed(fps=math.nan), "not a finite"),
        (_changed(state="asleep"), "Invalid enum"),
        (_changed(v=2), "version 2"),
        (_changed(seq=-1), ">= 0"),
        (_changed(persons=[{}] * 65), "persons"),
        (b"\0" * ((1 << 20) + 1), "limit"),
        (b"\x91" * 100_000, "Not a pose"),
    ],
)
def test_messages_outside_the_limits_are_refused(data: bytes, says: str) -> None:
    """Wrong lengths, numbers, names, versions and sizes each say what is wrong."""
    with pytest.raises(WireError, match=says):
        wire.decode_pose(data)


def test_unknown_keys_are_ignored() -> None:
    """A newer sender may add keys."""
    assert wire.decode_pose(_changed(mood="good")).seq == 0
