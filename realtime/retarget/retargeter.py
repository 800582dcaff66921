"""A person's pose → the pose of one robot. The person is watched, the robot answers in its own joints.

The answer is always finite and inside the position limits, whatever comes in; it is not yet smooth in time
and bounded in acceleration: that is the steady output's part.
"""

from __future__ import annotations

import numpy as np

from realtime.axes import ROS
from realtime.data import BodyPose, State
from realtime.retarget.anatomy import measure
from realtime.retarget.ik import BodyIk
from realtime.retarget.person import Person, about_z, read_person
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_model import RobotModel
from realtime.retarget.robot_pose import RobotPose
from realtime.retarget.targets import TargetMaker, Targets
from realtime.solve.quaternions import Float64, from_matrix, multiply

STEPS, FIRST_STEPS = 4, 60
"""Of the solver in a frame, and in the first one."""
SHORTEST_S, LONGEST_S, USUAL_S = 1e-3, 0.25, 1 / 30
"""Time between frames is kept inside these; the last where it is unknown."""
_FROM_ROS = from_matrix(ROS.matrix.T)
"""(4,) the turn from robot axes to the world's."""


class Retargeter:
    """Moves one robot after one person."""

    def __init__(self, robot: RobotModel, file: RobotFile) -> None:
        self.robot = robot
        self.anatomy = measure(robot, file)
        self.targets: Targets | None = None
        """What was aimed at last, to judge by."""
        self._maker = TargetMaker(file, self.anatomy)
        self._ik = BodyIk(robot, file)
        self._person_id: int | None = None
        self._following = False

    @property
    def qpos(self) -> Float64:
        """MuJoCo's qpos of the last answer, to draw or to judge."""
        return self._ik.qpos

    def retarget(self, pose: BodyPose, capture_time_ns: int, dt_s: float, body_seq: int = -1) -> RobotPose:
        """The robot's answer to a pose, `dt_s` after the one before.

        A person who is lost, or a pose that is no figure (NaN, a heap), leaves the robot where it is; such a
        pose goes on as HELD, since nothing in it was seen.
        """
        person = None if pose.state is State.LOST else read_person(pose, floating=self.robot.floating)
        state = pose.state
        if person is None:
            state = State.LOST if state is State.LOST else State.HELD
            self._following = self._following and state is not State.LOST
        else:
            self._follow(person, pose, dt_s)
        return self._answer(capture_time_ns, state, body_seq)

    def _follow(self, person: Person, pose: BodyPose, dt_s: float) -> None:
        first = self._person_id is None
        if not self._following or pose.person_id != self._person_id:
            self._maker.reset()
        self._following, self._person_id = True, pose.person_id
        dt_s = float(np.clip(dt_s, SHORTEST_S, LONGEST_S)) if np.isfinite(dt_s) else USUAL_S
        self.targets = self._maker.update(person, pose, dt_s)
        if first:
            self._ik.start(self._standing(person, self.targets))
        self._ik.solve(self.targets, FIRST_STEPS if first else STEPS, None if first else dt_s)

    def _standing(self, person: Person, targets: Targets) -> Float64:
        """MuJoCo's qpos at home, where the person is and facing as they do."""
        R = about_z(person.heading)
        root = targets.points.get("pelvis", np.zeros(3)) - R @ self.anatomy.at_home.get("pelvis", np.zeros(3))
        return self.robot.full_qpos(self.robot.home, root, from_matrix(R))

    def _answer(self, capture_time_ns: int, state: State, body_seq: int) -> RobotPose:
        root, turn = np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])
        if self.robot.floating:
            qpos = self._ik.qpos
            root = ROS.points_to_world(qpos[:3])
            # The base's own axes stay the robot's, so only the world's side changes.
            turn = multiply(_FROM_ROS, np.roll(qpos[3:7], -1))
        return RobotPose(capture_time_ns, state, self._ik.position, root, turn, body_seq)
