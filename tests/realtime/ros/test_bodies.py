"""REP-155's topics: what a strict rosbridge server gets of people."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from lifting.skeleton import BODY21, BONES, SEALCAP26
from realtime.axes import ROS
from realtime.data import Keypoints, Motion, State
from realtime.ros.bodies import SKELETON2D, BodyMessages
from realtime.ros.human import LIMITS
from realtime.sinks.ros import RosSink
from realtime.solve.forward import joints_from_rotations, world_rotations
from realtime.solve.quaternions import IDENTITY, to_matrix
from realtime.solve.rest import REST_JOINTS
from tests.realtime.ros import human_model
from tests.realtime.ros.bridge import Bridge
from tests.realtime.sinks.motions import PUBLISHED, make_motion, spoiled, with_poses


@pytest.fixture
def server():
    """A strict server."""
    with Bridge() as bridge:
        yield bridge
        assert not bridge.errors, bridge.errors[:3]


def send(sink: RosSink, server: Bridge, motion: Motion) -> None:
    """Write one frame and wait until its list of bodies has come."""
    stamp = motion.frame.capture_time_ns + motion.frame.wall_offset_ns

    def arrived() -> bool:
        return any(stamp_ns(m) == stamp for m in server.of("/humans/bodies/tracked"))

    sink.write(motion)
    deadline = time.monotonic() + 0.3
    while not arrived() and time.monotonic() < deadline:
        time.sleep(0.005)
    if not arrived():  # the frame went before the connection stood
        sink.write(motion)
    server.wait(arrived)
    time.sleep(0.02)


def stamp_ns(message: dict) -> int:
    """Time in a header."""
    stamp = message["header"]["stamp"]
    return stamp["sec"] * 10**9 + stamp["nanosec"]


def quaternion(transform: dict) -> np.ndarray:
    """(3,3) of a transform."""
    return to_matrix(np.array([transform["transform"]["rotation"][k] for k in "xyzw"]))


def place(transform: dict) -> np.ndarray:
    """(3,) of a transform."""
    return np.array([transform["transform"]["translation"][k] for k in "xyz"])


def test_everything_is_published_to_the_letter(server: Bridge) -> None:
    """Names, types, times, joints and limits of two people; QoS of the list is transient local."""
    sink = RosSink(server.url)
    sink.open()
    motion = make_motion(people=2)
    send(sink, server, motion)
    wall_ns = motion.frame.capture_time_ns + motion.frame.wall_offset_ns
    assert server.of("/humans/bodies/tracked")[-1]["ids"] == ["b1", "b2"]
    assert server.adverts["/humans/bodies/tracked"]["qos"]["durability"] == "transient_local"
    assert server.adverts["/tf"]["qos"]["reliability"] == "reliable"
    for person in ("b1", "b2"):
        base = f"/humans/bodies/{person}"
        types = {
            part: server.adverts[f"{base}/{part}"]["type"] for part in ("roi", "skeleton2d", "joint_states")
        }
        assert types == {
            "roi": "hri_msgs/msg/NormalizedRegionOfInterest2D",
            "skeleton2d": "hri_msgs/msg/Skeleton2D",
            "joint_states": "sensor_msgs/msg/JointState",
        }
        joints = server.of(f"{base}/joint_states")[-1]
        assert stamp_ns(joints) == wall_ns
        assert joints["name"] == [f"{joint}_{person}" for joint in LIMITS]
        for (low, high), angle in zip(LIMITS.values(), joints["position"], strict=True):
            assert low <= angle <= high
    sink.close()
    server.wait(lambda: server.of("/humans/bodies/tracked")[-1]["ids"] == [])


def test_points_of_the_picture_are_in_the_order_of_the_message(server: Bridge) -> None:
    """0 to 1 of the picture, the neck between the shoulders; outside it: on the rim, not sure at all."""
    motion = make_motion()
    points = np.stack([np.arange(21.0) + 1, 2 * np.arange(21.0) + 1], axis=1).astype(np.float32)
    points[BODY21.index("left_wrist")] = (70, -3)  # of 64 x 48
    seen = Keypoints(1, points, np.full(21, 0.5, np.float32), np.array([-5, 6, 32, 60], np.float32))
    sink = RosSink(server.url)
    sink.open()
    send(sink, server, replace(motion, keypoints=(seen,)))
    rows = server.of("/humans/bodies/b1/skeleton2d")[-1]["skeleton"]
    assert len(rows) == 18
    order = "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip "
    order += "right_knee right_ankle left_hip left_knee left_ankle left_eye right_eye left_ear right_ear"
    assert tuple(order.split()) == SKELETON2D
    for name, row in zip(SKELETON2D, rows, strict=True):
        if name == "left_wrist":
            assert (row["x"], row["y"], row["c"]) == (1.0, 0.0, 0.0)
            continue
        pair = ("left_shoulder", "right_shoulder") if name == "neck" else (name, name)
        x, y = points[BODY21.indices(*pair)].mean(axis=0)
        assert (row["x"], row["y"], row["c"]) == pytest.approx((x / 64, y / 48, 0.5))
    box = server.of("/humans/bodies/b1/roi")[-1]
    assert [box[k] for k in ("xmin", "ymin", "xmax", "ymax", "c")] == pytest.approx([0, 6 / 48, 0.5, 1, 0.5])
    sink.close()


def test_frames_tell_the_whole_pose(server: Bridge) -> None:
    """The body stands between the hips, X to the front and Z to the head; bones are where and as ours are."""
    sink = RosSink(server.url, fixed_frame="odom")
    sink.open()
    motion = make_motion()
    local = np.tile(IDENTITY, (len(BONES), 1))
    local[0] = [0, np.sin(0.4), 0, np.cos(0.4)]
    rng = np.random.default_rng(3)
    local[1:] += 0.3 * rng.normal(size=(20, 4))
    local /= np.linalg.norm(local, axis=1, keepdims=True)
    joints = joints_from_rotations(local, REST_JOINTS * 1.7, np.array([0.3, 0.9, 2.0]))
    pose = replace(
        motion.people[0],
        bone_rotations=local.astype(np.float32),
        joints_world=joints.astype(np.float32),
    )
    send(sink, server, with_poses(motion, pose))
    sink.close()
    root, *bones = server.of("/tf")[-1]["transforms"]
    assert (root["header"]["frame_id"], root["child_frame_id"]) == ("odom", "body_b1")
    assert place(root) == pytest.approx([2.0, 0.3, 0.9])
    body = quaternion(root)
    assert body[:, 2] == pytest.approx([0, 0, 1], abs=1e-6)
    assert body[:, 0] == pytest.approx([np.cos(0.8), np.sin(0.8), 0], abs=1e-6)
    assert [b["child_frame_id"] for b in bones][6:8] == ["bone_left_lower_arm_b1", "bone_left_hand_b1"]
    assert {b["header"]["frame_id"] for b in bones} == {"body_b1"}
    wanted = to_matrix(world_rotations(local))
    for bone, found in zip(BONES.joints[1:], bones, strict=True):
        turn = ROS.matrix @ wanted[BONES.index(bone)] @ ROS.matrix.T
        assert np.allclose(body @ quaternion(found), turn, atol=1e-5), bone
    wrist = ROS.points(joints[SEALCAP26.index("left_wrist")])
    hand = bones[BONES.index("LeftHand") - 1]
    assert np.allclose(place(root) + body @ place(hand), wrist, atol=1e-5)


def test_names_of_frames_never_meet_those_of_the_model() -> None:
    """A robot_state_publisher with the human's URDF publishes those."""
    messages = BodyMessages()
    messages.update(make_motion().people)
    names = {frame.removesuffix("_b1") for frame in messages._bodies[1].frames}
    assert not names & {link for link, *_ in human_model.ROWS}
    assert len(names) == 20


