"""What Foxglove is given, read by its own published message classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import WireError
from lifting.skeleton import BONES, SEALCAP26
from realtime.axes import ROS
from realtime.data import State
from realtime.session import read_poses
from realtime.sinks.foxglove import (
    FADED,
    LIVE,
    MESSAGES,
    MOCAP_FRAME,
    SKELETON,
    TRANSFORMS,
    WORLD_FRAME,
    FoxgloveScene,
    compressed_video,
    read_compressed_video,
)
from realtime.sinks.foxglove_joints import ROBOT_MESSAGES
from realtime.sinks.foxglove_schema import descriptor_set
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import to_matrix
from tests.realtime.sessions import motion_at, record
from tests.realtime.sinks.motions import make_motion, spoiled

pytest.importorskip("google.protobuf", reason="pip install 'sealcap[dev]'")
NOW_NS = 1_764_000_000_123_456_789


def own_class(message: str) -> Any:
    """The class that a viewer makes of the schema in our file."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set(message)).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"foxglove.{message}"))


def published_class(message: str) -> Any:
    """The class that Foxglove publishes."""
    package = pytest.importorskip(f"foxglove_schemas_protobuf.{message}_pb2", reason="pip install it")
    return getattr(package, message)


def fields_of(descriptor: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Full message name → its fields, through everything it is made of."""
    found[descriptor.full_name] = [
        (
            f.name,
            f.number,
            f.type,
            f.is_repeated,
            f.has_presence,
            (f.message_type or f.enum_type or f).full_name,
        )
        for f in descriptor.fields
    ] + [(e.name, [(v.name, v.number) for v in e.values]) for e in descriptor.enum_types]
    for field in descriptor.fields:
        if field.message_type is not None and field.message_type.full_name not in found:
            fields_of(field.message_type, found)
    return found


@pytest.mark.parametrize("message", sorted({*MESSAGES.values(), *LIVE.values(), *ROBOT_MESSAGES.values()}))
def test_schemas_are_those_that_foxglove_publishes(message: str) -> None:
    """Every field of every message: name, number, type; none missing, none invented."""
    published = fields_of(published_class(message).DESCRIPTOR, {})
    assert fields_of(own_class(message).DESCRIPTOR, {}) == published


@pytest.mark.parametrize("reader", [own_class, published_class])
def test_skeleton_is_at_the_joints(reader: Any) -> None:
    """Spheres and lines stand where the joints are; lines join children to parents."""
    motion = make_motion(people=2)
    people = (motion.people[0], replace(motion.people[1], state=State.HELD))
    update = reader("SceneUpdate").FromString(FoxgloveScene().skeleton(people, NOW_NS))
    assert [e.id for e in update.entities] == ["person1", "person2"]
    for pose, entity in zip(people, update.entities, strict=True):
        assert entity.timestamp.seconds * 10**9 + entity.timestamp.nanos == NOW_NS
        assert entity.frame_id == MOCAP_FRAME
        spheres = [(s.pose.position.x, s.pose.position.y, s.pose.position.z) for s in entity.spheres]
        assert np.array_equal(np.array(spheres, np.float32), pose.joints_world)
        assert {s.pose.orientation.w for s in entity.spheres} == {1.0}
        (line,) = entity.lines
        points = [(p.x, p.y, p.z) for p in line.points]
        assert np.array_equal(np.array(points, np.float32), pose.joints_world)
        pairs = list(zip(line.indices[::2], line.indices[1::2], strict=True))
        assert pairs == [(i, p) for i, p in enumerate(SEALCAP26.parents) if p >= 0]
        assert line.type == 2
        assert line.color.a == pytest.approx(1.0 if pose.state is State.TRACKING else FADED)


def test_whoever_has_gone_is_deleted_once() -> None:
    """Lost, away or broken: the figure is taken out of the view with the next frame."""
    scene, reader = FoxgloveScene(), published_class("SceneUpdate")
    first, second, third = make_motion(people=3).people
    scene.skeleton((first, second, third), NOW_NS)
    left = (replace(first, state=State.LOST), spoiled(second, "joints_world"))
    update = reader.FromString(scene.skeleton(left, NOW_NS))
    assert [d.id for d in update.deletions] == ["person1", "person2", "person3"]
    assert not update.entities
    assert not reader.FromString(scene.skeleton((), NOW_NS)).deletions


def test_transforms_are_the_bones_in_a_world_that_is_z_up() -> None:
    """Each bone's rotation is the forward kinematics'; the stage turns our axes into REP-103's."""
    pose = make_motion().people[0]
    message = FoxgloveScene().transforms((pose,), NOW_NS)
    stage, *bones = published_class("FrameTransforms").FromString(message).transforms
    assert (stage.parent_frame_id, stage.child_frame_id) == (WORLD_FRAME, MOCAP_FRAME)
    q = np.array([stage.rotation.x, stage.rotation.y, stage.rotation.z, stage.rotation.w])
    assert np.allclose(to_matrix(q), ROS.matrix)
    assert [b.child_frame_id for b in bones] == [f"person1/{bone}" for bone in BONES.joints]
    turns = np.array([(b.rotation.x, b.rotation.y, b.rotation.z, b.rotation.w) for b in bones])
    assert np.allclose(turns, world_rotations(pose.bone_rotations.astype(np.float64)))
    hand = bones[BONES.index("LeftHand")].translation
    wrist = pose.joints_world[SEALCAP26.index("left_wrist")]
    assert np.allclose((hand.x, hand.y, hand.z), wrist)


def test_a_session_explains_itself(tmp_path: Path) -> None:
    """A reader that knows nothing but MCAP and protobuf decodes every viewer's message by its own schema."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from mcap.reader import make_reader

    path = record(tmp_path / "take.mcap", (motion_at(s, s / 30, people=2) for s in range(40)))
    classes: dict[str, Any] = {}
    seen: dict[str, list[Any]] = {SKELETON: [], TRANSFORMS: []}
    with path.open("rb") as file:
        for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages(
            topics=list(seen)
        ):
            assert schema is not None
            if channel.topic not in classes:
                pool = descriptor_pool.DescriptorPool()
                for proto in descriptor_pb2.FileDescriptorSet.FromString(schema.data).file:
                    pool.Add(proto)
                kind = pool.FindMessageTypeByName(schema.name)
                classes[channel.topic] = message_factory.GetMessageClass(kind)
            seen[channel.topic].append(classes[channel.topic].FromString(message.data))
            assert channel.message_encoding == schema.encoding == "protobuf"
    assert [len(messages) for messages in seen.values()] == [40, 40]
    assert all(len(update.entities) == 2 for update in seen[SKELETON])
    assert all(len(update.transforms) == 1 + 2 * 21 for update in seen[TRANSFORMS])


def test_at_60_hz_viewers_get_every_second_frame(tmp_path: Path) -> None:
    """The eye needs no more, and the file stays small; the poses are all there."""
    from mcap.reader import make_reader

    path = record(tmp_path / "take.mcap", (motion_at(s, s / 60) for s in range(60)))
    with path.open("rb") as file:
        seqs = [m.sequence for _, _, m in make_reader(file).iter_messages(topics=[SKELETON])]
    assert seqs == list(range(0, 60, 2))
    assert len(list(read_poses(path))) == 60


def test_video_messages_come_back() -> None:
    """The bytes survive; anything else is a WireError."""
    message = compressed_video(b"\0\0\0\1nal", NOW_NS)
    video = published_class("CompressedVideo").FromString(message)
    assert (video.format, video.frame_id, video.data) == ("h264", "camera", b"\0\0\0\1nal")
    assert read_compressed_video(message) == b"\0\0\0\1nal"
    for damaged in (message[:-3], b"\xff" * 20, b"", message.replace(b"h264", b"h265"), b"\x1a\xff\x7fabc"):
        with pytest.raises(WireError):
            read_compressed_video(damaged)
