"""What is right and what is wrong with a robot: proportions, home, self-collision, and a motion to try it.

`load_robot` and `load_model` say what cannot be read at all; here it is looked at what can.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import mujoco
import numpy as np

from lifting.skeleton import SEALCAP26
from realtime.retarget.anatomy import Anatomy
from realtime.retarget.collisions import CollisionLimit
from realtime.retarget.retargeter import Retargeter
from realtime.retarget.robot_file import RobotFile
from realtime.retarget.robot_limits import outside_limits
from realtime.retarget.robot_model import RobotModel
from realtime.retarget.targets import Targets
from realtime.retarget.trial import STATURE_M, routine
from realtime.solve.quaternions import Float64
from realtime.solve.rest import REST_LENGTHS

FPS = 30.0
WRONG_M, DOUBTFUL_M = 0.10, 0.03
"""Median tracking errors above these are wrong, or worth a look."""
SLOW_MS, TOUCHING_M = 5.0, -0.01


class Verdict(StrEnum):
    """How good a finding is."""

    GOOD = "ok"
    DOUBTFUL = "look"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    verdict: Verdict
    what: str
    text: str


def check_robot(robot: RobotModel, file: RobotFile, seconds: float = 26.0) -> Iterator[Finding]:
    """Everything there is to say, the quick things first. Raises ConfigError for limbs without length."""
    yield _model(robot)
    yield from _limits(robot)
    yield _home(robot, file)
    retargeter = Retargeter(robot, file)
    yield from _shape(retargeter.anatomy, file)
    yield _meeting_at_home(robot, file)
    yield from _trial(retargeter, file, seconds)


def _model(robot: RobotModel) -> Finding:
    base = "floating" if robot.floating else "bolted down"
    return Finding(Verdict.GOOD, "model", f"{len(robot.joint_names)} joints, {robot.mass_kg:.1f} kg, {base}")


def _limits(robot: RobotModel) -> Iterator[Finding]:
    limits = robot.limits
    fastest, strongest = float(limits.velocity.max()), float(limits.acceleration.max())
    text = f"velocities up to {fastest:.3g}, accelerations up to {strongest:.3g} rad/s, rad/s²"
    yield Finding(Verdict.GOOD, "limits", text)
    brake_s = limits.velocity / limits.acceleration
    slow = [n for n, s in zip(limits.names, brake_s, strict=True) if s > 0.5]
    if slow:
        text = f"{_some(slow)} would need over 0.5 s to brake from full speed; is the acceleration right?"
        yield Finding(Verdict.DOUBTFUL, "limits", text)


def _home(robot: RobotModel, file: RobotFile) -> Finding:
    outside = outside_limits(robot.limits, file)
    if outside:
        return Finding(Verdict.WRONG, "home", f"outside the limits: {_some(outside)}. Set them under `home:`")
    return Finding(Verdict.GOOD, "home", "inside the limits")


def _shape(body: Anatomy, file: RobotFile) -> Iterator[Finding]:
    """Proportions against a person of 1.70 m, and whether left is left and the front in front."""
    for parts, metres in (
        ("legs", body.leg_m if body.legs else None),
        ("arms", float(np.mean([a.upper_m + a.fore_m for a in body.arms.values()])) if body.arms else None),
    ):
        if metres is not None:
            ratio = metres / _persons(parts)
            verdict = Verdict.GOOD if 0.3 < ratio < 2 else Verdict.DOUBTFUL
            yield Finding(verdict, parts, f"{metres:.3f} m, {ratio:.2f} of a person's of {STATURE_M} m")
    for side, leg in body.legs.items():
        if leg.height_m <= 0:
            yield Finding(Verdict.WRONG, "feet", f"{side}_heel and {side}_toe must lie below the ankle")
        if body.at_home[f"{side}_toe"][0] < body.at_home[f"{side}_heel"][0] - 1e-6:
            yield Finding(Verdict.WRONG, "feet", f"{side}_toe lies behind {side}_heel; the robot faces +x")
    for part in ("hip", "shoulder"):
        left, right = (body.at_home.get(f"{side}_{part}") for side in ("left", "right"))
        if left is not None and right is not None and left[1] <= right[1]:
            yield Finding(Verdict.WRONG, part, f"left_{part} is not to the left (+y) of right_{part}")
    if file.body.left_ankle is not None and not file.capsules and not file.avoid:
        yield Finding(Verdict.DOUBTFUL, "avoid", "no pairs: nothing keeps the robot's limbs apart")


def _persons(parts: str) -> float:
    """Length of a person's legs or arms, metres."""
    names = ("left_knee", "left_ankle") if parts == "legs" else ("left_elbow", "left_wrist")
    return STATURE_M * float(REST_LENGTHS[SEALCAP26.indices(*names)].sum())


