"""From a person's pose to what the robot's frames should do, on the robot's own proportions.

Arms    the person's directions with the robot's lengths, from wherever the robot's shoulder is:
        wrist - shoulder = upper arm's direction × upper arm + forearm's direction × forearm.
Legs    heights above the floor and steps on it are scaled by the ratio of the legs' lengths, so that the
        person's standing is the robot's standing, a crouch a crouch; feet come under the robot's own hips,
        those in contact stay where they are with the sole on the floor (`foot_plant.py`).
Turns   pelvis, torso, head and feet turn as the person's do, from how the robot's frames lie at home.
Arm     a single arm that is bolted down: the tool where the wrist is from its shoulder, scaled, in a box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from realtime.data import BodyPose
from realtime.retarget.anatomy import Anatomy
from realtime.retarget.foot_plant import FootPlant
from realtime.retarget.person import CONTACT_OF, Person, about_z
from realtime.retarget.presence import Presence
from realtime.retarget.robot_file import Arm, RobotFile
from realtime.solve.quaternions import Float64

FASTEST_M_S = 8.0
"""Of the pelvis over the floor; what jumps further was not a person."""
LOWEST_PELVIS = 0.15
"""Of the leg's length; nobody's hips come nearer to the floor."""
NO_TURN = np.eye(3)


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What the solver is to reach; robot axes, in the world of the robot."""

    points: dict[str, Float64]
    """Place → (3,) in the world: pelvis, ankles, the tool of an arm."""
    turns: dict[str, Float64]
    """Place → (3,3) in the world."""
    spans: dict[tuple[str, str], Float64]
    """(from place, to place) → (3,) vector between them, in the world."""


