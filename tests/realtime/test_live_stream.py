"""Fifteen seconds of a network camera through everything: rate, books, latency, and what receivers get."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.build import build_pipeline
from realtime.client import Subscriber
from realtime.config import RunConfig
from realtime.models import store
from realtime.osc_receiver import OscReceiver
from realtime.session import read_poses
from realtime.sinks.wire import PoseMessage
from tests.realtime.servers import MjpegServer, write_number

log = logging.getLogger(__name__)

SECONDS = 15
SIZE = (640, 480)
FAST = {"kind": "movenet", "variant": "lightning"}
"""The judged machine may be small and busy; this detector leaves room on it."""


def free_port(kind: socket.SocketKind) -> int:
    """A port that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clip_pictures(count: int) -> list[NDArray[np.uint8]]:
    """The first pictures of the demo clip, as large as the stream."""
    capture = cv2.VideoCapture(str(store.clip_path()))
    pictures: list[NDArray[np.uint8]] = []
    while len(pictures) < count:
        ok, image = capture.read()
        if not ok:
            break
        height = image.shape[0] * SIZE[0] // image.shape[1]
        canvas = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        small = cv2.resize(image, (SIZE[0], height))[: SIZE[1]]
        canvas[: small.shape[0]] = small
        pictures.append(canvas)
    capture.release()
    return pictures


@pytest.fixture(scope="module")
def camera() -> Iterator[MjpegServer]:
    """A network camera that shows the demo clip forwards and backwards, so that nobody ever jumps."""
    if not (store.is_pulled("movenet-lightning") and store.is_pulled(store.CLIP)):
        pytest.skip("models and the demo clip are not pulled")
    there = clip_pictures(120)
    pictures = [*there, *there[-2:0:-1]]

    def picture(number: int, _size: tuple[int, int]) -> NDArray[np.uint8]:
        return write_number(pictures[number % len(pictures)].copy(), number)

    with MjpegServer(30, SIZE, picture=picture) as server:
        yield server


class Listener(threading.Thread):
    """Keeps all that arrives over ZeroMQ and counts OSC packets, as a game would while we run."""

    def __init__(self, endpoint: str, osc_port: int) -> None:
        super().__init__()
        self.poses: list[PoseMessage] = []
        self.osc_frames = 0
        self.done = threading.Event()
        self._subscriber = Subscriber(endpoint, newest_only=False)
        self._osc = OscReceiver("127.0.0.1", osc_port)

    def run(self) -> None:
        with self._subscriber as subscriber, self._osc as osc:
            while not self.done.is_set():
                message = subscriber.receive(timeout=0.02)
                if message is not None:
                    self.poses.append(message)
                while packet := osc.receive(timeout=0.001):
                    self.osc_frames += bool(packet)


@pytest.mark.models
def test_a_network_camera_at_30_per_second_reaches_every_output(camera: MjpegServer, tmp_path: Path) -> None:
    """At least 28 per second, every frame in the books, a person followed, all outputs complete."""
    zmq_port, osc_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    endpoint, record = f"tcp://127.0.0.1:{zmq_port}", tmp_path / "live.mcap"
    out = {"zmq": [endpoint], "osc": [f"127.0.0.1:{osc_port}"], "record": record, "headless": True}
    config = RunConfig.model_validate(
        {"source": camera.url, "detector": FAST, "out": out, "duration": SECONDS}
    )
    listener = Listener(endpoint, osc_port)
    listener.start()
    try:
        begin = time.monotonic()
        summary = build_pipeline(config).run(threading.Event())
        total = time.monotonic() - begin
        time.sleep(0.3)  # what is still on its way
    finally:
        listener.done.set()
        listener.join()
    p50, p95, p99 = summary.stage_ms["latency"]
    log.info("%.1f per second, latency p50 %.1f p95 %.1f p99 %.1f ms", summary.fps, p50, p95, p99)
    log.info("%s", summary)

    assert summary.accounted
    assert summary.fps >= 28
    assert summary.published + summary.overwritten + summary.missed >= 0.95 * 30 * SECONDS
    assert summary.overwritten + summary.missed < 0.07 * summary.captured
    assert p50 < 60
    assert p95 < 150
    assert summary.with_person > 0.8 * summary.published
    assert total < SECONDS + 8

    assert [(sink.dropped, sink.failure) for sink in summary.sinks] == [(0, None)] * 3
    recorded = list(read_poses(record))
    assert [message.seq for message in recorded] == list(range(summary.published))
    assert all(a.capture_time_ns < b.capture_time_ns for a, b in pairwise(recorded))
    received = [message.seq for message in listener.poses]
    assert received == list(range(received[0], summary.published))
    assert received[0] < 30  # subscribers need a moment to connect
    assert listener.osc_frames > 0.9 * summary.published
