"""The steady output of one robot: poses in whenever they come, one safe command out at every tick.

No threads and no clock: times are given, so whole days of faults can be played in seconds. Not for two
threads at once; `loop.py` sees to that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from realtime.retarget.robot_pose import Float64, JointLimits, RobotCommand, RobotPose, RobotState
from realtime.retarget.steady.deadman import AlwaysThere, Deadman
from realtime.retarget.steady.extrapolator import Target
from realtime.retarget.steady.intake import Intake
from realtime.retarget.steady.limiter import Guard, JointLimiter
from realtime.retarget.steady.machine import Machine, Seen
from realtime.retarget.steady.root_limiter import RootLimiter, RootLimits
from realtime.retarget.steady.rotation import between

MIN_RATE_HZ, MAX_RATE_HZ = 50.0, 200.0
STALL_S, LONG_STALL_S = 0.1, 0.3
"""Ticks further apart than this: the program stood still, and goes on more slowly. Further apart than the
second, or backwards in time: nothing that it knows belongs to now."""
RAMP_S = 2.0
"""From the lowest speed to full speed."""
FORGET_S = 0.6
"""So long a loss takes the ramp back to its beginning; a blink costs less."""
SLOWEST = 0.1
"""Share of the limits' speeds at the beginning of the ramp."""
FAR_SHARE, FAR_TIMES = 0.6, 3.0
"""From here on the ramp goes so many times more slowly while the robot is still far from the person. It never
waits: somebody who keeps moving faster than such a share of the robot's speed would never be met."""
NEAR_S, NEAR_M, NEAR_RAD = 0.1, 0.15, 0.25
"""Near: joints within so many seconds of their top speed, or radians; base within metres and radians."""


@dataclass(slots=True)
class Counters:
    """What happened so far."""

    poses: int = 0
    refused: int = 0
    """Poses that were no poses."""
    doubted: int = 0
    """Poses put aside because they came out of nowhere."""
    stalls: int = 0
    """Times the program stood still, or its clock jumped."""