def _meeting_at_home(robot: RobotModel, file: RobotFile) -> Finding:
    if not file.avoid:
        return Finding(Verdict.GOOD, "self-collision", "nothing to keep apart (`avoid:` is empty)")
    data = mujoco.MjData(robot.model)
    data.qpos[:] = robot.full_qpos(robot.home)
    mujoco.mj_kinematics(robot.model, data)
    metres, pair = CollisionLimit(robot.model, file.avoid).deepest_m(data)
    names = " and ".join(robot.model.geom(geom).name for geom in pair)
    if metres < 0:
        text = f"at home {names} overlap by {-1000 * metres:.0f} mm; change `home:` or the capsules"
        return Finding(Verdict.WRONG, "self-collision", text)
    return Finding(Verdict.GOOD, "self-collision", f"at home nearest: {names}, {1000 * metres:.0f} mm")


def _trial(retargeter: Retargeter, file: RobotFile, seconds: float) -> Iterator[Finding]:
    """The synthetic routine: stand, walk a circle, turn, sit, wave."""
    robot = retargeter.robot
    data, errors, ms = mujoco.MjData(robot.model), dict[str, list[float]](), []
    pairs, nearest, inside = CollisionLimit(robot.model, file.avoid), np.inf, True
    for pose in routine(seconds, FPS):
        begin = time.thread_time()
        answer = retargeter.retarget(pose, 0, 1 / FPS)
        ms.append(1e3 * (time.thread_time() - begin))
        data.qpos[:] = retargeter.qpos
        mujoco.mj_kinematics(robot.model, data)
        assert retargeter.targets is not None
        for place, error_m in tracking_errors(data, retargeter.targets).items():
            errors.setdefault(place, []).append(error_m)
        nearest = min(nearest, pairs.deepest_m(data)[0])
        limits = robot.limits
        inside &= bool(((answer.position >= limits.lower) & (answer.position <= limits.upper)).all())
    yield from _followed(errors)
    verdict = Verdict.GOOD if inside else Verdict.WRONG
    yield Finding(verdict, "in motion", "inside the limits" if inside else "outside the limits")
    if nearest < TOUCHING_M:
        yield Finding(Verdict.DOUBTFUL, "in motion", f"limbs overlap by up to {-1000 * nearest:.0f} mm")
    p50, p99 = np.percentile(ms[1:], [50, 99])
    verdict = Verdict.GOOD if p99 <= SLOW_MS else Verdict.DOUBTFUL
    yield Finding(verdict, "compute", f"{p50:.1f} ms of one core per frame, p99 {p99:.1f} ms")


def tracking_errors(data: mujoco.MjData, targets: Targets) -> dict[str, float]:
    """Distance of every place from its target, metres; of limbs' ends as seen from where the limb begins."""
    out = {p: float(np.linalg.norm(data.site(p).xpos - point)) for p, point in targets.points.items()}
    for (start, end), span in targets.spans.items():
        has: Float64 = data.site(end).xpos - data.site(start).xpos
        out[end] = float(np.linalg.norm(has - span))
    return out


def _followed(errors: dict[str, list[float]]) -> Iterator[Finding]:
    for place in sorted(errors):
        median, p95 = np.percentile(errors[place], [50, 95])
        strict = place.endswith(("wrist", "ankle", "tool", "pelvis"))
        verdict = Verdict.GOOD
        if median > DOUBTFUL_M:
            verdict = Verdict.WRONG if strict and median > WRONG_M else Verdict.DOUBTFUL
        text = f"median {100 * median:.1f} cm from its target, 95 % within {100 * p95:.1f} cm"
        yield Finding(verdict, place, text)


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
