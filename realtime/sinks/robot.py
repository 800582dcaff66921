"""Robot output: the chosen person → one robot's joints → a steady stream of safe commands.

This sink's thread retargets; a second one ticks at a fixed rate whatever happens here; each transport has one
of its own, and so has the control port. When anything ends or fails here, the robot is braked and told so.
"""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np

from realtime.data import BodyPose, Frame, Motion, State
from realtime.exposure import Listener, Listens
from realtime.retarget.robot_pose import Float64, RobotPose
from realtime.retarget.steady.control import ControlPort
from realtime.retarget.steady.loop import SteadyLoop
from realtime.sinks.one_person import Places

log = logging.getLogger(__name__)

OLDEST_STAMP_NS = 1_000_000_000
"""A capture time further from the arrival than this is on another clock: media time. A camera's is nearer
(`CameraSource`), and one that old must count: it is no news any more, and nobody follows it."""


class Retargets(Protocol):
    """What realtime.retarget.retargeter.Retargeter does."""

    def retarget(self, pose: BodyPose, capture_time_ns: int, dt_s: float, body_seq: int = -1) -> RobotPose:
        """The robot's answer to a pose, `dt_s` after the one before."""


class RobotSink:
    """Moves one robot after one person."""

    queue = 1

    def __init__(
        self,
        name: str,
        retargeter: Retargets,
        home: Float64,
        loop: SteadyLoop,
        control: ControlPort,
        *,
        self_arming: bool = False,
    ) -> None:
        """`home` (N,) stands for joints of nobody. `self_arming` only decides what is said at the start."""
        self.loop, self.control = loop, control
        self.robot = name
        self._retargeter, self._home = retargeter, home
        self._self_arming = self_arming
        self._places = Places()
        self._person: int | None = None
        self._last_ns: int | None = None

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"robot {self.robot}"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What of it other machines can reach."""
        parts = [outlet.transport for outlet in self.loop.outlets]
        return tuple(
            listener
            for part in (*parts, self.control)
            if isinstance(part, Listens)
            for listener in part.listeners
        )

    def open(self) -> None:
        """Bind and begin to publish the home pose. Raises SinkError."""
        self.control.open()
        self.loop.start()
        if self._self_arming:
            log.warning("The robot's output arms itself (--robot-armed): for simulations only.")
        else:
            where = self.control.endpoint
            log.warning("The robot stands, disarmed. To let it move: sealcap robot arm %s", where)

    def write(self, motion: Motion) -> None:
        """Retarget the chosen person and hand the pose to the loop."""
        person = self._places.fill(motion)[0]
        seen_ns = seen_at(motion.frame)
        if person is None:
            self._last_ns = None
            self.loop.offer(self._nobody(motion), seen_ns)
            return
        if self._person is not None and person.person_id != self._person:
            self.loop.forget()
        self._person = person.person_id
        pose = self._retargeter.retarget(
            person, motion.frame.capture_time_ns, self._elapsed(motion.frame), motion.seq
        )
        self.loop.offer(pose, seen_ns)

    def close(self) -> None:
        """Brake, say so, release; idempotent."""
        if not self.loop.close():
            log.warning("%s is still braking; the program ends when it stands.", self.name)
        self.control.close()
        with self.loop.output() as output:
            log.info("%s: %s, %s", self.name, self.loop.punctuality, output.counters)

    def _elapsed(self, frame: Frame) -> float:
        """Seconds since the last picture with a person; NaN where unknown."""
        before_ns, self._last_ns = self._last_ns, frame.capture_time_ns
        return np.nan if before_ns is None else (frame.capture_time_ns - before_ns) / 1e9

    def _nobody(self, motion: Motion) -> RobotPose:
        identity = np.array([0.0, 0.0, 0.0, 1.0])
        return RobotPose(
            motion.frame.capture_time_ns, State.LOST, self._home, np.zeros(3), identity, motion.seq
        )


def seen_at(frame: Frame) -> int:
    """When the picture was taken, on the monotonic clock; for files, when it was handed out."""
    age_ns = frame.received_ns - frame.capture_time_ns
    return frame.capture_time_ns if 0 <= age_ns < OLDEST_STAMP_NS else frame.received_ns