def test_who_is_lost_is_not_listed_and_who_is_gone_has_no_topics(server: Bridge) -> None:
    """A person that returns is listed again; broken numbers are nobody's."""
    sink = RosSink(server.url)
    sink.open()
    motions = [make_motion(seq, people=2) for seq in range(5)]
    send(sink, server, motions[0])
    lost = replace(motions[1].people[0], state=State.LOST)
    send(sink, server, with_poses(motions[1], lost, motions[1].people[1]))
    assert server.of("/humans/bodies/tracked")[-1]["ids"] == ["b2"]
    assert "/humans/bodies/b1/roi" in server.adverts
    count = len(server.of("/humans/bodies/b1/joint_states"))
    send(sink, server, with_poses(motions[2], motions[2].people[1]))
    assert "/humans/bodies/b1/roi" not in server.adverts
    send(sink, server, with_poses(motions[3]))
    assert server.of("/humans/bodies/tracked")[-1]["ids"] == []
    assert set(server.adverts) == {"/humans/bodies/tracked", "/tf"}
    send(sink, server, motions[4])
    assert server.of("/humans/bodies/tracked")[-1]["ids"] == ["b1", "b2"]
    assert len(server.of("/humans/bodies/b1/joint_states")) == count + 1
    sink.close()


@pytest.mark.parametrize("field", PUBLISHED)
def test_no_number_that_is_not_finite_leaves(field: str) -> None:
    """JSON has none."""
    messages = BodyMessages()
    motion = make_motion()
    bad = with_poses(motion, spoiled(motion.people[0], field, float("inf")))
    messages.update(bad.people)
    for part in messages.frame(bad):
        assert b"null" not in part.text
        assert b"joint_states" not in part.text


def test_broken_points_leave_the_rest_of_the_person() -> None:
    """Without a picture's points, as in a replay, and with bad ones."""
    motion = make_motion()
    bad = motion.keypoints[0].points_px.copy()
    bad[3] = np.nan
    for keypoints in ((), (replace(motion.keypoints[0], points_px=bad),)):
        messages = BodyMessages()
        messages.update(motion.people)
        topics = [part.topic for part in messages.frame(replace(motion, keypoints=keypoints))]
        assert topics == ["/humans/bodies/tracked", "/humans/bodies/b1/joint_states", "/tf"]


def test_one_persons_json_costs_less_than_a_millisecond() -> None:
    """Median of the sink's own thread; a loaded machine gets three times that."""
    messages, took = BodyMessages(), []
    for seq in range(200):
        motion = make_motion(seq)
        messages.update(motion.people)
        began = time.perf_counter()
        messages.frame(motion)
        took.append(time.perf_counter() - began)
    assert np.median(took) < 3e-3
