"""How the cost grows with the number of people; a part of `make bench`.

The picture is a mosaic of two by two tiles, always of the same size: in as many tiles as there are people
plays the part of the clip that shows the person followed, in each a second later than in the one before; the
others are black. So only the number of people grows. Where they are, the search is told: BlazePose's finds
two or three of four.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.solver_report import table
from benchmarks.vs_mediapipe import STAGES, Pass, cpu_ms, fps, run_pass, stage
from realtime.build import build_pipeline
from realtime.config import OutputConfig, load_run_config
from realtime.data import Motion

MOST = 4
TILE_PX = 480
"""Height of a tile."""
SEEN = 100
"""Frames of the clip that are used, there and back."""
MARGIN = 0.1
"""Around the person, of their height."""
FRAMES, ROUNDS = 120, 3
WARM_UP = 10
"""Frames of the worker before the timed ones."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class People:
    """Rounds of passes, by number of people."""

    rounds: list[dict[str, Pass]]
    config: str
    size: tuple[int, int]

    def median(self, people: int, what: str) -> float:
        """Over the rounds: `fps`, `cpu_ms` or `people`."""
        of: dict[str, Callable[[Pass], float]] = {"fps": fps, "cpu_ms": cpu_ms}
        values = (r[str(people)] for r in self.rounds)
        return statistics.median(of[what](v) if what in of else float(v[what]) for v in values)

    @property
    def counts(self) -> list[int]:
        """How many people there were."""
        return [int(name) for name in self.rounds[0]]

    def text(self) -> str:
        """A row per number of people."""
        head = (
            f"Configuration `{self.config}`, mosaic of {self.size[0]}×{self.size[1]}, {len(self.rounds)} "
            f"rounds of {self.rounds[0]['1']['frames']} frames, medians; stages p50 / p95, ms."
        )
        columns = ["people", "followed, mean", "frames/s", "CPU s/frame", *STAGES]
        return f"{head}\n\n{table(columns, [self._row(count) for count in self.counts])}"

    def _row(self, count: int) -> list[str]:
        stages = [stage(str(count), kind, self.rounds) for kind in STAGES]
        followed, speed = self.median(count, "people"), self.median(count, "fps")
        cpu_s = self.median(count, "cpu_ms") / 1000
        return [str(count), f"{followed:.2f}", f"{speed:.1f}", f"{cpu_s:.4f}", *stages]


def measure(video: Path, config: str = "live", rounds: int = ROUNDS, frames: int = FRAMES) -> People:
    """Rounds of one to four people; the networks must be in the store."""
    with tempfile.TemporaryDirectory() as folder:
        tiles, rate = load(video)
        films = [mosaic(tiles, rate, n, frames + WARM_UP, Path(folder)) for n in range(1, MOST + 1)]
        passes = [
            {
                str(n): run_pass(sys.executable, "sealcap_worker", film, config, "auto", frames, n)
                for n, film in enumerate(films, 1)
            }
            for _ in range(rounds)
        ]
    height, width = picture(tiles[:1]).shape[:2]
    return People(passes, config, (width, height))


def mosaic(tiles: list[Picture], rate: float, people: int, frames: int, folder: Path) -> Path:
    """A film of `frames` pictures with this many people."""
    height, width = tiles[0].shape[:2]
    path = folder / f"people-{people}.mp4"
    code = cv2.VideoWriter.fourcc(*"mp4v")
    film = cv2.VideoWriter(str(path), code, rate, (2 * width, 2 * height))
    for index in range(frames):
        film.write(picture([tiles[(index + round(n * rate)) % len(tiles)] for n in range(people)]))
    film.release()
    return path


def picture(tiles: list[Picture]) -> Picture:
    """Up to four tiles two by two, black where there is none."""
    height, width = tiles[0].shape[:2]
    whole = np.zeros((2 * height, 2 * width, 3), np.uint8)
    for n, tile in enumerate(tiles):
        y, x = height * (n // 2), width * (n % 2)
        whole[y : y + height, x : x + width] = tile
    return whole


class Framing:
    """An output that keeps the pictures and where the person in them is."""

    name, queue = "framing", 1

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.boxes: list[NDArray[np.float32]] = []

    def open(self) -> None:
        """Nothing to open."""

    def write(self, motion: Motion) -> None:
        """One picture, and the person's box where there is one."""
        self.pictures.append(motion.frame.image)
        self.boxes += [keypoints.box for keypoints in motion.keypoints[:1]]

    def close(self) -> None:
        """Nothing to close."""


def load(video: Path) -> tuple[list[Picture], float]:
    """Tiles of the person who is followed in the clip, there and back so that nobody jumps, and the rate."""
    framing = Framing()
    run = {"source": str(video), "max_speed": True, "frames": SEEN, "out": OutputConfig(headless=True)}
    build_pipeline(load_run_config("fast").model_copy(update=run), (framing,)).run(threading.Event())
    if not framing.boxes:
        raise SystemExit(f"{video} shows nobody in its first {SEEN} frames.")
    boxes = np.array(framing.boxes)
    margin = MARGIN * (boxes[:, 3] - boxes[:, 1]).max()
    x0, y0 = np.maximum(boxes[:, :2].min(axis=0) - margin, 0).astype(int)
    x1, y1 = (boxes[:, 2:].max(axis=0) + margin).astype(int)
    parts = [image[y0:y1, x0:x1] for image in framing.pictures]
    width = 2 * round(TILE_PX * parts[0].shape[1] / parts[0].shape[0] / 2)
    tiles = [
        np.asarray(cv2.resize(part, (width, TILE_PX), interpolation=cv2.INTER_AREA), np.uint8)
        for part in parts
    ]
    return tiles + tiles[-2:0:-1], cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FPS) or 30.0
