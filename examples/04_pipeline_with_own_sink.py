"""Run the pipeline from Python on a video, with a sink of your own: python examples/04_... VIDEO

A sink is anything with `name`, `queue`, `open`, `write` and `close`. It has a thread of its own: one that is
slow or fails loses its own frames, and no other output notices.
"""

import sys
import threading

from lifting.skeleton import SEALCAP26
from realtime.build import build_pipeline
from realtime.config import OutputConfig, PersonConfig, RunConfig
from realtime.data import Motion

LEFT, HEAD = SEALCAP26.index("left_wrist"), SEALCAP26.index("head")


class RaisedHands:
    """Tells when somebody raises the left hand above the head."""

    name = "raised hands"
    queue = 30  # frames that may wait for `write`; older ones are dropped and counted

    def open(self) -> None:
        """Called once before the first frame."""

    def write(self, motion: Motion) -> None:
        """Called for every frame, in order."""
        for pose in motion.people:
            if pose.joints_world[LEFT, 1] > pose.joints_world[HEAD, 1]:  # metres above the floor
                print(f"frame {motion.seq}: person {pose.person_id} raises the left hand")

    def close(self) -> None:
        """Called once, also after an error."""


config = RunConfig(
    source=sys.argv[1], max_speed=True, person=PersonConfig(height=1.75), out=OutputConfig(headless=True)
)
summary = build_pipeline(config, extra_sinks=(RaisedHands(),)).run(threading.Event())
print(f"{summary.published} frames")
