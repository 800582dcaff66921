"""Poses as Foxglove shows them: a skeleton in its 3D view, the bones as transforms, the camera's video.

`/skeleton` (foxglove.SceneUpdate) and `/tf` (foxglove.FrameTransforms) repeat what `/pose` says, for the
eye only. The frame `mocap` is our world (Y up); it hangs in `world`, which is Z up as viewers expect it.
What does not change from frame to frame is packed once.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lifting.errors import WireError
from lifting.skeleton import BONES, SEALCAP26
from realtime.data import BodyPose, State
from realtime.rest_pose import bone_heads
from realtime.sinks.packed import turned
from realtime.sinks.protobuf import bytes_field, double_field, number_field, read_fields, timestamp
from realtime.sinks.wire import sendable
from realtime.web.palette import side_color

Bytes = NDArray[np.uint8]
Float64 = NDArray[np.float64]

SKELETON, TRANSFORMS, VIDEO = "/skeleton", "/tf", "/video"
"""Topics."""
MESSAGES = {SKELETON: "SceneUpdate", TRANSFORMS: "FrameTransforms", VIDEO: "CompressedVideo"}
"""Topic: message of the package foxglove."""
POSES, IMAGE, JOINTS = "/poses", "/image", "/humans/joint_states"
LIVE = {POSES: "PosesInFrame", IMAGE: "CompressedImage", JOINTS: "JointStates"}
"""Topics that only the live server has: the pelvis of everybody, the picture as JPEG, REP-155's joints."""
WORLD_FRAME, MOCAP_FRAME, CAMERA_FRAME = "world", "mocap", "camera"
LIFETIME_NS = 500_000_000
"""A figure that is not renewed vanishes from the view."""
JOINT_M, BONE_M = 0.05, 0.025
"""Thickness of what is drawn."""
FADED = 0.4
"""Opacity of a person who is not seen at the moment."""
_LINE_LIST = 2


def _vectors(values: Float64) -> Bytes:
    """(N,K) → (N,9K) the fields 1..K of N messages of doubles (Vector3, Point3, Quaternion)."""
    rows, count = values.shape
    out = np.empty((rows, count, 9), np.uint8)
    out[..., 0] = [field << 3 | 1 for field in range(1, count + 1)]
    out[..., 1:] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(rows, count, 8)
    return out.reshape(rows, 9 * count)


def _head(field: int, size: int) -> bytes:
    """Tag and length of a field that is `size` bytes long."""
    return bytes_field(field, bytes(size))[:-size]


def _color(rgb: tuple[int, int, int], alpha: float) -> bytes:
    numbers = [*(channel / 255 for channel in rgb), alpha]
    return b"".join(double_field(i, number) for i, number in enumerate(numbers, start=1))


_IDENTITY = double_field(4, 1.0)
_VECTOR3, _QUATERNION = 27, 36
_HEADS: Float64 = bone_heads(np.eye(26))
"""(21,26) from joints to where each bone begins."""


class _Figure:
    """What of a person's drawing is the same in every frame, for one opacity."""

    def __init__(self, alpha: float) -> None:
        pose = _head(1, _VECTOR3) + bytes(_VECTOR3) + bytes_field(2, _IDENTITY)
        size = b"".join(double_field(axis, JOINT_M) for axis in (1, 2, 3))
        tails = [
            bytes_field(2, size) + bytes_field(3, _color(side_color(j), alpha)) for j in SEALCAP26.joints
        ]
        spheres = [bytes_field(9, bytes_field(1, pose) + tail) for tail in tails]
        self._spheres = np.frombuffer(b"".join(spheres), np.uint8).reshape(len(spheres), -1).copy()
        self._at = len(spheres[0]) - len(tails[0]) - len(bytes_field(2, _IDENTITY)) - _VECTOR3
        self._points = np.frombuffer((_head(5, _VECTOR3) + bytes(_VECTOR3)) * 26, np.uint8)
        self._points = self._points.reshape(26, -1).copy()
        pairs = [(i, parent) for i, parent in enumerate(SEALCAP26.parents) if parent >= 0]
        indices = np.array(pairs, "<u4").tobytes()
        self._line_begin = (
            number_field(1, _LINE_LIST) + bytes_field(2, bytes_field(2, _IDENTITY)) + double_field(3, BONE_M)
        )
        self._line_end = bytes_field(6, _color(side_color("middle"), alpha)) + bytes_field(8, indices)

    def draw(self, joints_world: Float64) -> bytes:
        """The fields `spheres` and `lines` of a SceneEntity, joints (26,3) in metres."""
        places = _vectors(joints_world)
        self._spheres[:, self._at : self._at + _VECTOR3] = places
        self._points[:, -_VECTOR3:] = places
        line = self._line_begin + self._points.tobytes() + self._line_end
        return self._spheres.tobytes() + bytes_field(11, line)


