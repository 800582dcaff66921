"""A simulated operator, camera and clock around the steady output, with one fault each, and a judge.

Time is simulated: ticks at 100 Hz, pictures at 30 per second that arrive 60 ms later, heartbeats at 20 Hz.
The operator arms at the start, and again a second after the output stopped. The judge knows nothing of the
output's insides: it sees commands, and what the operator and the camera really did.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from lifting.errors import WireError
from realtime.data import State
from realtime.retarget.robot_pose import JointLimits, RobotCommand, RobotPose, RobotState
from realtime.retarget.steady.control_wire import decode_request
from realtime.retarget.steady.output import SteadyOutput
from realtime.retarget.steady.root_limiter import RootLimits
from realtime.retarget.steady.rotation import between, turned

RATE_HZ, FPS, LATENCY_S, BEAT_S = 100.0, 30.0, 0.06, 0.05
NAMES = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "hip", "knee"))
N = len(NAMES)
SWAPPED = [*range(N // 2, N), *range(N // 2)]
LIMITS = JointLimits(NAMES, np.full(N, -1.6), np.full(N, 1.6), np.full(N, 6.0), np.full(N, 30.0))
ROOT = RootLimits()
BRAKE_S = max(
    6.0 / 30.0, ROOT.velocity / ROOT.acceleration, ROOT.angular_velocity / ROOT.angular_acceleration
)
MOVING = (RobotState.RAMPING, RobotState.FOLLOWING)
STANDING = (RobotState.STOPPED, RobotState.DISARMED)
START_NS = 10**12


@dataclass
class Fault:
    """What goes wrong between two times, seconds. Each function may change what the world does then."""

    name: str
    begin_s: float
    end_s: float
    pose: Callable[[RobotPose, np.random.Generator], RobotPose | None] = lambda pose, _: pose
    """The pose that comes out of the camera instead, or None."""
    seen_shift_ns: int = 0
    """The camera's stamps are wrong by so much."""
    clock_jump_ns: int = 0
    """The clock jumps so far at `begin_s`, once."""
    frozen: bool = False
    plausible: bool = False
    """Nobody can tell that the picture is wrong, once it lasts."""
    suspended: bool = False
    """Our whole process stands still; what arrived meanwhile comes at once afterwards."""
    no_beats: bool = False
    garbage: bool = False

    def on(self, t: float) -> bool:
        """Whether it is going on."""
        return self.begin_s <= t < self.end_s


@dataclass
class Record:
    """What happened at every tick."""

    t: list[float] = field(default_factory=list)
    commands: list[RobotCommand] = field(default_factory=list)
    news_age: list[float] = field(default_factory=list)
    """Seconds since a true picture of the moving person was handed over."""
    beat_age: list[float] = field(default_factory=list)
    patience_s: float = 0.0
    """What the output may take longer to notice: a picture that stands still is news at first."""
    arms: list[float] = field(default_factory=list)
    """When the operator armed, with success."""
    garbage: int = 0


class Person:
    """Swings all joints and wanders about, never faster than a person does."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._size = rng.uniform(0.1, 0.7, N)
        self._pace = rng.uniform(0.8, 4.0, N)
        self._phase = rng.uniform(0, 2 * math.pi, N)
        self._offset = rng.uniform(-0.4, 0.4, N)

    def pose(self, t: float, seq: int, rng: np.random.Generator) -> RobotPose:
        """As retargeted from the picture taken at `t`, with a camera's noise."""
        joints = self._offset + self._size * np.sin(self._pace * t + self._phase) + rng.normal(0, 0.005, N)
        root = np.array([0.3 * math.sin(t), 0.9, 0.2 * math.cos(0.7 * t)]) + rng.normal(0, 0.003, 3)
        turn = turned(np.array([0.0, 0.0, 0.0, 1.0]), np.array([0.0, 0.5 * math.sin(0.8 * t), 0.0]))
        return RobotPose(START_NS + round(t * 1e9), State.TRACKING, joints, root, turn, seq)