class TargetMaker:
    """Follows one person; remembers where feet stand and how far the robot has walked."""

    def __init__(self, file: RobotFile, anatomy: Anatomy) -> None:
        self._file, self._body = file, anatomy
        self._presence = Presence()
        self._plants = {side: FootPlant(leg) for side, leg in anatomy.legs.items()}
        self._walked: Float64 | None = None
        self._last_xy: Float64 | None = None

    def reset(self) -> None:
        """The next pose does not continue the last one. The robot stays where it stands."""
        self._last_xy = None
        self._presence.reset()
        for plant in self._plants.values():
            plant.reset()

    def update(self, person: Person, pose: BodyPose, dt_s: float) -> Targets:
        """The targets for a pose, `dt_s` after the last one; 0 for the first."""
        present = self._presence.update(pose, dt_s)
        targets = Targets({}, {}, {})
        self._turn(targets, person)
        if self._file.arm is not None:
            self._reach(targets, person, self._file.arm)
        if self._body.legs:
            self._stand(targets, person, present, dt_s)
        elif self._file.floating:
            targets.points["pelvis"] = self._walk(person, 1.0, dt_s)
            targets.points["pelvis"][2] = person.joints[0, 2]
        for side in self._body.arms:
            self._hold_arm(targets, person, side, present[f"{side}_arm"])
        return targets

    def _turn(self, targets: Targets, person: Person) -> None:
        R_home = self._body.R_home
        for place, bone in (("pelvis", "Hips"), ("torso", "Chest"), ("head", "Head")):
            if place in R_home:
                targets.turns[place] = person.bone(bone) @ R_home[place]

    def _reach(self, targets: Targets, person: Person, arm: Arm) -> None:
        reach = person.joint(f"{arm.side}_wrist") - person.joint(f"{arm.side}_shoulder")
        scale = arm.scale if arm.scale is not None else arm.reach / person.arm_m
        point = np.array(arm.origin) + scale * reach
        targets.points["tool"] = np.clip(point, arm.box_from, arm.box_to)
        targets.turns["tool"] = self._body.R_home["tool"]

    def _hold_arm(self, targets: Targets, person: Person, side: str, share: float) -> None:
        arm = self._body.arms[side]
        R_torso = person.bone("Chest")
        home_upper, home_fore = R_torso @ arm.elbow, R_torso @ (arm.wrist - arm.elbow)
        upper = person.along(f"{side}_shoulder", f"{side}_elbow") * arm.upper_m
        fore = person.along(f"{side}_elbow", f"{side}_wrist") * arm.fore_m
        upper, fore = _between(home_upper, upper, share), _between(home_fore, fore, share)
        targets.spans[f"{side}_shoulder", f"{side}_elbow"] = upper
        targets.spans[f"{side}_shoulder", f"{side}_wrist"] = upper + fore

    def _stand(self, targets: Targets, person: Person, present: dict[str, float], dt_s: float) -> None:
        body, file = self._body, self._file
        ratio = file.stretch * body.leg_m / person.leg_m
        share = min(present["left_leg"], present["right_leg"])
        middle = self._walk(person, ratio, dt_s)
        height = body.ankle_height_m + ratio * (person.joints[0, 2] - person.ankle_height_m)
        home_height = body.ankle_height_m - float(np.mean([leg.stance[2] for leg in body.legs.values()]))
        middle[2] = max(share * height + (1 - share) * home_height, LOWEST_PELVIS * body.leg_m)
        R_pelvis = targets.turns["pelvis"]
        targets.points["pelvis"] = middle - R_pelvis @ body.mid_hip
        for side in body.legs:
            self._place_foot(targets, person, side, ratio, middle, present[f"{side}_leg"], dt_s)

    def _walk(self, person: Person, ratio: float, dt_s: float) -> Float64:
        """(3,) where on the floor the middle of the hips is, z = 0: the person's steps, scaled, added up, so
        that a ratio that is still being learnt moves nobody."""
        here = person.joints[0, :2]
        if self._walked is None:
            self._walked = ratio * here
        elif self._last_xy is not None:
            step = here - self._last_xy
            far = float(np.linalg.norm(step)) / max(FASTEST_M_S * dt_s, 1e-9)
            self._walked = self._walked + ratio * step / max(far, 1.0)
        self._last_xy = here.copy()
        return np.append(self._walked, 0.0)

    def _place_foot(
        self, targets: Targets, person: Person, side: str, ratio: float, middle: Float64, share: float,
        dt_s: float,
    ) -> None:  # fmt: skip
        leg, body = self._body.legs[side], self._body
        hip = targets.points["pelvis"] + targets.turns["pelvis"] @ leg.hip
        ankle = hip + ratio * (person.joint(f"{side}_ankle") - person.joint(f"{side}_hip"))
        above = person.joint(f"{side}_ankle")[2] - person.ankle_height_m
        ankle[2] = leg.height_m + ratio * above
        stance = middle + about_z(person.heading) @ leg.stance
        stance[2] = leg.height_m
        at, R = share * ankle + (1 - share) * stance, person.bone(f"{side.title()}Foot")
        contacts = person.contacts[CONTACT_OF[side]]
        if share < 0.5:
            R, contacts = about_z(person.heading), np.ones(2)
        at, R_ankle = self._plants[side].update(at, R, contacts, dt_s)
        targets.points[f"{side}_ankle"], targets.turns[f"{side}_ankle"] = at, R_ankle
        thigh = person.along(f"{side}_hip", f"{side}_knee") * leg.thigh_m
        home = about_z(person.heading) @ (body.at_home[f"{side}_knee"] - body.at_home[f"{side}_hip"])
        targets.spans[f"{side}_hip", f"{side}_knee"] = _between(home, thigh, share)


def _between(home: Float64, other: Float64, share: float) -> Float64:
    """A vector on the way between two of the same length, of that length."""
    if share >= 1.0:
        return other
    mixed = (1 - share) * home + share * other
    size = float(np.linalg.norm(mixed))
    return home if size < 1e-6 else mixed * float(np.linalg.norm(home)) / size
