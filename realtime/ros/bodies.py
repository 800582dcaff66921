"""A frame's people as the messages of REP-155 (ROS4HRI): bodies, their place in the picture, joints, frames.

Body ids are b1, b2 ... after our numbers of persons. What REP-155 wants as joint angles is within its limits;
the whole pose, not limited, is in `/tf`: `body_b1` in the fixed frame, X out of the belly and Z to the head,
and a frame for each bone in it, `bone_left_upper_arm_b1` ..., turned as far from the T-pose as the bone is.
These names are none of the human's URDF, whose frames a robot_state_publisher may publish beside them.
"""

from __future__ import annotations

import re

import numpy as np

from lifting.skeleton import BODY21, BONES
from realtime.axes import ROS
from realtime.data import BodyPose, Frame, Keypoints, Motion, State
from realtime.rest_pose import bone_heads
from realtime.ros.human import JOINTS, Float64, human_joints, limited
from realtime.ros.messages import JOINT_STATE, TF, Json, header, joint_state, transform
from realtime.ros.rosbridge import Publication, Topic, publication
from realtime.sinks.wire import sendable
from realtime.solve.forward import world_rotations
from realtime.solve.quaternions import conjugate, multiply, to_matrix

TRACKED = Topic("/humans/bodies/tracked", "hri_msgs/msg/IdsList", latched=True)
TRANSFORMS = Topic("/tf", TF, depth=10)
CAMERA_FRAME = "camera"
"""Of what is told in the picture."""
SKELETON2D = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "left_eye", "right_eye", "left_ear", "right_ear",
)  # fmt: skip
"""Points of hri_msgs/Skeleton2D in its order; the neck is between the shoulders."""
_NECK = SKELETON2D.index("neck")
_POINTS = np.array([0 if name == "neck" else BODY21.index(name) for name in SKELETON2D])
_SHOULDERS = BODY21.indices("left_shoulder", "right_shoulder")
_FRAMES = tuple("bone" + re.sub(r"(?=[A-Z])", "_", bone).lower() for bone in BONES.joints[1:])