class _Bones:
    """What of a person's transforms is the same in every frame, for stamps of one length."""

    def __init__(self, person_id: int, now_bytes: int) -> None:
        names = [
            bytes_field(2, MOCAP_FRAME) + bytes_field(3, f"person{person_id}/{bone}") for bone in BONES.joints
        ]
        now = bytes(now_bytes)
        place = bytes_field(4, bytes(_VECTOR3)) + bytes_field(5, bytes(_QUATERNION))
        rows = [bytes_field(1, now + name + place) for name in names]
        self._rows = np.frombuffer(b"".join(rows), np.uint8)
        ends = np.cumsum([len(row) for row in rows])
        turn = ends[:, None] + np.arange(-_QUATERNION, 0)
        head = turn[:, :1] - len(_head(5, _QUATERNION)) + np.arange(-_VECTOR3, 0)
        stamp = ends - [len(now + name + place) for name in names]
        self._places = np.concatenate([stamp[:, None] + np.arange(now_bytes), head, turn], axis=1)
        """(21,·) of the stamp, the head and the turn of each bone."""

    def fill(self, now: bytes, heads: Float64, turns: Float64) -> bytes:
        """The field `transforms` of FrameTransforms: heads (21,3), turns (21,4) xyzw."""
        rows = self._rows.copy()
        stamps = np.broadcast_to(np.frombuffer(now, np.uint8), (len(heads), len(now)))
        rows[self._places] = np.concatenate([stamps, _vectors(heads), _vectors(turns)], axis=1)
        return rows.tobytes()


class FoxgloveScene:
    """Makes the messages of one recording; remembers who was drawn, to take away who has gone."""

    def __init__(self) -> None:
        self._figures = {alpha: _Figure(alpha) for alpha in (1.0, FADED)}
        self._drawn: set[int] = set()
        self._bones = lru_cache(64)(_Bones)

    def skeleton(self, people: tuple[BodyPose, ...], wall_ns: int) -> bytes:
        """foxglove.SceneUpdate of a frame."""
        now = bytes_field(1, timestamp(wall_ns))
        shown = {pose.person_id: pose for pose in people if visible(pose)}
        gone = [bytes_field(1, now + bytes_field(3, f"person{i}")) for i in sorted(self._drawn - set(shown))]
        self._drawn = set(shown)
        return b"".join([*gone, *(bytes_field(2, self._entity(pose, now)) for pose in shown.values())])

    def transforms(self, people: tuple[BodyPose, ...], wall_ns: int) -> bytes:
        """foxglove.FrameTransforms of a frame: the origin of every bone and its rotation from rest."""
        now = bytes_field(1, timestamp(wall_ns))
        rows = [bytes_field(1, now + _STAGE)]
        for pose in filter(visible, people):
            heads = _HEADS @ pose.joints_world.astype(np.float64)
            rows.append(self._bones(pose.person_id, len(now)).fill(now, heads, np.array(turned(pose))))
        return b"".join(rows)

    def poses(self, people: tuple[BodyPose, ...], wall_ns: int) -> bytes:
        """foxglove.PosesInFrame of a frame: where everybody's pelvis is and how it is turned."""
        out = bytes_field(1, timestamp(wall_ns)) + bytes_field(2, MOCAP_FRAME)
        for pose in filter(visible, people):
            place = _vectors(pose.root_world.astype(np.float64)[None]).tobytes()
            turn = _vectors(pose.root_rotation.astype(np.float64)[None]).tobytes()
            out += bytes_field(3, bytes_field(1, place) + bytes_field(2, turn))
        return out

    def _entity(self, pose: BodyPose, now: bytes) -> bytes:
        alpha = 1.0 if pose.state is State.TRACKING else FADED
        about = bytes_field(1, "state") + bytes_field(2, pose.state.value)
        return b"".join(
            [
                now,
                bytes_field(2, MOCAP_FRAME),
                bytes_field(3, f"person{pose.person_id}"),
                bytes_field(4, timestamp(LIFETIME_NS)),
                bytes_field(6, about),
                self._figures[alpha].draw(pose.joints_world.astype(np.float64)),
            ]
        )


def visible(pose: BodyPose) -> bool:
    """Whether somebody is shown: there, and all of finite numbers."""
    return pose.state is not State.LOST and sendable(pose)


_STAGE = (
    bytes_field(2, WORLD_FRAME)
    + bytes_field(3, MOCAP_FRAME)
    + bytes_field(4, b"")
    + bytes_field(5, b"".join(double_field(i, 0.5) for i in (1, 2, 3, 4)))
)
"""`mocap` in `world`: our X, Y, Z are its Y, Z, X (REP-103), a third of a turn about (1,1,1)."""


def compressed_video(data: bytes, wall_ns: int) -> bytes:
    """foxglove.CompressedVideo of one H.264 picture (Annex B)."""
    return (
        bytes_field(1, timestamp(wall_ns))
        + bytes_field(2, CAMERA_FRAME)
        + bytes_field(3, data)
        + bytes_field(4, "h264")
    )


def compressed_image(jpeg: bytes, wall_ns: int) -> bytes:
    """foxglove.CompressedImage of one JPEG picture."""
    begin = bytes_field(1, timestamp(wall_ns)) + bytes_field(2, jpeg)
    return begin + bytes_field(3, "jpeg") + bytes_field(4, CAMERA_FRAME)


def read_compressed_video(message: bytes) -> bytes:
    """The H.264 bytes of a message. Raises WireError when there are none."""
    fields = dict(read_fields(message))
    data, kind = fields.get(3), fields.get(4)
    if not isinstance(data, bytes) or kind != b"h264":
        raise WireError("Not a message of H.264 video.")
    return data
