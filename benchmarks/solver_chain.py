"""The real chain behind the detector: tracker → lift → correct → solve, fed with given 2D joints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.solver_truth import Floats, Scene, Seen
from lifting.skeleton import BODY21
from realtime.build import build_people, open_camera
from realtime.config import RunConfig, load_run_config
from realtime.data import BodyPose, Frame, Keypoints, State
from realtime.detectors import Estimate, Region
from realtime.people import People
from realtime.tracking import Tracker

CLOTHES = ((40, 40, 200), (200, 120, 40), (60, 180, 60))
ROOM = 1.25
"""A region is the box of a figure and a little more."""


class TruthDetector:
    """A detector that knows the answer: several people's 2D joints, frame after frame."""

    name = "truth"
    finds_all = True

    def __init__(self, people: Sequence[Seen], depth: Sequence[Floats] | None = None) -> None:
        """`depth` (T,) of each person: of two people in one region the nearer one is seen."""
        self._people, self._depth, self.frame = people, depth, 0

    def search(self, image: object) -> list[Region]:
        """Everybody with at least six visible joints, largest first."""
        del image
        found = [r for i in range(len(self._people)) if (r := self._region(i)) is not None]
        return sorted(found, key=lambda r: -r.size)

    def estimate(self, image: object, region: Region) -> Estimate:
        """Whoever is in the region: of those whose centre lies in its middle the nearest to the camera."""
        del image
        inside = []
        for i in range(len(self._people)):
            other = self._region(i)
            if other is not None:
                away = max(abs(other.cx - region.cx), abs(other.cy - region.cy)) / max(region.size, 1.0)
                if away < 0.5:
                    depth = 0.0 if self._depth is None else float(self._depth[i][self.frame])
                    inside.append((depth if away < 0.25 else 1e3 + away, i, other))
        if not inside:
            nothing = np.zeros((len(BODY21), 2), np.float32)
            return Estimate(nothing, np.zeros(len(BODY21), np.float32), 0.0, region)
        _, i, other = min(inside, key=lambda entry: entry[:2])
        seen = self._people[i]
        points, confidence = seen.points_px[self.frame], seen.confidence[self.frame]
        return Estimate(points.astype(np.float32), confidence.astype(np.float32), 1.0, other)

    def picture(self, width: int, height: int) -> NDArray[np.uint8]:
        """People as rectangles of their own colour, the farther first, for trackers that look at clothes."""
        image = np.zeros((height, width, 3), np.uint8)
        depth = self._depth or [np.zeros(1)]
        for i in sorted(range(len(self._people)), key=lambda i: -float(depth[i][self.frame])):
            if (region := self._region(i)) is not None:
                half = region.size / 2 / ROOM
                x0, y0, x1, y1 = (
                    max(0, round(v))
                    for v in (region.cx - half / 3, region.cy - half, region.cx + half / 3, region.cy + half)
                )
                image[y0:y1, x0:x1] = CLOTHES[i % len(CLOTHES)]
        return image

    def _region(self, person: int) -> Region | None:
        seen = self._people[person]
        points, confidence = seen.points_px[self.frame], seen.confidence[self.frame]
        if (confidence > 0.2).sum() < 6:
            return None
        (x0, y0), (x1, y1) = (
            points[confidence > 0.2].min(0).tolist(),
            points[confidence > 0.2].max(0).tolist(),
        )
        return Region((x0 + x1) / 2, (y0 + y1) / 2, ROOM * max(x1 - x0, y1 - y0))