def play(fault: Fault, seed: int, seconds: float = 14.0) -> Record:
    """One run with one fault."""
    world = _World(fault, np.random.default_rng([7, seed]))
    for k in range(round(seconds * RATE_HZ)):
        world.step(k / RATE_HZ)
    return world.record


class _World:
    def __init__(self, fault: Fault, rng: np.random.Generator) -> None:
        self.record = Record(patience_s=1.1 if fault.frozen else 0.0)
        self._fault, self._rng, self._person = fault, rng, Person(rng)
        self._output = SteadyOutput(LIMITS, np.zeros(N), RATE_HZ, root=ROOT)
        self._frame, self._waiting = 0, list[tuple[float, RobotPose | None, int, bool]]()
        self._frozen: RobotPose | None = None
        self._token, self._armed_s, self._stopped_s = "", -1.0, 0.0
        self._beat_s, self._news_s, self._next_beat_s = -math.inf, -math.inf, 0.0

    def step(self, t: float) -> None:
        """One hundredth of a second."""
        fault = self._fault
        self._photograph(t)
        if fault.suspended and fault.on(t):
            return
        now_ns = START_NS + round(t * 1e9) + (fault.clock_jump_ns if t >= fault.begin_s else 0)
        self._deliver(t, now_ns)
        self._operate(t, now_ns)
        if fault.garbage and fault.on(t):
            self._garbage(now_ns)
        self._note(t, self._output.tick(now_ns))

    def _photograph(self, t: float) -> None:
        while self._frame / FPS <= t:
            taken, self._frame = self._frame / FPS, self._frame + 1
            true = self._person.pose(taken, self._frame, self._rng)
            on = self._fault.on(taken)
            shown: RobotPose | None = self._fault.pose(true, self._rng) if on else true
            if on and self._fault.frozen:
                self._frozen = shown = self._frozen or true
                shown = replace(shown, capture_time_ns=true.capture_time_ns)
            seen_ns = START_NS + round(taken * 1e9) + (self._fault.seen_shift_ns if on else 0)
            seen_ns += self._fault.clock_jump_ns if taken >= self._fault.begin_s else 0
            late = max(0.0, self._rng.normal(LATENCY_S, 0.006))
            self._waiting.append(
                (taken + late, shown, seen_ns, shown is true or (on and self._fault.plausible))
            )

    def _deliver(self, t: float, now_ns: int) -> None:
        here = [item for item in self._waiting if item[0] <= t]
        self._waiting = [item for item in self._waiting if item[0] > t]
        for _, pose, seen_ns, true in here:
            if pose is not None:
                self._output.offer(pose, seen_ns)
                if true and now_ns - seen_ns < 0.5e9:
                    self._news_s = t

    def _operate(self, t: float, now_ns: int) -> None:
        if self._output.state in (RobotState.DISARMED, RobotState.STOPPED):
            if t - self._stopped_s >= 1.0 and not self._fault.on(t):
                self._token, refusal = self._output.arm(now_ns)
                if not refusal:
                    self._beat_s, self._next_beat_s = t, t + BEAT_S
                    self.record.arms.append(t)
        else:
            self._stopped_s = t
        if self._token and t >= self._next_beat_s and not (self._fault.no_beats and self._fault.on(t)):
            self._next_beat_s = t + BEAT_S
            if self._output.heartbeat(self._token, now_ns):
                self._beat_s = t

    def _garbage(self, now_ns: int) -> None:
        """Bytes by chance, broken messages, tokens by chance: what the control port would do with them."""
        size = int(self._rng.integers(0, 60))
        data = self._rng.bytes(size)
        if self._rng.random() < 0.5:
            data = b"\x83\xa1v\x01\xa3cmd\xa9heartbeat\xa5token\xa4" + self._rng.bytes(4)
        try:
            request = decode_request(data)
        except WireError:
            self.record.garbage += 1
            return
        self._output.heartbeat(request.token, now_ns)

    def _note(self, t: float, command: RobotCommand) -> None:
        record = self.record
        record.t.append(t)
        record.commands.append(command)
        record.news_age.append(t - self._news_s)
        record.beat_age.append(t - self._beat_s)


def complaints(record: Record) -> list[str]:
    """What the output did that it must never do; empty for a good run."""
    return [*_limits(record.commands), *_stops(record), *_resumes(record)]


