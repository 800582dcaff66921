"""Bad input and cost: what the solver does with nonsense, and how many microseconds it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import ValidationError

from benchmarks.solver_chain import run, settings, step, told
from benchmarks.solver_report import Check, Section
from benchmarks.solver_synthetic import Truths
from benchmarks.solver_truth import Camera, Floats, film
from lifting.camera import Intrinsics
from lifting.camera_estimate import CameraEstimate
from lifting.errors import SealcapError
from lifting.skeleton import BODY21
from realtime.build import build_people, open_camera
from realtime.config import CameraConfig, PersonConfig
from realtime.data import BodyPose, Keypoints
from realtime.solve.body import BodySolver

NUMBERS = (
    "joints_world", "joints_cam", "root_world", "root_rotation", "bone_rotations", "confidence", "contacts",
)  # fmt: skip


def on_the_wire(pose: BodyPose) -> bool:
    """True when every number that is sent is finite and quaternions are unit."""
    finite = all(np.isfinite(getattr(pose, name)).all() for name in NUMBERS) and np.isfinite(pose.height_m)
    return bool(finite and np.allclose(np.linalg.norm(pose.bone_rotations, axis=-1), 1.0, atol=1e-3))


def settings_table() -> Section:
    """Absurd heights, fields of view and tilts are refused in words."""
    section = Section("Absurd settings", ["setting", "what happens"])
    cases: list[tuple[str, Callable[[], object]]] = [
        ("--height 0.2", lambda: PersonConfig(height=0.2)),
        ("--height 17", lambda: PersonConfig(height=17)),
        ("--height nan", lambda: PersonConfig(height=float("nan"))),
        ("--fov 3", lambda: CameraConfig(fov=3)),
        ("--fov 179", lambda: CameraConfig(fov=179)),
        ("--fov nan", lambda: CameraConfig(fov=float("nan"))),
        ("--camera-pitch 90", lambda: CameraConfig(pitch=90)),
        ("--camera-height -1", lambda: CameraConfig(height=-1)),
        ("CameraEstimate(person_height_m=nan)", lambda: _estimate(float("nan"))),
    ]
    refused = 0
    for name, make in cases:
        try:
            make()
            section.add(name, "**accepted**")
        except (ValidationError, ValueError, SealcapError) as error:
            refused += 1
            text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            section.add(name, f"refused: {text}")
    section.checks.append(
        Check("absurd settings refused", 100 * refused / len(cases), 100.0, "%", at_least=True)
    )
    return section


def _estimate(height_m: float) -> CameraEstimate:
    return CameraEstimate(Intrinsics.from_fov(640, 480), person_height_m=height_m)


def poses_table(truths: Truths) -> Section:
    """Degenerate poses in the middle of good ones."""
    section = Section(
        "Degenerate input, in the middle of good frames",
        [
            "input",
            "frames with a pose",
            "states",
            "all numbers finite, quaternions unit",
            "largest step after mm",
        ],
        note="2 s of good frames, 0.3 s of the input named, 1 s of good frames; straight into one person's "
        "solver.",
    )
    scene = film(truths.clips["12_01"], Camera(), 90.0)
    points = truths.seen(scene, "perfect").points_px
    ok = 0
    for name, (what, spoil) in BAD.items():
        solver = BodySolver()
        camera = open_camera(settings(**told(scene)).camera, None, scene.camera.width, scene.camera.height)
        poses: list[BodyPose | None] = []
        try:
            for t in range(100):
                data = {
                    "joints": scene.relative[t].copy(),
                    "points": points[t].copy(),
                    "confidence": np.ones(21),
                }
                if 60 <= t < 69:
                    spoil(data[what])
                px, confidence = (data[k].astype(np.float32) for k in ("points", "confidence"))
                keypoints = Keypoints(0, px, confidence, np.array([0, 0, 100, 100], np.float32))
                poses.append(solver.update(data["joints"], keypoints, camera, scene.time_ns(t)))
        except FAILURES as error:
            section.add(name, len(poses), "-", f"**{type(error).__name__}: {error}**", "")
            continue
        there = [p for p in poses if p is not None]
        fine = all(on_the_wire(p) for p in there)
        ok += fine
        states = ", ".join(dict.fromkeys(str(p.state) for p in poses[60:69] if p is not None))
        world = np.array([p.joints_world for p in there])
        after = 1e3 * float(np.linalg.norm(np.diff(world[-31:], axis=0), axis=-1).max())
        section.add(name, len(there), states, "yes" if fine else "**no**", after)
    section.checks.append(
        Check("degenerate input survived, finite", 100 * ok / len(BAD), 100.0, "%", at_least=True)
    )
    return section


def _fill(rows: object, value: float) -> Callable[[Floats], None]:
    def change(array: Floats) -> None:
        array[rows] = value

    return change


def _scale(rows: object, factor: float) -> Callable[[Floats], None]:
    def change(array: Floats) -> None:
        array[rows] *= factor

    return change


def _legs_in_a_point(joints: Floats) -> None:
    joints[16:] = joints[16]


EVERYTHING = slice(None)
BAD: dict[str, tuple[str, Callable[[Floats], None]]] = {
    "all joints equal": ("joints", _fill(EVERYTHING, 0.1)),
    "all joints NaN": ("joints", _fill(EVERYTHING, np.nan)),
    "one wrist NaN": ("joints", _fill(14, np.nan)),
    "a million times too large": ("joints", _scale(EVERYTHING, 1e6)),
    "flattened to a line": ("joints", _fill((EVERYTHING, slice(1, 3)), 0.0)),
    "legs in one point": ("joints", _legs_in_a_point),
    "upside down": ("joints", _scale((EVERYTHING, 1), -1.0)),
    "hips not seen": ("confidence", _fill(BODY21.indices("left_hip", "right_hip"), 0.0)),
    "only the face seen": ("confidence", _fill(slice(5, None), 0.0)),
    "nothing seen": ("confidence", _fill(EVERYTHING, 0.0)),
    "a confidence NaN": ("confidence", _fill(3, np.nan)),
    "all pixels NaN": ("points", _fill(EVERYTHING, np.nan)),
    "all pixels equal": ("points", _fill(EVERYTHING, 300.0)),
    "pixels far outside": ("points", _scale(EVERYTHING, 1e7)),
}
"""Name: what is spoilt (joints (26,3), points (21,2) or confidence (21,)), and how."""
FAILURES = (ArithmeticError, ValueError, LookupError, RuntimeError, TypeError, np.linalg.LinAlgError)


def cost(truths: Truths) -> Section:
    """Microseconds of the solve stage, and of its parts as a profiler sees them."""
    section = Section(
        "Cost",
        ["part", "µs per frame"],
        note="One person, walking, 30 fps, one thread. The whole stage is timed alone; the parts by "
        "wrapping their methods, which adds a microsecond or two to each, so that they do not add up "
        "exactly. A part's time includes the parts it calls.",
    )
    name, scene = truths.walks(30.0)[0]
    del name
    seen = truths.seen(scene, "detector-like")
    config = settings(**told(scene))
    results = [run(scene, seen, config).solve_ms for _ in range(3)]
    times = 1e3 * np.median(np.array(results), axis=0)[30:]
    every = 1e3 * np.concatenate(results)
    section.add("solve stage, p50", float(np.percentile(times, 50)))
    section.add("solve stage, p99 of three passes", float(np.percentile(every, 99)))
    for part, micros in _parts(scene, seen, config).items():
        section.add(part, micros)
    section.checks.append(Check("solver, p50 of a frame", float(np.percentile(times, 50)) / 1e3, 1.5, "ms"))
    return section


def _parts(scene: Any, seen: Any, config: Any) -> dict[str, float]:
    """Median µs spent in each collaborator of a BodySolver: its attributes that have methods of their own."""
    people = build_people(config)
    camera = open_camera(config.camera, config.person.height, scene.camera.width, scene.camera.height)
    spent: dict[str, float] = {}
    totals: dict[str, list[float]] = {}
    wrapped: set[int] = set()
    for t in range(min(len(scene.clip.joints), 150)):
        box = np.zeros(4, np.float32)
        px, c = seen.points_px[t].astype(np.float32), seen.confidence[t].astype(np.float32)
        keypoints = [Keypoints(0, px, c, box)]
        spent.clear()
        step(people, keypoints, camera, scene.time_ns(t))
        if t == 0:
            solver = people._known[0].solver
            for name, part in [*vars(solver).items(), ("camera estimate", camera)]:
                if (
                    type(part).__module__.startswith(("realtime.solve", "lifting.camera"))
                    and id(part) not in wrapped
                ):
                    wrapped.add(id(part))
                    _wrap(part, name.strip("_"), spent)
        elif t >= 30:
            for name, seconds in spent.items():
                totals.setdefault(name, []).append(seconds)
    medians = {name: 1e6 * float(np.median(v)) for name, v in totals.items()}
    return dict(sorted(medians.items(), key=lambda item: -item[1]))


def _wrap(part: Any, name: str, spent: dict[str, float]) -> None:
    """Give `part` a subclass of its own class whose public methods are timed; nested calls count once."""
    cls = type(part)
    depth = [0]

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin, depth[0] = time.perf_counter(), depth[0] + 1
            try:
                return method(*args, **kwargs)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    spent[name] = spent.get(name, 0.0) + time.perf_counter() - begin

        return call

    names = [n for n in dir(cls) if (not n.startswith("_") or n == "__call__") and callable(getattr(cls, n))]
    methods = {
        n: timed(getattr(cls, n))
        for n in names
        if not isinstance(vars(cls).get(n), property | staticmethod | classmethod)
    }
    frozen = getattr(cls, "__dataclass_params__", None)
    if hasattr(part, "__dict__") and not (frozen and frozen.frozen):
        part.__class__ = type(cls.__name__, (cls,), methods)
