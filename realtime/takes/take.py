"""One person's motion at a constant rate: what every export writes.

A session holds frames at the times at which the camera took them. Files want a fixed rate and a skeleton of
constant bones, so the frames are resampled by their timestamps (rotations on the sphere, places linearly) and
the joints are those that the take's own skeleton has with these rotations: all files of a take agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifting.errors import SessionError
from realtime.rest_pose import bone_heads
from realtime.sinks.wire import PersonPose
from realtime.solve.forward import measure_rest, place_joints, world_rotations
from realtime.solve.quaternions import same_sign, to_matrix

Float64 = NDArray[np.float64]

COMMON_RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0)
"""A measured rate within 3 % of one of these is taken for it."""
GAP_S = 0.25
"""Longer without a frame, and the frames between are marked as not present."""
MAX_FRAMES = 4_000_000
"""18 hours at 60 fps."""
SMALLEST_STEP_NS = 1_000
"""Frames nearer to each other count once."""


@dataclass(frozen=True, eq=False)
class Take:
    """N frames of one person. World axes (right-handed, Y up, the person's left is +X facing +Z), metres."""

    name: str
    """Of the session it comes from, without suffix."""
    person_id: int
    fps: float
    captured_fps: float
    """Median rate of the frames it was made from."""
    start_wall_ns: int
    """Wall-clock time of the first frame, nanoseconds since 1970."""
    joints_world: Float64
    """(N,26,3) SEALCAP26; the pelvis is the root."""
    bone_rotations: Float64
    """(N,21,4) xyzw, local, of BONES; row 0 relative to the world; rest = T-pose; continuous in sign."""
    confidence: Float64
    """(N,26) 0..1."""
    observed: NDArray[np.bool_]
    """(N,26) seen, not inferred."""
    contacts: Float64
    """(N,4) of CONTACTS, 0..1."""
    states: tuple[str, ...]
    """(N) of the nearest recorded frame: tracking, predicted, held, lost."""
    present: NDArray[np.bool_]
    """(N,) False inside gaps of the recording, where the motion is only interpolated."""
    rest_joints: Float64
    """(26,3) T-pose of this person, pelvis at 0."""
    height_m: float

    def __len__(self) -> int:
        return len(self.joints_world)

    @property
    def rest_heads(self) -> Float64:
        """(21,3) where each bone begins in the rest pose, pelvis at 0."""
        return bone_heads(self.rest_joints)

    @property
    def rest_pelvis_height_m(self) -> float:
        """Of the pelvis above the soles in the rest pose."""
        return -float(self.rest_joints[:, 1].min())

    @property
    def times_s(self) -> Float64:
        """(N,) from the first frame."""
        return np.arange(len(self)) / self.fps


def make_take(
    name: str,
    people: Sequence[PersonPose],
    capture_time_ns: Sequence[int],
    wall_offset_ns: int,
    fps: float | None = None,
) -> Take:
    """Resample the frames of one person.

    Raises ValueError without frames, SessionError when they span an absurd time.
    `fps`: rate of the take; None takes the measured one.
    """
    time_ns, kept = _rising(np.array(capture_time_ns, np.int64))
    people = [people[i] for i in kept]
    captured = _median_rate(time_ns)
    rate = fps if fps is not None else _nearest_common(captured)
    grid_ns = time_ns[0] + np.arange(_count(time_ns, rate, name)) * (1e9 / rate)
    at = _Between(time_ns, grid_ns)
    local = _continuous(_stack(people, "bone_rotations"))
    joints = _stack(people, "joints")
    rest = np.median([measure_rest(q, j) for q, j in zip(local, joints, strict=True)], axis=0)
    rotations = at.on_sphere(local)
    root = at.linear(joints[:, 0])
    return Take(
        name=name,
        person_id=people[0].id,
        fps=rate,
        captured_fps=captured,
        start_wall_ns=int(time_ns[0]) + wall_offset_ns,
        joints_world=place_joints(to_matrix(world_rotations(rotations)), rest, root),
        bone_rotations=rotations,
        confidence=at.linear(_stack(people, "confidence")),
        observed=_stack(people, "observed")[at.nearer] > 0.5,
        contacts=at.linear(_stack(people, "contacts")),
        states=tuple(people[i].state for i in at.nearer),
        present=at.gap_s <= GAP_S,
        rest_joints=rest,
        height_m=float(np.median([p.height_m for p in people])),
    )


class _Between:
    """Values at times between those of the recorded frames."""

    def __init__(self, time_ns: NDArray[np.int64], at_ns: Float64) -> None:
        after = np.clip(np.searchsorted(time_ns, at_ns, side="right"), 1, max(len(time_ns) - 1, 1))
        self._after = np.minimum(after, len(time_ns) - 1)
        self._before = after - 1
        step = (time_ns[self._after] - time_ns[self._before]).astype(np.float64)
        self.gap_s = step * 1e-9
        share = (at_ns - time_ns[self._before]) / np.where(step > 0, step, 1.0)
        self._share = np.clip(share, 0.0, 1.0)

    def linear(self, values: Float64) -> Float64:
        """(N,...) → values at the new times."""
        share = self._share.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(values[self._before] * (1 - share) + values[self._after] * share)

    @property
    def nearer(self) -> NDArray[np.intp]:
        """Index of the nearer frame."""
        return np.where(self._share < 0.5, self._before, self._after)

    def on_sphere(self, q: Float64) -> Float64:
        """Unit quaternions (N,B,4), continuous in sign → the same at the new times (slerp)."""
        a, b = q[self._before], q[self._after]
        cos = np.clip(np.einsum("...i,...i->...", a, b), -1.0, 1.0)
        angle = np.arccos(cos)[..., None]
        share, sin = self._share[:, None, None], np.sin(angle)
        small = sin < 1e-6
        safe = np.where(small, 1.0, sin)
        wa = np.where(small, 1 - share, np.sin((1 - share) * angle) / safe)
        wb = np.where(small, share, np.sin(share * angle) / safe)
        mixed = wa * a + wb * b
        return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))


