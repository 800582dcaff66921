"""One timed pass of MediaPipe Pose over a video; runs in the peer's own environment (see vs_mediapipe.py).

Usage: python mediapipe_worker.py VIDEO COMPLEXITY FRAMES
COMPLEXITY: 0 lite, 1 full, 2 heavy. A clip that is too short starts again. Prints one line of JSON: frames,
seconds, cpu_seconds, peak_mib, found (frames with a person). Loading the model and the first ten frames are
not timed.
"""

from __future__ import annotations

import json
import sys
import time

import cv2
import mediapipe
from peak import peak_mib

WARM_UP = 10


def main(video: str, complexity: int, frames: int) -> None:
    """Read, convert to RGB and track, as MediaPipe's own examples do, with its default settings."""
    pose = mediapipe.solutions.pose.Pose(model_complexity=complexity)
    capture = cv2.VideoCapture(video)
    found = 0
    begin = cpu = 0.0
    for index in range(frames + WARM_UP):
        if index == WARM_UP:
            begin, cpu = time.perf_counter(), time.process_time()
        ok, image = capture.read()
        if not ok:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            ok, image = capture.read()
        result = pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        found += index >= WARM_UP and result.pose_world_landmarks is not None
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    times = {"frames": frames, "seconds": seconds, "cpu_seconds": cpu_seconds}
    print(json.dumps(times | {"peak_mib": peak_mib(), "found": found}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
