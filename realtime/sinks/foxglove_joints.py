"""Joints and the base of a robot as Foxglove shows them, live and in a session."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime.sinks.foxglove import MOCAP_FRAME
from realtime.sinks.protobuf import bytes_field, double_field, timestamp

Float64 = NDArray[np.float64]

ROBOT_JOINTS, ROBOT_TF = "/robot/joint_states", "/robot/tf"
ROBOT_MESSAGES = {ROBOT_JOINTS: "JointStates", ROBOT_TF: "FrameTransforms"}
"""Topics of the robot."""


def joint_states(
    names: Sequence[str], position: Float64, wall_ns: int, velocity: Float64 | None = None
) -> bytes:
    """foxglove.JointStates: radians (metres where sliding) and, if given, the same per second."""
    rows = [
        bytes_field(1, name) + double_field(2, float(angle))
        for name, angle in zip(names, position, strict=True)
    ]
    if velocity is not None:
        rows = [row + double_field(3, float(v)) for row, v in zip(rows, velocity, strict=True)]
    return bytes_field(1, timestamp(wall_ns)) + b"".join(bytes_field(2, row) for row in rows)


def base_transform(frame: str, root_world: Float64, root_rotation: Float64, wall_ns: int) -> bytes:
    """foxglove.FrameTransforms of a robot's base in our world."""
    place = b"".join(double_field(i, float(x)) for i, x in enumerate(root_world, start=1))
    turn = b"".join(double_field(i, float(x)) for i, x in enumerate(root_rotation, start=1))
    row = bytes_field(1, timestamp(wall_ns)) + bytes_field(2, MOCAP_FRAME) + bytes_field(3, frame)
    return bytes_field(1, row + bytes_field(4, place) + bytes_field(5, turn))
