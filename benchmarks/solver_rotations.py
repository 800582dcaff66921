"""Judging rotations: against the corpus's own, and by rebuilding the joints from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.solver_chain import Result, run, settings, told
from benchmarks.solver_measures import UNSEEN_BONES, bone_axes, swing_twist_deg, to_matrix, world_rotations
from benchmarks.solver_report import Check, Section
from benchmarks.solver_synthetic import Truths
from benchmarks.solver_truth import Floats
from lifting.skeleton import BONES, SEALCAP26
from realtime.solve.forward import joints_from_rotations, measure_rest
from realtime.solve.rest import REST_JOINTS, rest_joints

LEARNT_S = 2.0
RESTS = ("own lengths", "measured once", "meta")


def rotations(truths: Truths) -> tuple[Section, Section]:
    """Swing and twist against the corpus's segment rotations, and forward kinematics of what is sent."""
    section = Section(
        "Rotations against the corpus",
        [
            "3D",
            *(w + " swing / twist °" for w in ("trunk", "head", "shoulder", "arms", "legs", "feet")),
            "all swing °",
            "all twist °",
        ],
        note="Medians over frames and bones of world rotations, tilt told; 30 fps. Swing: angle between the "
        "bones' axes. Twist: what is left about the axis. Hands and toes are shown by no joint and left "
        "out. The corpus's T-pose hinges elbows 30° from the vertical, the VRM's about the vertical: that "
        "constant is taken out of the arms' truth, nothing else.",
    )
    fk = Section(
        "Forward kinematics of what is sent",
        ["3D", "rest offsets", "mean mm", "p99 mm", "largest mm"],
        note="Joints rebuilt from root, local rotations and a T-pose, against the joints sent beside them, "
        "after 2 s. 'own lengths': the standard T-pose with the person's link lengths; 'measured once': the "
        "T-pose that a receiver measures in one frame; 'meta': the standard body of the meta message scaled "
        "by height, which knows no proportions.",
    )
    for word, kind, perfect_3d in (
        ("perfect", "perfect", True),
        ("lifted, perfect 2D", "perfect", False),
        ("lifted, detector-like 2D", "detector-like", False),
    ):
        swings, twists, errors = [], [], {name: [] for name in RESTS}
        for _, scene in truths.motions(30.0):
            config = settings(**told(scene, tilt=True), **({"correct": 0.0} if perfect_3d else {}))
            if perfect_3d:
                result = run(scene, truths.seen(scene, kind), config, perfect_3d=True)
            else:
                result = truths.result(scene, kind, tilt=True)
            keep = np.isfinite(result.rotations).all(axis=(1, 2))
            assert scene.clip.rotations is not None
            true = to_matrix(scene.clip.rotations[keep])
            swing, twist = swing_twist_deg(world_rotations(result.rotations[keep]), true, bone_axes())
            swings.append(swing)
            twists.append(twist)
            for name, values in _fk_errors(result, keep).items():
                errors[name].append(values)
        _add_rotations(section, word, np.concatenate(swings), np.concatenate(twists))
        for name, parts in errors.items():
            values = 1e3 * np.concatenate(parts)
            fk.add(word, name, values.mean(), np.percentile(values, 99), values.max())
            if name == "own lengths":
                fk.checks.append(
                    Check(f"FK of what is sent, {word} 3D, p99", float(np.percentile(values, 99)), 10.0, "mm")
                )
    return section, fk


_GROUPS = {
    "trunk": ("Hips", "Spine", "Chest", "Neck"), "head": ("Head",), "shoulder": ("Shoulder",),
    "arms": ("UpperArm", "LowerArm"), "legs": ("UpperLeg", "LowerLeg"), "feet": ("Foot",),
}  # fmt: skip


def _add_rotations(section: Section, word: str, swing: Floats, twist: Floats) -> None:
    part = [name.removeprefix("Left").removeprefix("Right") for name in BONES.joints]
    cells = []
    for names in _GROUPS.values():
        rows = [i for i, p in enumerate(part) if p in names]
        cells.append(f"{np.median(swing[:, rows]):.1f} / {np.median(twist[:, rows]):.1f}")
    shown = [i for i, name in enumerate(BONES.joints) if name not in UNSEEN_BONES]
    medians = float(np.median(swing[:, shown])), float(np.median(twist[:, shown]))
    section.add(word, *cells, *medians)
    if word == "perfect":
        section.checks += [
            Check("rotation swing, perfect 3D, median", medians[0], 8.0, "°"),
            Check("rotation twist, perfect 3D, median", medians[1], 15.0, "°"),
        ]


def _fk_errors(result: Result, keep: NDArray[np.bool_]) -> dict[str, Floats]:
    """Distances (N,) of joints rebuilt from rotations to joints sent, every fifth frame after the first 2 "
    "s."""
    frames = np.flatnonzero(keep)[round(LEARNT_S * result.fps) :: 5]
    parents = np.maximum(SEALCAP26.parents, 0)
    once = measure_rest(result.rotations[frames[0]], result.world[frames[0]])
    out: dict[str, list[Floats]] = {name: [] for name in RESTS}
    for t in frames:
        joints = result.world[t]
        lengths = np.linalg.norm(joints - joints[parents], axis=-1)
        rests = (rest_joints(lengths), once, REST_JOINTS * result.heights[t])
        for name, rest in zip(RESTS, rests, strict=True):
            rebuilt = joints_from_rotations(result.rotations[t], rest - rest[0], joints[0])
            out[name].append(np.linalg.norm(rebuilt - joints, axis=-1))
    return {name: np.concatenate(values) for name, values in out.items()}
