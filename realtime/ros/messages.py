"""Parts of ROS messages, from our world: X forward, Y left, Z up (REP-103), metres, radians."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.axes import ROS
from realtime.solve.quaternions import from_matrix, multiply

Float64 = NDArray[np.float64]
Json = dict[str, Any]

TF = "tf2_msgs/msg/TFMessage"
JOINT_STATE = "sensor_msgs/msg/JointState"
STRING = "std_msgs/msg/String"
_ROS_FROM_WORLD = from_matrix(ROS.matrix)


def header(wall_ns: int, frame_id: str = "") -> Json:
    """std_msgs/Header at a wall-clock time, nanoseconds since 1970."""
    seconds, nanoseconds = divmod(max(wall_ns, 0), 10**9)
    return {"stamp": {"sec": seconds, "nanosec": nanoseconds}, "frame_id": frame_id}


def transform(about: Json, child: str, place: list[float], turn: list[float]) -> Json:
    """geometry_msgs/TransformStamped of a place (3,) and a rotation (4,) xyzw in ROS axes."""
    (x, y, z), (qx, qy, qz, qw) = place, turn
    return {
        "header": about,
        "child_frame_id": child,
        "transform": {
            "translation": {"x": x, "y": y, "z": z},
            "rotation": {"x": qx, "y": qy, "z": qz, "w": qw},
        },
    }


def joint_state(
    about: Json, names: Iterable[str], position: list[float], velocity: list[float] | None = None
) -> Json:
    """sensor_msgs/JointState."""
    return {
        "header": about,
        "name": list(names),
        "position": position,
        "velocity": velocity or [],
        "effort": [],
    }


def robot_base(root_world: Float64, root_rotation: Float64) -> tuple[list[float], list[float]]:
    """Place and rotation in ROS axes of a robot's base, whose own axes are X forward, Y left, Z up."""
    return ROS.points(root_world).tolist(), multiply(_ROS_FROM_WORLD, root_rotation).tolist()