class Body:
    """Topics and names of one person, made once."""

    def __init__(self, person_id: int) -> None:
        self.id = f"b{person_id}"
        base = f"/humans/bodies/{self.id}"
        self.roi = Topic(f"{base}/roi", "hri_msgs/msg/NormalizedRegionOfInterest2D")
        self.skeleton2d = Topic(f"{base}/skeleton2d", "hri_msgs/msg/Skeleton2D")
        self.joint_states = Topic(f"{base}/joint_states", JOINT_STATE)
        self.joint_names = [f"{joint}_{self.id}" for joint in JOINTS]
        self.frames = [f"{frame}_{self.id}" for frame in _FRAMES]
        self._angles: Float64 | None = None

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All of them."""
        return self.roi, self.skeleton2d, self.joint_states

    def angles(self, pose: BodyPose) -> Float64:
        """(20,) joints of REP-155, within limits."""
        self._angles = human_joints(pose.bone_rotations.astype(np.float64), self._angles)
        return limited(self._angles)


class BodyMessages:
    """Makes the messages of a stream; knows who is there, so that topics come and go with people."""

    def __init__(self, fixed_frame: str = "map") -> None:
        self._fixed_frame = fixed_frame
        self._bodies: dict[int, Body] = {}

    def update(self, people: tuple[BodyPose, ...]) -> tuple[list[Topic], list[Topic]]:
        """Topics that are new with this frame, and those whose person has gone for good."""
        here = {pose.person_id for pose in people}
        gone = [self._bodies.pop(i) for i in sorted(self._bodies.keys() - here)]
        new = {i: Body(i) for i in sorted(here - self._bodies.keys())}
        self._bodies.update(new)
        return _topics(list(new.values())), _topics(gone)

    def frame(self, motion: Motion) -> list[Publication]:
        """Everything to publish of a frame; whoever is not seen is missing in the list of bodies."""
        wall_ns = motion.frame.capture_time_ns + motion.frame.wall_offset_ns
        shown = [pose for pose in motion.people if pose.state is not State.LOST and sendable(pose)]
        ids = [self._bodies[pose.person_id].id for pose in shown]
        out = [publication(TRACKED, {"header": header(wall_ns), "ids": ids})]
        seen = {points.person_id: points for points in motion.keypoints}
        moved: list[Json] = []
        for pose in shown:
            body = self._bodies[pose.person_id]
            if (points := seen.get(pose.person_id)) is not None and np.isfinite(points.points_px).all():
                about = header(wall_ns, CAMERA_FRAME)
                out.append(publication(body.roi, _roi(about, points, motion.frame)))
                out.append(publication(body.skeleton2d, _skeleton2d(about, points, motion.frame)))
            state = joint_state(header(wall_ns), body.joint_names, body.angles(pose).tolist())
            out.append(publication(body.joint_states, state))
            moved += self._transforms(body, pose, wall_ns)
        return [*out, publication(TRANSFORMS, {"transforms": moved})] if moved else out

    def nobody(self, wall_ns: int) -> list[Publication]:
        """Nobody is tracked any more."""
        return [publication(TRACKED, {"header": header(wall_ns), "ids": []})]

    def _transforms(self, body: Body, pose: BodyPose, wall_ns: int) -> list[Json]:
        """The body in the fixed frame, the bones in the body's."""
        world = world_rotations(pose.bone_rotations.astype(np.float64))
        heads = bone_heads(pose.joints_world.astype(np.float64))
        turns = ROS.rotations(multiply(conjugate(world[0]), world[1:])).tolist()
        hips = ROS.rotations(world[0])
        places = _unturn(hips, ROS.points(heads[1:] - heads[0])).tolist()
        frame, about = f"body_{body.id}", header(wall_ns, f"body_{body.id}")
        root = transform(
            header(wall_ns, self._fixed_frame), frame, ROS.points(heads[0]).tolist(), hips.tolist()
        )
        return [root, *map(transform, [about] * len(places), body.frames, places, turns)]


def _topics(bodies: list[Body]) -> list[Topic]:
    return [topic for body in bodies for topic in body.topics]


def _unturn(q: Float64, points: Float64) -> Float64:
    """Points (N,3) in a frame that is turned by q (4,)."""
    return np.asarray(points @ to_matrix(q))


def _roi(about: Json, points: Keypoints, frame: Frame) -> Json:
    """hri_msgs/NormalizedRegionOfInterest2D: the box within the picture, 0 to 1."""
    x0, y0, x1, y1 = _within(points.box.reshape(2, 2).astype(np.float64), frame).ravel().tolist()
    found = float(points.confidence.mean())
    return {"header": about, "xmin": x0, "ymin": y0, "xmax": x1, "ymax": y1, "c": min(1.0, max(0.0, found))}


def _skeleton2d(about: Json, points: Keypoints, frame: Frame) -> Json:
    """hri_msgs/Skeleton2D: 18 points; one outside the picture lies on its rim with confidence 0."""
    places, sure = points.points_px[_POINTS].astype(np.float64), points.confidence[_POINTS].clip(0.0, 1.0)
    places[_NECK] = points.points_px[_SHOULDERS].mean(axis=0)
    sure[_NECK] = points.confidence[_SHOULDERS].min().clip(0.0, 1.0)
    inside = ((places >= 0) & (places <= frame.size)).all(axis=1)
    where = _within(places, frame).tolist()
    rows = [{"x": x, "y": y, "c": c} for (x, y), c in zip(where, (sure * inside).tolist(), strict=True)]
    return {"header": about, "skeleton": rows}


def _within(places_px: Float64, frame: Frame) -> Float64:
    """Pixels (N,2) → shares of width and height, 0 to 1."""
    return np.asarray((places_px / frame.size).clip(0.0, 1.0), np.float64)
