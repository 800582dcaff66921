"""Latency of a live stream: an MJPEG-over-HTTP camera on this machine into the whole pipeline.

    python benchmarks/live.py VIDEO [--fps 30] [--seconds 60] [--config quality]

The server plays the pictures round and round at an exact rate, in a process of its own; recorder, ZeroMQ and
OSC are on. Prints the summary of the run; latency is counted from the arrival of the encoded picture.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from realtime.cli import main as sealcap
from tests.realtime.servers import MjpegServer, Picture

WIDTH = 1280


def load(video: str, count: int = 150) -> list[Picture]:
    """The first pictures of a video, at most 1280 wide, there and back so that the loop has no jump."""
    capture, pictures = cv2.VideoCapture(video), []
    while len(pictures) < count:
        ok, image = capture.read()
        if not ok:
            break
        scale = min(1.0, WIDTH / max(image.shape[:2]))
        pictures.append(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return pictures + pictures[-2:0:-1]


def serve(video: str, fps: float, pipe: Connection) -> None:
    """Run the camera until the parent says stop."""
    pictures = load(video)
    server = MjpegServer(fps, picture=lambda number, _size: pictures[number % len(pictures)])
    pipe.send(server.url)
    pipe.recv()
    server.stop()


def main() -> None:
    """Start the camera, run the pipeline on it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("video")
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--config", default="live")
    args = parser.parse_args()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    camera = multiprocessing.get_context("spawn").Process(target=serve, args=(args.video, args.fps, theirs))
    camera.start()
    url = ours.recv()
    time.sleep(0.5)
    with tempfile.TemporaryDirectory() as folder:
        outputs = [
            "--zmq",
            "tcp://127.0.0.1:5571",
            "--osc",
            "127.0.0.1:39571",
            "--record",
            f"{folder}/live.mcap",
        ]
        options = ["--config", args.config, "--headless", "--duration", str(args.seconds)]
        sealcap(["run", url, *options, *outputs])
    ours.send("stop")
    camera.join()


if __name__ == "__main__":
    main()
