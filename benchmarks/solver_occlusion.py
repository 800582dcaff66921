"""What happens to limbs that are hidden, halves out of the picture, and people who leave or cross."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.solver_chain import Result, run, run_all, settings, told
from benchmarks.solver_measures import pop_m
from benchmarks.solver_report import Check, Section
from benchmarks.solver_synthetic import Truths
from benchmarks.solver_truth import Camera, Floats, Scene, Seen, detected, film, only_jitter
from lifting.skeleton import BODY21, SEALCAP26
from realtime.data import BodyPose, State

LIMBS = {
    "left forearm": ("left_elbow", "left_wrist"),
    "right arm": ("right_shoulder", "right_elbow", "right_wrist"),
    "left shank and foot": ("left_knee", "left_ankle", "left_heel", "left_toe"),
    "right leg": ("right_hip", "right_knee", "right_ankle", "right_heel", "right_toe"),
    "feet": ("left_ankle", "left_heel", "left_toe", "right_ankle", "right_heel", "right_toe"),
    "head": ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
}
HIDDEN_S = (0.3, 1.0, 5.0)
HALVES = {
    "legs and hips": tuple(n for n in BODY21.joints if n.endswith(("hip", "knee", "ankle", "heel", "toe"))),
    "left half": tuple(n for n in BODY21.joints if n.startswith("left_")),
    "upper half": tuple(n for n in BODY21.joints if not n.endswith(("hip", "knee", "ankle", "heel", "toe"))),
}
BEGIN_S, AFTER_S = 3.0, 2.0
FPS = 30.0
AROUND_S = 0.3
"""Around each edge of a hiding, where pops are looked for."""


def hidden(truths: Truths) -> Section:
    """Each limb hidden for a while, and halves of the body."""
    section = Section(
        "Hidden limbs",
        [
            "hidden", "seconds", "error seen mm", "error hidden mm", "pop mm", "pop where nothing is hidden",
            "reported as not observed %", "states",
        ],
        note="A gesturing person (14_24) 30 fps, jitter only, confidence 0 while hidden; the same frames "
        "with and without. Error: hidden joints relative to mid-hip. Pop: the largest step between two "
        "frames beyond the truth's own, of these joints, within 0.3 s of either edge.",
    )  # fmt: skip
    scene = film(truths.clips["14_24"].part(BEGIN_S + max(HIDDEN_S) + AFTER_S), Camera(), 20.0)
    seen = detected(scene, 5, only_jitter(truths.noise))
    config = settings(**told(scene))
    free = run(scene, seen, config)
    flags, pops = [], []
    for name, joints in {**LIMBS, **HALVES}.items():
        for seconds in HIDDEN_S:
            first, last = round(BEGIN_S * FPS), round((BEGIN_S + seconds) * FPS)
            result = run(scene, seen.hide(BODY21.indices(*joints), slice(first, last)), config)
            rows = SEALCAP26.indices(*joints)
            errors = [_error(r, scene, rows, slice(first, last)) for r in (free, result)]
            unseen = 100 * float(1 - result.observed[first:last, rows].mean())
            pop, usual = (_pops(r, scene, rows, (first, last)) for r in (result, free))
            flags.append(unseen)
            pops.append(pop - usual)
            states = sorted({str(s) for s in result.states[first:last]})
            section.add(name, seconds, *errors, 1e3 * pop, 1e3 * usual, unseen, ", ".join(states))
    section.checks.append(
        Check("hidden joints reported as not observed, least", min(flags), 100.0, "%", at_least=True)
    )
    section.checks.append(
        Check("pop at the edges of a hiding beyond the usual, worst", 1e3 * max(pops), 100.0, "mm")
    )
    return section


def _error(result: Result, scene: Scene, rows: list[int], frames: slice) -> float:
    error = np.linalg.norm(result.relative - scene.relative, axis=-1)[frames][:, rows]
    return 1e3 * float(np.nanmean(error))


def _pops(result: Result, scene: Scene, rows: list[int], edges: tuple[int, int]) -> float:
    around = round(AROUND_S * FPS)
    spans = [range(edge - 2, edge + around) for edge in edges]
    return max(pop_m(result.relative, scene.relative, rows, span) for span in spans)


def leaving(truths: Truths) -> Section:
    """A person who is gone for a while, and who walks out of the picture and back."""
    section = Section(
        "Leaving and returning",
        [
            "away s",
            "states while away",
            "back after s",
            "same id",
            "pop on return mm",
            "error 0.5 s after return mm",
        ],
        note="The same person, all joints gone, back where they would have been. Back: from the first frame "
        "in sight to the first `tracking`. Pop: root and joints in camera axes beyond the truth's own step, "
        "where there was a pose before.",
    )
    back, same = [], []
    for seconds in (0.3, 1.0, 3.0, 8.0, 15.0):
        scene = film(truths.clips["14_24"].part(BEGIN_S + seconds + AFTER_S), Camera(), 20.0)
        seen, config = detected(scene, 6, only_jitter(truths.noise)), settings(**told(scene))
        first, last = round(BEGIN_S * FPS), round((BEGIN_S + seconds) * FPS)
        result = run(scene, seen.hide(list(range(21)), slice(first, last)), config)
        states = [str(s or "nobody") for s in result.states]
        away = _in_order(states[first:last])
        found = next((t for t in range(last, len(states)) if states[t] == State.TRACKING), len(states))
        absolute, truth = result.relative + result.root[:, None], scene.joints_cam
        pop = 1e3 * pop_m(absolute, truth, list(range(26)), range(found, found + 3))
        after = _error(result, scene, list(range(1, 26)), slice(found + 15, found + 30))
        keeps = result.ids[min(found, len(states) - 1)] == result.ids[first - 1]
        back.append((found - last) / FPS)
        if seconds <= 8:
            same.append(100.0 * keeps)
        section.add(seconds, away, back[-1], "yes" if keeps else "no", pop, after)
    section.checks.append(Check("person back in sight re-acquired, slowest", max(back), 0.5, "s"))
    section.checks.append(Check("same id after up to 8 s away", min(same), 100.0, "%", at_least=True))
    return section


def _in_order(states: list[str]) -> str:
    """tracking 2, predicted 15, ...: runs of states with their lengths in frames."""
    out: list[list[object]] = []
    for state in states:
        if out and out[-1][0] == state:
            out[-1][1] = int(str(out[-1][1])) + 1
        else:
            out.append([state, 1])
    return ", ".join(f"{state} {count}" for state, count in out)


def crossing(truths: Truths) -> Section:
    """Two people pass each other in front of the camera; the farther one is covered for a moment."""
    section = Section(
        "Two people crossing",
        [
            "people followed",
            "fps",
            "frames with the right number, least %",
            "numbers used",
            "root error cm",
            "largest step of a followed root mm",
        ],
        note="12_02 walks left to right 1.2 m nearer than 10_04, who walks the other way and is not seen "
        "while their boxes' centres are near each other. Followed one: the larger one at the start.",
    )
    for count in (1, 2):
        for fps in truths.rates:
            scenes = _two(truths, fps)
            seen = _covered(
                scenes, [detected(s, 7 + i, only_jitter(truths.noise)) for i, s in enumerate(scenes)]
            )
            config = settings(**told(scenes[0]), people=count)
            results = run_all(scenes, seen, config)
            used = sorted({pose.person_id for poses in results[0].poses for pose in poses})
            follow = [_follow(results[0].poses, scenes, k) for k in range(count)]
            right = 100 * min(float(_nearest_is_own(f, scenes, k).mean()) for k, f in enumerate(follow))
            errors = [np.linalg.norm(f.root - scenes[k].root_cam, axis=1) for k, f in enumerate(follow)]
            steps = [np.linalg.norm(np.diff(f.root, axis=0), axis=1) for f in follow]
            section.add(
                str(count),
                f"{fps:.0f}",
                right,
                str(used),
                100 * float(np.nanmean(np.concatenate(errors))),
                1e3 * float(np.nanmax(np.concatenate(steps))),
            )
            if count == 2:
                section.checks.append(
                    Check(
                        f"two people crossing keep their numbers, {fps:.0f} fps",
                        right,
                        95.0,
                        "% of frames",
                        at_least=True,
                    )
                )
    return section


def _follow(frames: list[tuple[BodyPose, ...]], scenes: list[Scene], person: int) -> Result:
    """Poses under the number that the person had first."""
    result = Result.empty(len(frames), scenes[person].clip.fps)
    number = None
    for t, poses in enumerate(frames):
        for pose in poses:
            if number is None and pose.state == State.TRACKING:
                number = pose.person_id if _nearest(pose.root_cam, scenes, t) == person else None
            if pose.person_id == number:
                result.put(t, pose)
    return result


def _nearest(root: Floats, scenes: list[Scene], t: int) -> int:
    return int(np.argmin([np.linalg.norm(scene.root_cam[t] - root) for scene in scenes]))


def _nearest_is_own(result: Result, scenes: list[Scene], person: int) -> NDArray[np.bool_]:
    """(T,) frames in which the followed pose is there and nearer to its own person than to the other."""
    there = np.isfinite(result.root).all(axis=1)
    return np.array([ok and _nearest(result.root[t], scenes, t) == person for t, ok in enumerate(there)])


def _two(truths: Truths, fps: float) -> list[Scene]:
    camera = Camera()
    a, b = (truths.clips[n].at(fps) for n in ("12_02", "10_04"))
    b = replace(b, stature_m=a.stature_m, joints=b.joints * (a.stature_m / b.stature_m))  # one height is told
    frames = min(len(a.joints), len(b.joints))
    near, far = film(a, camera, 90.0), film(b, camera, -90.0)
    behind = near.clip.joints[:, 0, 2].mean() - far.clip.joints[:, 0, 2].mean() - 1.2
    deeper = far.clip.joints + np.array([0.0, 0.0, behind])
    far = replace(far, clip=replace(far.clip, joints=deeper))
    return [replace(s, clip=replace(s.clip, joints=s.clip.joints[:frames])) for s in (near, far)]


def _covered(scenes: list[Scene], seen: list[Seen]) -> list[Seen]:
    """Joints of the farther person that lie within the nearer one's trunk are not seen."""
    near, far = seen
    trunk = BODY21.indices("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    low, high = near.points_px[:, trunk].min(1), near.points_px[:, trunk].max(1)
    margin = 0.3 * (high - low).max(axis=1, keepdims=True)
    inside = ((far.points_px > (low - margin)[:, None]) & (far.points_px < (high + margin)[:, None])).all(-1)
    hidden = replace(far, confidence=np.where(inside, 0.0, far.confidence))
    del scenes
    return [near, hidden]