def _rising(time_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """Times that rise, and which frames they are; frames that go back in time are left out."""
    kept: list[int] = []
    for i, t in enumerate(time_ns):
        if not kept or t - time_ns[kept[-1]] >= SMALLEST_STEP_NS:
            kept.append(i)
    if not kept:
        raise ValueError("a take needs at least one frame")
    return time_ns[kept], kept


def _median_rate(time_ns: NDArray[np.int64]) -> float:
    return 1e9 / float(np.median(np.diff(time_ns))) if len(time_ns) > 1 else 30.0


def _nearest_common(fps: float) -> float:
    nearest = min(COMMON_RATES, key=lambda rate: abs(rate - fps))
    return nearest if abs(nearest - fps) <= 0.03 * nearest else float(max(round(fps), 1))


def _count(time_ns: NDArray[np.int64], fps: float, name: str) -> int:
    seconds = float(time_ns[-1] - time_ns[0]) * 1e-9
    count = int(seconds * fps + 1e-3) + 1
    if count > MAX_FRAMES:
        raise SessionError(
            f"{name} spans {seconds / 3600:.0f} hours, at {fps:g} fps more than {MAX_FRAMES} frames. "
            "Take a lower --fps; or was a clock wrong?"
        )
    return count


def _stack(people: Sequence[PersonPose], key: str) -> Float64:
    return np.stack([getattr(p, key) for p in people]).astype(np.float64)


def _continuous(q: Float64) -> Float64:
    """(N,B,4) with signs such that no quaternion jumps to its other half."""
    out: Float64 = q / np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-9)
    for i in range(1, len(out)):
        out[i] = same_sign(out[i], out[i - 1])
    return out