def _limits(commands: list[RobotCommand]) -> list[str]:
    """Differences from one message to the next, whatever the clock did between them."""
    q = np.array([command.position for command in commands])
    p = np.array([command.root_world for command in commands])
    r = [command.root_rotation for command in commands]
    qd, pd = np.diff(q, axis=0) * RATE_HZ, np.diff(p, axis=0) * RATE_HZ
    w = np.array([between(a, b) for a, b in pairwise(r)]) * RATE_HZ

    def length(v: np.ndarray) -> np.ndarray:
        return np.linalg.norm(v, axis=1)

    broken = {
        "position": ((q < LIMITS.lower) | (q > LIMITS.upper)).any(),
        "velocity": (np.abs(qd) > LIMITS.velocity).any(),
        "acceleration": (np.abs(np.diff(qd, axis=0)) * RATE_HZ > LIMITS.acceleration).any(),
        "root velocity": (length(pd) > ROOT.velocity).any(),
        "root acceleration": (length(np.diff(pd, axis=0)) * RATE_HZ > ROOT.acceleration).any(),
        "root turning": (length(w) > ROOT.angular_velocity).any(),
        "root turning faster": (length(np.diff(w, axis=0)) * RATE_HZ > ROOT.angular_acceleration).any(),
        "not finite": not (np.isfinite(q).all() and np.isfinite(p).all() and np.isfinite(w).all()),
        "tick": [command.tick for command in commands] != list(range(len(commands))),
    }
    return [f"limit broken: {name}" for name, is_broken in broken.items() if is_broken]


def _stops(record: Record) -> list[str]:
    """Nobody moves without news and heartbeat; long without either, the output is stopped."""
    found = set()
    followed, alone = False, 0
    for i, command in enumerate(record.commands):
        state, news_s = command.state, record.news_age[i] - record.patience_s
        followed = followed or state in MOVING
        alone = alone + 1 if record.beat_age[i] > 0.32 else 0
        active = state in (*MOVING, RobotState.HOLDING)
        armed_s = record.t[i] - max((t for t in record.arms if t <= record.t[i]), default=0.0)
        broken = {
            "moves without news of the person": state in MOVING and news_s > 0.55,
            "moves without a heartbeat": state in MOVING and alone > 0,
            "not stopped without a heartbeat": active and alone / RATE_HZ > BRAKE_S + 0.05,
            "not stopped after a long loss": active and followed and min(news_s, armed_s) > 3.2,
            "moves while stopped": state in STANDING and command.velocity.any(),
        }
        found |= {name for name, is_broken in broken.items() if is_broken}
    return sorted(found)


def _resumes(record: Record) -> list[str]:
    """Standing → moving only by an arm; always by a ramp, and slowly at first."""
    found = set()
    quiet_s, ramp_s = math.inf, -math.inf
    before = RobotState.DISARMED
    for t, command in zip(record.t, record.commands, strict=True):
        state = command.state
        standing = before in (*STANDING, RobotState.ESTOP)
        if standing and state in (*MOVING, RobotState.HOLDING) and t not in record.arms:
            found.add("started without being armed")
        if state is RobotState.FOLLOWING and before not in MOVING:
            found.add("followed without a ramp")
        if state in MOVING and before not in MOVING:
            ramp_s = t if t - quiet_s >= 0.8 or quiet_s is math.inf else ramp_s
        if state not in MOVING and before in MOVING:
            quiet_s, ramp_s = t, -math.inf
        if t - ramp_s < 0.3 and state in MOVING and (np.abs(command.velocity) > 0.2 * LIMITS.velocity).any():
            found.add("ramp begins too fast")
        before = state
    return sorted(found)


def outcome(record: Record, fault: Fault) -> str:
    """In one word, what the robot did about it."""
    span = [c.state for t, c in zip(record.t, record.commands, strict=True) if t >= fault.begin_s]
    if RobotState.STOPPED in span:
        return "stopped"
    if RobotState.HOLDING in span:
        return "held"
    return "ramped" if RobotState.RAMPING in span else "followed"