class TruthLifter:
    """In the place of the network: perfect 3D, so that only the solver is judged."""

    def __init__(self, relative: Floats, window_length: int, fps: float) -> None:
        self._relative, self.window_length, self.fps, self.frame = relative, window_length, fps, 0

    def lift(self, windows: NDArray[np.float32], gravity: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frame's true joints (P,26,3), whatever the windows hold."""
        del gravity
        return np.repeat(self._relative[self.frame][None], len(windows), axis=0).astype(np.float32)


@dataclass(eq=False)
class Result:
    """What came out for one person, row by row of the scene; NaN, and state None, where nothing did."""

    fps: float
    world: Floats
    """(T,26,3)"""
    relative: Floats
    """(T,26,3) camera axes."""
    raw: Floats
    """(T,26,3) camera axes."""
    root: Floats
    """(T,3) camera axes."""
    rotations: Floats
    """(T,21,4) local."""
    observed: NDArray[np.bool_]
    contacts: Floats
    heights: Floats
    states: list[State | None]
    ids: list[int | None]
    poses: list[tuple[BodyPose, ...]] = field(default_factory=list)
    solve_ms: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def empty(cls, frames: int, fps: float) -> Result:
        def nan(*shape: int) -> Floats:
            return np.full((frames, *shape), np.nan)

        return cls(
            fps, nan(26, 3), nan(26, 3), nan(26, 3), nan(3), nan(21, 4), np.zeros((frames, 26), bool),
            nan(4), nan(), [None] * frames, [None] * frames,
        )  # fmt: skip

    def put(self, t: int, pose: BodyPose) -> None:
        """Take the pose as frame t."""
        self.world[t], self.relative[t], self.raw[t] = pose.joints_world, pose.joints_cam, pose.raw_joints_cam
        self.root[t], self.rotations[t], self.observed[t] = pose.root_cam, pose.bone_rotations, pose.observed
        self.contacts[t], self.heights[t] = pose.contacts, pose.height_m
        self.states[t], self.ids[t] = pose.state, pose.person_id


def settings(**told: float | str | bool | None) -> RunConfig:
    """The default live settings with some flat names changed: height, fov, pitch, camera_height, people,
    or any key of the `solve` section."""
    config = load_run_config("live")
    camera = {
        k: told.pop(v)
        for k, v in (("fov", "fov"), ("pitch", "pitch"), ("height", "camera_height"))
        if v in told
    }
    person = {k: told.pop(k) for k in ("height", "people") if k in told}
    correct = {"correct": told.pop("correct")} if "correct" in told else {}
    update = {"camera": camera, "person": person, "lifter": correct, "solve": told}
    return config.model_copy(
        update={k: getattr(config, k).model_copy(update=v) for k, v in update.items() if v}
    )


def told(scene: Scene, *, tilt: bool = False) -> dict[str, float]:
    """Settings of somebody who knows lens and stature, and with `tilt` how the camera stands."""
    known = {"fov": scene.camera.fov_deg, "height": scene.clip.stature_m}
    if tilt:
        known |= {"pitch": scene.camera.pitch_deg, "camera_height": scene.camera.height_m}
    return known


def perfect_lifter(people: People, scene: Scene) -> TruthLifter:
    """Put true 3D in the place of the network; there is no public way, and nobody else should need one."""
    lifter = TruthLifter(scene.relative, people._lifter.window_length, people._lifter.fps)
    people._lifter = lifter  # type: ignore[assignment]
    return lifter


def run(scene: Scene, seen: Seen, config: RunConfig, *, perfect_3d: bool = False) -> Result:
    """One person's way through the chain. Config `correct` should be 0 with perfect 3D."""
    return run_all([scene], [seen], config, perfect_3d=perfect_3d)[0]


def run_all(
    scenes: Sequence[Scene], seen: Sequence[Seen], config: RunConfig, *, perfect_3d: bool = False
) -> list[Result]:
    """Everybody in one picture. A single person's result takes whatever pose comes first; of several people
    only `poses` of the first result is filled, for the caller to say who is who."""
    scene = scenes[0]
    detector = TruthDetector(seen, [s.root_cam[:, 2] for s in scenes])
    tracker = Tracker(detector, people=config.person.people)  # type: ignore[arg-type]
    people, camera = (
        build_people(config),
        open_camera(config.camera, config.person.height, scene.camera.width, scene.camera.height),
    )
    lifter = perfect_lifter(people, scene) if perfect_3d else None
    frames = len(scene.clip.joints)
    results = [Result.empty(frames, scene.clip.fps) for _ in scenes]
    picture = np.zeros((scene.camera.height, scene.camera.width, 3), np.uint8)
    times = np.zeros(frames)
    for t in range(frames):
        detector.frame = t
        if lifter is not None:
            lifter.frame = t
        now = scene.time_ns(t)
        if len(scenes) > 1:
            picture = detector.picture(scene.camera.width, scene.camera.height)
        keypoints = tracker.update(Frame(picture, t, now, now, 0))
        poses, times[t] = step(people, keypoints, camera, now)
        if len(scenes) == 1 and poses:
            results[0].put(t, poses[0])
        results[0].poses.append(poses)
    for result in results:
        result.solve_ms = times * 1e3
    return results


def step(
    people: People, keypoints: list[Keypoints], camera: object, now: int
) -> tuple[tuple[BodyPose, ...], float]:
    """One frame as the pipeline does it, and the seconds that `solve` took."""
    raw = people.lift(keypoints, camera, now)  # type: ignore[arg-type]
    joints = people.correct(raw, keypoints)  # type: ignore[arg-type]
    begin = time.perf_counter()
    poses = people.solve(joints, raw, keypoints, camera, now)  # type: ignore[arg-type]
    return poses, time.perf_counter() - begin
