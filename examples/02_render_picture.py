"""Draw one moment of the demo clip: python examples/02_render_picture.py OUT.png

Shows how to use the pipeline from Python with a sink of your own: anything with open, write and close.
The picture in the README was made by this file (`sealcap models pull` first).
"""

from __future__ import annotations

import sys
import threading

import cv2

from realtime.build import build_pipeline
from realtime.config import OutputConfig, RunConfig
from realtime.data import Motion
from realtime.web.figure import render_strip

MOMENT = 60
EARLIER = 40
"""Frames before the moment that become the trail."""


class Collect:
    """Keeps every motion up to the moment to draw."""

    name = "collect"
    queue = 1

    def __init__(self) -> None:
        self.motions: list[Motion] = []

    def open(self) -> None:
        """Nothing to open."""

    def write(self, motion: Motion) -> None:
        """Keep it."""
        self.motions.append(motion)

    def close(self) -> None:
        """Nothing to close."""


def main(out: str) -> None:
    collected = Collect()
    config = RunConfig(source="demo", max_speed=True, frames=MOMENT, out=OutputConfig(headless=True))
    build_pipeline(config, extra_sinks=(collected,)).run(threading.Event())
    cv2.imwrite(out, render_strip(collected.motions[-EARLIER:]))


if __name__ == "__main__":
    main(sys.argv[1])
