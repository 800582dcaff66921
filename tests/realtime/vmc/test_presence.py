"""Losses: held, then eased into standing, without jumps; and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lifting.skeleton import BONES
from realtime.data import BodyPose, State
from realtime.solve.forward import joints_from_rotations
from realtime.solve.quaternions import to_matrix, unit
from realtime.solve.rest import REST_JOINTS
from realtime.vmc.presence import Figure, Presence, Shown, about_vertical, heading
from tests.realtime.sinks.motions import PUBLISHED, make_pose, spoiled

_RNG = np.random.default_rng(0)
_TURNS = unit(np.concatenate([0.3 * _RNG.normal(size=(21, 3)), np.ones((21, 1))], axis=1))
POSE = replace(make_pose(_RNG), bone_rotations=_TURNS.astype(np.float32))
"""Somebody who bends all over, but not into knots."""
STEP_S = 1 / 60
LOSS = {State.TRACKING: 0.0, State.PREDICTED: 0.5, State.HELD: 2.0, State.LOST: 3.0}
"""Until when a person who is seen once, at 0, is said to be what, as the solver does it."""


def run(presence: Presence, pose: BodyPose | None, begin_s: float, seconds: float) -> list[Shown | None]:
    """What is shown while the same goes on."""
    return [presence.update(pose, begin_s + i * STEP_S) for i in range(round(seconds / STEP_S))]


def joints(figure: Figure) -> np.ndarray:
    """(26,3) of the figure on a standard body."""
    return joints_from_rotations(figure.rotations, REST_JOINTS * figure.height_m, figure.pelvis)


def test_before_anybody_was_there_nothing_is_shown() -> None:
    """No figure is made up."""
    assert run(Presence(), None, 0, 0.1) == [None] * 6


def test_the_pose_of_somebody_seen_is_shown_as_it_is() -> None:
    """Bones and pelvis to the last bit."""
    shown = Presence().update(POSE, 0.0)
    assert shown is not None
    assert shown.tracking
    assert np.array_equal(shown.figure.rotations, POSE.bone_rotations)
    assert np.array_equal(shown.figure.pelvis, POSE.root_world)


def test_states_say_what_can_be_trusted() -> None:
    """Predicted still counts as tracking, held and lost do not."""
    presence = Presence()
    told = []
    for number, state in enumerate(State):
        shown = presence.update(replace(POSE, state=state), number * STEP_S)
        told.append(shown is not None and shown.tracking)
    assert told == [True, True, False, False]


def test_a_lost_person_is_held_and_then_stands_at_ease() -> None:
    """Still for as long as asked, then without a jump to upright, arms down, feet on the floor, in place."""
    presence = Presence(rest_after_s=2.0)
    presence.update(POSE, 0.0)
    shown = [s for s in run(presence, None, STEP_S, 4.0) if s is not None]
    assert not any(s.tracking for s in shown)
    assert all(np.array_equal(s.figure.rotations, POSE.bone_rotations) for s in shown[:115])
    places = np.array([joints(s.figure) for s in shown])
    assert np.abs(np.diff(places, axis=0)).max() < 0.15  # metres in a 60th of a second
    last = shown[-1].figure
    feet = joints(last)[-4:, 1]
    assert np.abs(feet).max() < 0.05
    assert np.allclose(last.pelvis[[0, 2]], POSE.root_world[[0, 2]], atol=1e-6)
    wrist, shoulder = (BONES.index(b) for b in ("LeftHand", "LeftUpperArm"))
    assert wrist > shoulder
    assert joints(last)[14, 1] < joints(last)[12, 1] < joints(last)[10, 1]  # wrist, elbow, shoulder


@pytest.mark.parametrize("rest_after_s", [0.0, 1.0, 3.0])
def test_the_time_counts_from_when_the_person_was_last_seen(rest_after_s: float) -> None:
    """A person out of sight is predicted for half a second, held until two, lost until three, then gone: the
    avatar stands still for as long as was asked, in all of these; only while predicted it never eases."""
    presence, still_s = Presence(rest_after_s), 0.0
    for i in range(round(6.0 / STEP_S)):
        at_s = i * STEP_S
        state = next((s for s, end_s in LOSS.items() if at_s <= end_s), None)
        shown = presence.update(None if state is None else replace(POSE, state=state), at_s)
        assert shown is not None
        if np.array_equal(shown.figure.rotations, POSE.bone_rotations):
            still_s = at_s
    assert still_s == pytest.approx(max(rest_after_s, 0.5), abs=2 * STEP_S)


def test_somebody_who_returns_is_eased_to() -> None:
    """No pop; after a third of a second the pose is exactly theirs."""
    presence = Presence(rest_after_s=0.0)
    presence.update(POSE, 0.0)
    run(presence, None, STEP_S, 2.0)
    shown = [s for s in run(presence, POSE, 2.1, 0.6) if s is not None]
    places = np.array([joints(s.figure) for s in shown])
    assert np.abs(np.diff(places, axis=0)).max() < 0.3
    assert np.array_equal(shown[-1].figure.rotations, POSE.bone_rotations)
    assert all(s.tracking for s in shown)


def test_somebody_else_in_the_same_place_is_eased_to() -> None:
    """The first goes, the second is there at once, two metres away: the figure gets there in a third of a
    second without a pop, and is then exactly theirs."""
    other = replace(
        POSE, person_id=POSE.person_id + 1, root_world=POSE.root_world + np.float32([2, 0, 0]), height_m=1.5,
        bone_rotations=unit(_TURNS + 0.2 * _RNG.normal(size=(21, 4))).astype(np.float32),
    )  # fmt: skip
    presence = Presence()
    shown = [s for s in run(presence, POSE, 0.0, 0.5) + run(presence, other, 0.5, 0.5) if s is not None]
    places = np.array([joints(s.figure) for s in shown])
    assert np.abs(np.diff(places, axis=0)).max() < 0.25
    assert np.array_equal(shown[-1].figure.rotations, other.bone_rotations)
    assert np.array_equal(shown[-1].figure.pelvis, other.root_world)
    assert (shown[0].figure.height_m, shown[-1].figure.height_m) == (POSE.height_m, 1.5)
    assert all(s.tracking for s in shown)


def test_numbers_that_are_not_finite_count_as_nobody() -> None:
    """The last good pose stands, and is not called tracked."""
    for field in PUBLISHED:
        presence = Presence()
        presence.update(POSE, 0.0)
        shown = presence.update(spoiled(POSE, field), STEP_S)
        assert shown is not None
        assert not shown.tracking
        assert np.array_equal(shown.figure.rotations, POSE.bone_rotations)


def test_heading_is_the_angle_about_the_vertical() -> None:
    """Both ways, and towards the person's left where positive."""
    for angle in np.linspace(-3, 3, 13):
        assert np.isclose(heading(about_vertical(angle)), angle)
    assert np.allclose(to_matrix(about_vertical(np.pi / 2))[:, 2], [1, 0, 0], atol=1e-12)
