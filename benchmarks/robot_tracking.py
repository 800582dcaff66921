"""How near hands, feet and pelvis come to their scaled targets, and how late.

Against the targets of the retargeting, at its own output and at the commands. Commands come later than the
pictures they are made from. How much later is found as the lag that makes hands (the tool of an arm) fit
best: what is left then is how wrong the motion is, and the lag is how late. All frames count at the
retargeter's output, also those in which a limit forbids the target; at the commands those in which the robot
follows, ramps left out. Those in which the retargeting's answer, now and in the last SETTLE_S, asked no joint
for more than its velocity and acceleration limits are also counted by themselves: in the others no output
that keeps the limits can be with the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.robot_chain import RATE_HZ, Recording
from realtime.retarget.robot_pose import JointLimits
from realtime.retarget.targets import Targets

Floats = NDArray[np.float64]

GROUPS = {"wrist": "hands", "tool": "tool", "ankle": "feet", "pelvis": "pelvis", "elbow": "elbows"}
LAGS_S = np.arange(0.0, 0.3001, 0.005)
SETTLE_S = 0.5
"""So long a limiter needs to be with its target again."""


@dataclass(frozen=True)
class Tracking:
    """One group of places."""

    median_m: float
    p95_m: float
    played_median_m: float
    """Of the commands, at the lag."""
    played_p95_m: float
    allowed_median_m: float
    """Likewise, in frames whose motion the limits allow."""
    allowed_p95_m: float


@dataclass(frozen=True)
class Tracked:
    """All places of one robot."""

    lag_s: float
    """Of the commands behind the pictures."""
    allowed: float
    """Share of the frames, of those in which the robot follows, whose motion the limits allow."""
    groups: dict[str, Tracking]


def track(book: Recording, limits: JointLimits) -> Tracked:
    """Lag of the commands, and the errors by group."""
    wanted = {group: _wanted(book, group) for group in dict.fromkeys(GROUPS.values())}
    wanted = {group: rows for group, rows in wanted.items() if rows}
    sites, played = np.array(book.sites), np.array(book.played)
    follows, seen_s = book.following, np.array(book.seen_ns) / 1e9
    if not follows.any():
        raise SystemExit("The robot never came to follow; play it more clips.")
    key = "hands" if "hands" in wanted else "tool"
    everywhere, allowed = np.ones(len(seen_s), bool), within_limits(book, limits)

    def commanded(rows: Sequence[Row], lag: float, frames: NDArray[np.bool_] = everywhere) -> Floats:
        return _played(rows, played, follows, seen_s + lag, frames)

    lag_s = min(LAGS_S, key=lambda lag: float(np.median(commanded(wanted[key], lag))))
    out = {}
    for group, rows in wanted.items():
        found = (_errors(rows, sites), commanded(rows, lag_s), commanded(rows, lag_s, allowed))
        out[group] = Tracking(*(float(x) for errors in found for x in _percentiles(errors)))
    share = commanded(wanted[key], lag_s, allowed).shape[1] / commanded(wanted[key], lag_s).shape[1]
    return Tracked(float(lag_s), share, out)


def within_limits(book: Recording, limits: JointLimits) -> NDArray[np.bool_]:
    """(F,) whether the retargeting's answers since SETTLE_S ago could have been sent as they are."""
    position, seen_s = np.array(book.positions), np.array(book.seen_ns) / 1e9
    gap_s = np.diff(seen_s)[:, None]
    speed = np.diff(position, axis=0) / gap_s
    change = np.diff(speed, axis=0) / gap_s[1:]
    # The retargeting itself goes no faster than the limit: at it, the person is faster.
    asks = np.zeros(len(position), bool)
    asks[1:] = (np.abs(speed) > 0.999 * limits.velocity).any(axis=1)
    asks[2:] |= (np.abs(change) > limits.acceleration).any(axis=1)
    asked = np.append(0, np.cumsum(asks))
    since = np.searchsorted(seen_s, seen_s - SETTLE_S)
    return np.asarray(asked[1:] == asked[since])


def _percentiles(errors: Floats) -> Floats:
    return np.percentile(errors, [50, 95]) if errors.size else np.full(2, np.nan)


Row = tuple[int | None, int, Floats]
"""(site from which it is seen or None for the world, site, targets (F,3))."""


def _wanted(book: Recording, group: str) -> list[Row]:
    site = {name: i for i, name in enumerate(book.places)}
    rows: list[Row] = []
    for place, name in ((p, p.removeprefix("left_").removeprefix("right_")) for p in book.places):
        if GROUPS.get(name) != group:
            continue
        first = book.targets[0]
        if place in first.points:
            rows.append((None, site[place], np.array([t.points[place] for t in book.targets])))
        for start, end in first.spans:
            if end == place:
                rows.append((site[start], site[end], _spans(book.targets, (start, end))))
    return rows


def _spans(targets: Sequence[Targets], key: tuple[str, str]) -> Floats:
    return np.array([t.spans[key] for t in targets])


def _errors(rows: Sequence[Row], sites: Floats) -> Floats:
    """Metres, of all rows, (rows,F)."""
    found = []
    for start, end, target in rows:
        there = sites[:, end] if start is None else sites[:, end] - sites[:, start]
        found.append(np.linalg.norm(there - target, axis=1))
    return np.array(found)


def _played(
    rows: Sequence[Row], played: Floats, follows: NDArray[np.bool_], when_s: Floats, frames: NDArray[np.bool_]
) -> Floats:
    """Metres, of the commands at `when_s`, of those `frames` in which the robot follows then."""
    at = when_s * RATE_HZ
    low = np.minimum(at.astype(np.intp), len(played) - 2)
    inside = frames & (at <= len(played) - 1) & follows[low] & follows[low + 1]
    share = (at - low)[inside, None, None]
    sites = (1 - share) * played[low[inside]] + share * played[low[inside] + 1]
    return _errors([(start, end, target[inside]) for start, end, target in rows], sites)
