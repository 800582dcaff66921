"""The whole chain in simulated time: poses → Retargeter → SteadyOutput, nothing left out.

Clips follow each other as persons do when the chosen one changes: the output holds, and goes to the next by a
ramp. Pictures are 30 a second; their poses arrive DELAY_NS later, and ticks come 100 times a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from benchmarks.robot_motion import Clip
from realtime.axes import ROS
from realtime.data import BodyPose
from realtime.retarget.build import home_root, root_limits
from realtime.retarget.guard import CollisionGuard
from realtime.retarget.retargeter import Retargeter
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_model import RobotModel
from realtime.retarget.robot_pose import RobotCommand, RobotPose, RobotState
from realtime.retarget.steady.output import SteadyOutput
from realtime.retarget.targets import Targets
from realtime.solve.quaternions import from_matrix, multiply

Floats = NDArray[np.float64]

RATE_HZ = 100.0
TICK_NS = round(1e9 / RATE_HZ)
DELAY_NS = 60_000_000
"""From the picture to its pose: a frame's time in the camera, and networks (docs/performance.md)."""

TO_ROS = from_matrix(ROS.matrix)
"""(4,) the turn from the world's axes to the robot's."""


@dataclass(eq=False)
class Recording:
    """Everything that one robot was told and did. Robot axes; sites are the places of its YAML."""

    places: tuple[str, ...]
    clips: list[int] = field(default_factory=list)
    """Which clip a frame is of."""
    seen_ns: list[int] = field(default_factory=list)
    """When a frame's picture was taken."""
    targets: list[Targets] = field(default_factory=list)
    sites: list[Floats] = field(default_factory=list)
    """(P,3) at the retargeter's output, a frame each."""
    positions: list[Floats] = field(default_factory=list)
    """(N,) likewise."""
    frame_ms: list[tuple[float, float]] = field(default_factory=list)
    """Of the processor, and of the clock on the wall; of all frames but a clip's first."""
    commands: list[RobotCommand] = field(default_factory=list)
    played: list[Floats] = field(default_factory=list)
    """(P,3) at each command: kinematic playback."""
    tick_ms: list[tuple[float, float]] = field(default_factory=list)

    @property
    def following(self) -> NDArray[np.bool_]:
        """(K,) of every tick, whether the robot was with the person."""
        return np.array([c.state is RobotState.FOLLOWING for c in self.commands])


class Chain:
    """One robot, driven through clips."""

    def __init__(self, robot: RobotModel, file: RobotFile) -> None:
        self._robot, self._retargeter = robot, Retargeter(robot, file)
        self._output = SteadyOutput(
            robot.limits, robot.home, RATE_HZ, root=root_limits(file), home_root=home_root(robot),
            guard=CollisionGuard(robot, file) if file.avoid else None,
        )  # fmt: skip
        self._data = mujoco.MjData(robot.model)
        model = robot.model
        self.recording = Recording(tuple(model.site(i).name for i in range(model.nsite)))
        self._token, self._now_ns = "", 0

    def play(self, clips: Sequence[Clip]) -> Recording:
        """All of them, one after the other."""
        arriving: list[tuple[int, RobotPose]] = []
        for number, (clip, pose, seen_ns) in enumerate(_frames(clips)):
            self._tick_until(seen_ns, arriving)
            first = not self.recording.clips or self.recording.clips[-1] != clip
            if first:
                arriving.clear()
                self._output.forget()
            arriving.append((seen_ns, self._retarget(clip, pose, seen_ns, number, first=first)))
        self._tick_until(seen_ns + TICK_NS, arriving)
        return self.recording

    def _retarget(self, clip: int, pose: BodyPose, seen_ns: int, number: int, *, first: bool) -> RobotPose:
        book = self.recording
        dt_s = np.nan if first else (seen_ns - book.seen_ns[-1]) / 1e9
        begin = time.thread_time(), time.perf_counter()
        answer = self._retargeter.retarget(pose, seen_ns, dt_s, number)
        spent = time.thread_time() - begin[0], time.perf_counter() - begin[1]
        if not first:
            book.frame_ms.append((1e3 * spent[0], 1e3 * spent[1]))
        assert self._retargeter.targets is not None
        book.clips.append(clip)
        book.seen_ns.append(seen_ns)
        book.targets.append(self._retargeter.targets)
        book.sites.append(self._sites(self._retargeter.qpos))
        book.positions.append(answer.position)
        return answer

    def _tick_until(self, end_ns: int, arriving: list[tuple[int, RobotPose]]) -> None:
        """Ticks before `end_ns`, each after the poses that have arrived by then."""
        while self._now_ns < end_ns:
            while arriving and arriving[0][0] + DELAY_NS <= self._now_ns:
                self._output.offer(arriving.pop(0)[1])
            self._tick()
            self._now_ns += TICK_NS

    def _tick(self) -> None:
        now_ns, output, book = self._now_ns, self._output, self.recording
        if not output.heartbeat(self._token, now_ns):
            self._token = output.arm(now_ns)[0]
        begin = time.thread_time(), time.perf_counter()
        command = output.tick(now_ns)
        spent = time.thread_time() - begin[0], time.perf_counter() - begin[1]
        book.tick_ms.append((1e3 * spent[0], 1e3 * spent[1]))
        book.commands.append(command)
        book.played.append(self._sites(qpos_of(self._robot, command)))

    def _sites(self, qpos: Floats) -> Floats:
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._robot.model, self._data)
        return self._data.site_xpos.copy()


def qpos_of(robot: RobotModel, command: RobotCommand) -> Floats:
    """MuJoCo's qpos of what was published."""
    root = ROS.points(command.root_world)
    turn = multiply(TO_ROS, command.root_rotation)
    return robot.full_qpos(command.position, root, turn)


def _frames(clips: Sequence[Clip]) -> Iterator[tuple[int, BodyPose, int]]:
    """(number of the clip, pose, when it was seen), every clip somebody else."""
    begin_s = 0.0
    for number, clip in enumerate(clips):
        for frame, pose in enumerate(clip.poses()):
            seen_s = begin_s + frame / clip.fps
            yield number, replace(pose, person_id=number + 1), round(1e9 * seen_s)
        begin_s += len(clip.joints) / clip.fps
