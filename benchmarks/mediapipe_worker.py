"""MediaPipe Pose over a video, with its default settings, in its own environment (vs_mediapipe_home.py).

    python -m benchmarks.mediapipe_worker speed VIDEO COMPLEXITY FRAMES    # timed
    python -m benchmarks.mediapipe_worker first VIDEO COMPLEXITY           # up to the first pose
    python -m benchmarks.mediapipe_worker poses VIDEO COMPLEXITY OUT.npz   # every frame once

COMPLEXITY: 0 lite, 1 full, 2 heavy. `speed` starts a clip that is too short again, and prints one line of
JSON: frames, seconds, cpu_seconds, peak_mib, found (frames with a person); loading the model and the first
ten frames are not timed. `first` prints a line when it has a pose. `poses` writes the world landmarks: joints
(N,33,3) metres, x right, y down, z forward, relative to mid-hip; joint_names, frame_index.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
import mediapipe  # type: ignore[import-not-found]
import numpy as np

from benchmarks.peak import peak_mib

WARM_UP = 10


def poses(video: str, complexity: int, *, loop: bool = False) -> Iterator[Any]:
    """World landmarks of every frame, or None: read, convert to RGB and track, as MediaPipe's examples do."""
    pose = mediapipe.solutions.pose.Pose(model_complexity=complexity)
    capture = cv2.VideoCapture(video)
    while True:
        ok, image = capture.read()
        if not ok and loop:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            ok, image = capture.read()
        if not ok:
            return
        yield pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).pose_world_landmarks


def speed(video: str, complexity: int, frames: int) -> None:
    """Time some frames and print the result."""
    found, results = 0, poses(video, complexity, loop=True)
    for _ in range(WARM_UP):
        next(results)
    begin, cpu = time.perf_counter(), time.process_time()
    for _ in range(frames):
        found += next(results) is not None
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    times = {"frames": frames, "seconds": seconds, "cpu_seconds": cpu_seconds}
    print(json.dumps(times | {"peak_mib": peak_mib(), "found": found}))


def first(video: str, complexity: int) -> None:
    """Say when the first pose is there."""
    next(landmarks for landmarks in poses(video, complexity) if landmarks is not None)
    print("pose", flush=True)


def save(video: str, complexity: int, out: str) -> None:
    """Write the poses of every frame that has one."""
    rows = {i: r for i, r in enumerate(poses(video, complexity)) if r is not None}
    joints = np.array([[[p.x, p.y, p.z] for p in r.landmark] for r in rows.values()], np.float32)
    names = [landmark.name.lower() for landmark in mediapipe.solutions.pose.PoseLandmark]
    np.savez(out, joints=joints.reshape(-1, len(names), 3), joint_names=names, frame_index=list(rows))


if __name__ == "__main__":
    what, clip, kind, *rest = sys.argv[1:]
    if what == "speed":
        speed(clip, int(kind), int(rest[0]))
    elif what == "first":
        first(clip, int(kind))
    else:
        save(clip, int(kind), rest[0])
