"""People live in Foxglove: the same drawing as in a session, and on request the picture. See docs/ros.md."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from realtime.data import Image, Motion
from realtime.ros.bodies import Body
from realtime.sinks.foxglove import (
    IMAGE,
    JOINTS,
    LIVE,
    MESSAGES,
    POSES,
    SKELETON,
    TRANSFORMS,
    VIDEO,
    FoxgloveScene,
    compressed_image,
    visible,
)
from realtime.sinks.foxglove_joints import joint_states
from realtime.sinks.foxglove_server import Channel, FoxgloveServer
from realtime.sinks.pictures import has_picture
from realtime.sinks.rate import RateLimit

IMAGE_HZ = 15.0
IMAGE_WIDTH = 640
JPEG_QUALITY = 75


class FoxgloveSink:
    """Makes only what a viewer has subscribed to."""

    queue = 1

    def __init__(self, server: FoxgloveServer) -> None:
        self._server = server
        self._scene = FoxgloveScene()
        self._channels: dict[str, Channel] = {}
        self._bodies: dict[int, Body] = {}
        self._image_rate = RateLimit(IMAGE_HZ)

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"foxglove {self._server.url}"

    def open(self) -> None:
        """Listen. Raises SinkError when the port is taken."""
        self._server.open()
        for topic, message in {**MESSAGES, **LIVE}.items():
            if topic != VIDEO:
                self._channels[topic] = self._server.channel(topic, message)

    def write(self, motion: Motion) -> None:
        """Show one frame."""
        wall_ns = max(0, motion.frame.capture_time_ns + motion.frame.wall_offset_ns)
        for topic, channel in self._channels.items():
            if channel.watched and (message := self._makers[topic](motion, wall_ns)) is not None:
                channel.send(message, wall_ns)

    def close(self) -> None:
        """Leave the server; idempotent."""
        if self._channels:
            self._channels = {}
            self._server.close()

    @property
    def _makers(self) -> dict[str, Callable[[Motion, int], bytes | None]]:
        return {
            SKELETON: lambda motion, wall_ns: self._scene.skeleton(motion.people, wall_ns),
            TRANSFORMS: lambda motion, wall_ns: self._scene.transforms(motion.people, wall_ns),
            POSES: lambda motion, wall_ns: self._scene.poses(motion.people, wall_ns),
            IMAGE: self._image,
            JOINTS: self._joints,
        }

    def _image(self, motion: Motion, wall_ns: int) -> bytes | None:
        """The picture, not too large and not too often; None where there is none."""
        image = motion.frame.image
        if not has_picture(image) or not self._image_rate.allows(motion.publish_ns * 1e-9):
            return None
        done, jpeg = cv2.imencode(".jpg", _small(image), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return compressed_image(jpeg.tobytes(), wall_ns) if done else None

    def _joints(self, motion: Motion, wall_ns: int) -> bytes:
        """Everybody's joints of REP-155."""
        shown = [pose for pose in motion.people if visible(pose)]
        bodies = {p.person_id: self._bodies.get(p.person_id) or Body(p.person_id) for p in shown}
        self._bodies = bodies
        names = [name for pose in shown for name in bodies[pose.person_id].joint_names]
        angles = [bodies[pose.person_id].angles(pose) for pose in shown]
        return joint_states(names, np.concatenate(angles) if angles else np.zeros(0), wall_ns)


def _small(image: Image) -> Image:
    height, width = image.shape[:2]
    if width <= IMAGE_WIDTH:
        return image
    size = (IMAGE_WIDTH, max(1, round(height * IMAGE_WIDTH / width)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