class SteadyOutput:
    """Fixed rate in, fixed rate out; limits kept at every tick, whatever is offered."""

    def __init__(
        self,
        limits: JointLimits,
        home: Float64,
        rate_hz: float = 100.0,
        *,
        root: RootLimits | None = None,
        home_root: tuple[Float64, Float64] | None = None,
        guard: Guard | None = None,
        self_arming: bool = False,
    ) -> None:
        """Stands in `home` (N,), disarmed. `home_root`: position (3,) metres and rotation (4,) xyzw.

        `guard` keeps links apart on the way (realtime/retarget/guard.py).
        `self_arming` is for simulations: armed whenever somebody is there, until a stop is asked for.
        Raises ValueError for a rate outside 50..200 Hz or a home that is not N finite numbers.
        """
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"the rate must lie in {MIN_RATE_HZ:g}..{MAX_RATE_HZ:g} Hz, got {rate_hz}")
        self.limits, self.rate_hz, self.period_s = limits, rate_hz, 1 / rate_hz
        root = root or RootLimits()
        position, rotation = home_root or (np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))
        self._joints = JointLimiter(limits, home, self.period_s, guard)
        self._root = RootLimiter(root, position, rotation, self.period_s)
        self._intake = Intake(limits, root)
        self._machine = Machine()
        self._deadman: Deadman = AlwaysThere() if self_arming else Deadman()
        self._self_arming = self_arming
        self._ramp, self._restarts = 0.0, 0
        self._tick = 0
        self._last_ns: int | None = None
        self._counters = Counters()

    @property
    def state(self) -> RobotState:
        """As of the last command."""
        return self._machine.state

    @property
    def reason(self) -> str:
        """Why it is not following; empty while it is."""
        return self._machine.reason

    @property
    def at_rest(self) -> bool:
        """True when neither joints nor base move."""
        return self._joints.at_rest and self._root.at_rest

    @property
    def counters(self) -> Counters:
        """The books so far."""
        self._counters.refused, self._counters.doubted = self._intake.refused, self._intake.doubted
        return self._counters

    def offer(self, pose: RobotPose, seen_ns: int | None = None) -> None:
        """A new pose. `seen_ns`: when its picture was taken on the clock of `tick`; None: its capture time
        is on that clock."""
        self._counters.poses += 1
        self._intake.offer(pose, pose.capture_time_ns if seen_ns is None else seen_ns)

    def forget(self) -> None:
        """What comes next is somebody else: hold, then go there by a ramp."""
        self._intake.forget()

    def arm(self, now_ns: int) -> tuple[str, str]:
        """(token, refusal): one of them is empty. Heartbeats with the token must follow at once."""
        if self._machine.refusal:
            return "", self._machine.refusal
        self._machine.arm()
        self._ramp = 0.0
        return self._deadman.take(now_ns), ""

    def heartbeat(self, token: str, now_ns: int) -> bool:
        """Whoever armed is still there; False when this token did not arm, or came too late."""
        return self._machine.active and self._deadman.beat(token, now_ns)

    def holds(self, token: str) -> bool:
        """True for the token that armed last."""
        return self._deadman.holds(token)

    def stop(self, reason: str = "stopped") -> None:
        """Brake, stand, and start nothing before a new arm."""
        self._machine.stop(reason)
        self._self_arming = False
        self._deadman.drop()

    def estop(self, reason: str = "emergency stop") -> None:
        """Emergency stop: said at once, braked at full acceleration."""
        self._machine.estop(reason)
        self._self_arming = False
        self._deadman.drop()

    def reset(self) -> None:
        """Out of the emergency stop, into disarmed."""
        self._machine.reset()

    def tick(self, now_ns: int) -> RobotCommand:
        """The next command. Call it once a period; if that fails, motion slows down and never catches up."""
        elapsed_s = self._elapsed(now_ns)
        loss = self._intake.loss(now_ns)
        if self._self_arming and not loss and not self._machine.refusal:
            self.arm(now_ns)
        target = None if loss else self._intake.target(now_ns)
        self._advance_ramp(elapsed_s, target)
        self._machine.step(Seen(elapsed_s, loss, self._deadman.live(now_ns), self.at_rest, self._ramp >= 1.0))
        if target is not None and self._machine.moves:
            self._follow(target)
        else:
            self._joints.brake()
            self._root.brake()
        return self._command(now_ns)

    def _elapsed(self, now_ns: int) -> float:
        """Seconds since the last tick; sees to it that a clock which stood or jumped does no harm."""
        last_ns, self._last_ns = self._last_ns, now_ns
        if last_ns is None:
            return self.period_s
        elapsed_s = (now_ns - last_ns) / 1e9
        if 0 <= elapsed_s <= STALL_S:
            return elapsed_s
        self._counters.stalls += 1
        self._ramp = max(0.0, self._ramp - abs(elapsed_s) / FORGET_S)
        if not 0 <= elapsed_s <= LONG_STALL_S:
            self._intake.forget()
            self._ramp = 0.0
        return max(elapsed_s, self.period_s)

    def _advance_ramp(self, elapsed_s: float, target: Target | None) -> None:
        if self._intake.restarts != self._restarts:
            self._restarts, self._ramp = self._intake.restarts, 0.0
        if target is None or not self._machine.active:
            self._ramp = max(0.0, self._ramp - elapsed_s / FORGET_S)
            return
        slow = FAR_SHARE <= self._ramp < 1.0 and not self._near(target)
        self._ramp = min(1.0, self._ramp + elapsed_s / (RAMP_S * (FAR_TIMES if slow else 1.0)))

    def _near(self, target: Target) -> bool:
        position = np.clip(target.position, self.limits.lower, self.limits.upper)
        joints = np.abs(position - self._joints.position) <= np.maximum(
            NEAR_S * self.limits.velocity, NEAR_RAD
        )
        moved = float(np.linalg.norm(target.root_world - self._root.position))
        turned = float(np.linalg.norm(between(self._root.rotation, target.root_rotation)))
        return bool(joints.all()) and moved <= NEAR_M and turned <= NEAR_RAD

    def _follow(self, target: Target) -> None:
        scale = SLOWEST + (1 - SLOWEST) * self._ramp**2
        self._joints.follow(target.position, target.velocity, scale)
        self._root.follow(
            target.root_world, target.root_rotation, target.root_velocity, target.root_spin, scale
        )

    def _command(self, now_ns: int) -> RobotCommand:
        last = self._intake.last
        tick, self._tick = self._tick, self._tick + 1
        return RobotCommand(
            tick=tick,
            time_ns=now_ns,
            capture_time_ns=-1 if last is None else last[1].capture_time_ns,
            body_seq=-1 if last is None else last[1].body_seq,
            state=self._machine.state,
            reason=self._machine.reason,
            position=self._joints.position,
            velocity=self._joints.velocity,
            root_world=self._root.position,
            root_rotation=self._root.rotation,
        )
