"""A few of the faults of benchmarks/robot_faults.py: every kind once, in simulated time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.robot_fault_world import Fault, complaints, play
from benchmarks.robot_faults import KINDS, judge, random_fault


@pytest.mark.parametrize("kind", KINDS)
def test_faults_are_survived(kind: str) -> None:
    """Inside all limits, stopped when it must be, following again by an arm and a ramp."""
    fault = random_fault(kind, np.random.default_rng([11, KINDS.index(kind)]))
    assert judge(play(fault, 1000 + KINDS.index(kind))) == []


def test_the_judge_sees_a_jump() -> None:
    """A judge that never complains proves nothing: a spoilt position and a start without an arm are told."""
    record = play(Fault("none", 99.0, 99.0), 1, seconds=4.0)
    assert complaints(record) == []
    spoilt = record.commands[350]
    record.commands[350] = replace(spoilt, position=spoilt.position + 0.1)
    record.arms.clear()
    found = complaints(record)
    assert "limit broken: acceleration" in found
    assert "started without being armed" in found
