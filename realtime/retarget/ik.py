"""Differential inverse kinematics of the whole robot, by mink and the QP solver DAQP.

Every frame a few steps of: minimise the weighted errors of all targets and the distance to home, over a small
change of all joints and the base, such that
    every joint stays inside its position limits, and inside what its velocity limit lets it reach since the
    last frame (both are bounds of the QP, so they hold exactly, whatever the targets are),
    capsules that must not meet come no nearer than their distance allows (`collisions.py`).
No change at all always satisfies these, but for parting what is too near, which is given up where it cannot
be; so there always is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from realtime.retarget.collisions import CollisionLimit
from realtime.retarget.model_source import missing_extra
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_model import RobotModel, places
from realtime.retarget.targets import Targets
from realtime.solve.quaternions import Float64

try:
    import daqp  # noqa: F401 - the solver that qpsolvers is told to use
    import mink
    import mujoco
    import qpsolvers
except ImportError as error:
    raise missing_extra(error) from error

from realtime.retarget.leverage import Points, carrying

SOLVER = "daqp"
DAMPING = 1e-3
"""Of every step, so that a stretched limb does not whirl."""
BASE_STEP = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
"""Most the base moves in one step: metres, radians."""
JOINT_STEP = 0.15
"""Most a joint moves in one step, radians: what is known of collisions holds for small steps only."""
SETTLED = 1e-4
"""A smaller step, in radians, ends the frame."""


class SpanTask(mink.Task):  # type: ignore[misc]
    """Vectors from one site to another (S of them), in the world.

    Where the first site is does not matter, and the joints that carry the whole limb (base, waist) are not
    used: an arm's target neither pulls the body along nor turns it.
    """

    def __init__(self, model: mujoco.MjModel, spans: Sequence[_Span]) -> None:
        super().__init__(cost=np.repeat([span.cost for span in spans], 3), gain=1.0, lm_damping=0.0)
        self.k = 3 * len(spans)
        sites = [model.site(name).id for name in (*(s.start for s in spans), *(s.end for s in spans))]
        self._sites, self._count = np.array(sites, np.intp), len(spans)
        self._points = Points(model, model.site_bodyid[self._sites].astype(np.intp))
        carriers = [0 if s.carrier is None else int(model.site(s.carrier).bodyid[0]) for s in spans]
        self._own = np.array([~carrying(model, body) for body in carriers])[:, None]
        self.target = np.zeros((len(spans), 3))

    def compute_error(self, configuration: mink.Configuration) -> Float64:
        """(3S,) what there is less what should be."""
        at = configuration.data.site_xpos[self._sites]
        return np.asarray(at[self._count :] - at[: self._count] - self.target).ravel()

    def compute_jacobian(self, configuration: mink.Configuration) -> Float64:
        """(3S,nv) of the error."""
        data = configuration.data
        J = self._points.move(data, data.site_xpos[self._sites])
        return np.asarray((J[self._count :] - J[: self._count]) * self._own).reshape(self.k, -1)


class _Span(NamedTuple):
    """One vector of a SpanTask, between two places."""

    start: str
    end: str
    carrier: str | None
    """What the limb hangs on."""
    cost: float


class BodyIk:
    """The solver of one robot; keeps its configuration from frame to frame."""

    def __init__(self, robot: RobotModel, file: RobotFile) -> None:
        self._robot = robot
        self._places = places(file)
        self._configuration = mink.Configuration(robot.model, robot.full_qpos(robot.home))
        self._posture = mink.PostureTask(robot.model, cost=_posture_costs(robot, file))
        self._posture.set_target(robot.full_qpos(robot.home))
        self._weights = _Weights(file)
        self._frames: dict[str, mink.FrameTask] = {}
        self._spans: dict[tuple[tuple[str, str], ...], SpanTask] = {}
        self._limits = _collision_limits(robot, file)

    @property
    def qpos(self) -> Float64:
        """MuJoCo's qpos now."""
        return np.array(self._configuration.q)

    @property
    def position(self) -> Float64:
        """(N,) joint positions now."""
        return np.array(self._configuration.q[self._robot.qpos])

    def start(self, qpos: Float64) -> None:
        """Begin from here."""
        self._configuration.update(qpos)

    def solve(self, targets: Targets, steps: int, dt_s: float | None) -> None:
        """Move towards the targets, `dt_s` after the last frame; None: as far as it takes."""
        tasks = [self._posture, *self._frame_tasks(targets), *self._span_tasks(targets)]
        lower, upper = self._reachable(dt_s)
        for _ in range(steps):
            if self._step(tasks, lower, upper) < SETTLED:
                break

    def _reachable(self, dt_s: float | None) -> tuple[Float64, Float64]:
        """Positions (N,) that limits and velocities allow in this frame."""
        limits, position = self._robot.limits, self.position
        if dt_s is None:
            return limits.lower, limits.upper
        way = limits.velocity * dt_s
        return np.maximum(limits.lower, position - way), np.minimum(limits.upper, position + way)

    def _step(self, tasks: Sequence[mink.Task], lower: Float64, upper: Float64) -> float:
        """One step; its largest change."""
        configuration, robot = self._configuration, self._robot
        problem = mink.build_ik(configuration, tasks, dt=1.0, damping=DAMPING, limits=self._limits)
        low, high = problem.lb, problem.ub = self._bounds(lower, upper)
        solution = qpsolvers.solve_problem(problem, solver=SOLVER)
        if not solution.found and problem.h is not None:
            # What is too near cannot part within the joints' limits; it comes no nearer, then.
            problem.h = np.maximum(problem.h, 0.0)
            solution = qpsolvers.solve_problem(problem, solver=SOLVER)
        if not solution.found or solution.x is None or not np.isfinite(solution.x).all():
            return 0.0
        step = np.minimum(np.maximum(solution.x, low), high)
        qpos = configuration.integrate(step, 1.0)
        qpos[robot.qpos] = np.minimum(np.maximum(qpos[robot.qpos], lower), upper)
        configuration.update(qpos)
        return float(np.abs(step).max())

    def _bounds(self, lower: Float64, upper: Float64) -> tuple[Float64, Float64]:
        robot, position = self._robot, self.position
        low, high = np.zeros(robot.model.nv), np.zeros(robot.model.nv)
        if robot.floating:
            low[:6], high[:6] = -BASE_STEP, BASE_STEP
        low[robot.dofs] = np.minimum(np.maximum(lower - position, -JOINT_STEP), 0.0)
        high[robot.dofs] = np.minimum(np.maximum(upper - position, 0.0), JOINT_STEP)
        return low, high

    def _frame_tasks(self, targets: Targets) -> list[mink.FrameTask]:
        tasks = []
        for place in {**targets.points, **targets.turns}:
            task = self._frames.get(place)
            if task is None:
                weights = self._weights.of(place)
                at = weights[0] if place in targets.points else 0.0
                turn = weights[1] if place in targets.turns else 0.0
                task = self._frames[place] = mink.FrameTask(place, "site", at, turn, lm_damping=1e-2)
            point = targets.points.get(place, np.zeros(3))
            R = targets.turns.get(place, np.eye(3))
            if place not in targets.points:
                point = self._configuration.data.site(place).xpos
            rotation = mink.SO3.from_matrix(R)
            task.set_target(mink.SE3.from_rotation_and_translation(rotation, point))
            tasks.append(task)
        return tasks

    def _span_tasks(self, targets: Targets) -> list[SpanTask]:
        keys = tuple(targets.spans)
        if not keys:
            return []
        task = self._spans.get(keys)
        if task is None:
            spans = [_Span(a, b, self._carrier(a), self._weights.of(b)[0]) for a, b in keys]
            task = self._spans[keys] = SpanTask(self._robot.model, spans)
        task.target = np.array(list(targets.spans.values()))
        return [task]

    def _carrier(self, start: str) -> str | None:
        """What a limb hangs on: legs on the pelvis, arms on the torso."""
        names = ("pelvis",) if start.endswith("hip") else ("torso", "pelvis")
        return next((name for name in names if name in self._places), None)


class _Weights:
    """The YAML's weights by place: (of its point or span, of its turn)."""

    def __init__(self, file: RobotFile) -> None:
        w = file.weights
        turn = file.arm.turn if file.arm is not None else 0.0
        self._of = {
            "pelvis": (w.pelvis, w.pelvis_turn), "torso": (0.0, w.torso_turn), "head": (0.0, w.head_turn),
            "tool": (w.wrist, turn), "wrist": (w.wrist, 0.0), "elbow": (w.elbow, 0.0),
            "ankle": (w.foot, w.foot_turn), "knee": (w.knee, 0.0),
        }  # fmt: skip

    def of(self, place: str) -> tuple[float, float]:
        return self._of[place.removeprefix("left_").removeprefix("right_")]


def _posture_costs(robot: RobotModel, file: RobotFile) -> Float64:
    costs = np.zeros(robot.model.nv)
    for name, dof in zip(robot.joint_names, robot.dofs, strict=True):
        costs[dof] = file.weights.postures.get(name, file.weights.posture)
    return costs


def _collision_limits(robot: RobotModel, file: RobotFile) -> list[mink.Limit]:
    if not file.avoid:
        return []
    return [CollisionLimit(robot.model, file.avoid)]
