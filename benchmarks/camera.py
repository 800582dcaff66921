"""How well the camera is estimated from a person: tilt and field of view over time, against the truth.

The figure of the synthetic source goes through its routine (standing, walking a circle of 1.5 m, turning,
sitting down, waving) before cameras of several tilts; its 2D joints get the noise and the constant offsets
of a detector, and lifter and solver run as in `sealcap run`. No data is needed.

    python benchmarks/camera.py --plot docs/camera.png
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.solver_chain import step
from benchmarks.solver_plots import Curve, plot
from lifting.camera import pitch_of_gravity
from realtime.build import build_people, open_camera
from realtime.config import load_run_config
from realtime.data import Keypoints
from realtime.sources.figure import figure_at
from realtime.sources.synthetic import SyntheticSource

Float64 = NDArray[np.float64]

FPS, SECONDS = 30, 26
DISTANCE_M = 3.4
JITTER_PX, OFFSET_PX = 2.0, 3.0
SHOWN_S = (1, 3, 6, 9, 15, 25)
TRUTH = (190, 190, 190)
COLOURS = ((150, 100, 30), (80, 110, 235), (70, 150, 60), (170, 70, 150))
"""BGR."""


class Case(NamedTuple):
    """A camera, and what the user says about it."""

    pitch_deg: float
    height_m: float
    fov_deg: float = 60.0
    camera: Mapping[str, float] = MappingProxyType({})
    person: Mapping[str, float] = MappingProxyType({})

    @property
    def told(self) -> str:
        """Options as on the command line."""
        words = [f"--{'camera-' if k != 'fov' else ''}{k} {v:g}" for k, v in self.camera.items()]
        return " ".join(words + [f"--{k} {v:g}" for k, v in self.person.items()]) or "nothing"


CASES = (
    Case(0, 1.2),
    Case(5, 1.2),
    Case(15, 1.8),
    Case(22, 2.3),
    Case(15, 1.8, 72),
    Case(15, 1.8, 60, {"fov": 60}),
    Case(15, 1.8, 72, {"height": 1.8}, {"height": 1.7}),
    Case(15, 1.8, 72, {"fov": 72, "height": 1.8}, {"height": 1.7}),
    Case(20, 2.1, 72, {"pitch": 20}),
    Case(20, 2.1, 72, {"pitch": 20, "height": 2.1}, {"height": 1.7}),
)


class Run(NamedTuple):
    """What was estimated of a camera."""

    case: Case
    rows: Float64
    """(F,4) pitch and its standard deviation, field of view, camera height after every frame."""
    fov_source: str


def watch(case: Case, seed: int = 0) -> Run:
    """The whole routine before one camera."""
    source = SyntheticSource(
        camera_pitch_deg=case.pitch_deg,
        camera_height_m=case.height_m,
        fov_deg=case.fov_deg,
        distance_m=DISTANCE_M,
    )
    config = load_run_config("live")
    config = config.model_copy(
        update={
            "camera": config.camera.model_copy(update=case.camera),
            "person": config.person.model_copy(update=case.person),
        }
    )
    size = source.intrinsics.width, source.intrinsics.height
    people, camera = build_people(config), open_camera(config.camera, config.person.height, *size)
    rows = []
    for frame, keypoints in enumerate(_detect(source, seed)):
        time_ns = int(frame / FPS * 1e9)
        step(people, [keypoints], camera, time_ns)
        fov_deg = math.degrees(2 * math.atan(max(size) / 2 / camera.intrinsics.fx))
        rows.append(
            (pitch_of_gravity(camera.gravity_cam), camera.pitch_sd_deg, fov_deg, camera.camera_height_m)
        )
    return Run(case, np.array(rows), camera.sources["fov"].value)


def _detect(source: SyntheticSource, seed: int) -> list[Keypoints]:
    """The figure's joints with offsets that stay, slow and fast jitter."""
    rng, out, slow = np.random.default_rng(seed), [], np.zeros((21, 2))
    offset = rng.normal(0, OFFSET_PX, (21, 2))
    size = np.array([source.intrinsics.width, source.intrinsics.height])
    for frame in range(SECONDS * FPS):
        points = source.truth(figure_at(frame / FPS)).points_px
        slow = 0.9 * slow + rng.normal(0, 0.44 * JITTER_PX, (21, 2))
        seen = (points + offset + slow + rng.normal(0, 0.4 * JITTER_PX, (21, 2))).astype(np.float32)
        inside = ((seen > 0) & (seen < size)).all(axis=1)
        box = np.array([*seen.min(axis=0), *seen.max(axis=0)], np.float32)
        out.append(Keypoints(0, seen, np.where(inside, 0.95, 0.0).astype(np.float32), box, frame == 0))
    return out


def table(runs: list[Run]) -> str:
    """Markdown: what was given, what was estimated when."""
    head = ["pitch °", "fov °", "given", *(f"{t} s" for t in SHOWN_S), "fov at the end °", "said to be"]
    lines = [" | ".join(["", *head, ""]).strip(), "|" + "---|" * len(head)]
    for case, rows, fov_source in runs:
        times = [f"{rows[t * FPS, 0]:.1f} ± {rows[t * FPS, 1]:.1f}" for t in SHOWN_S]
        row = [f"{case.pitch_deg:g}", f"{case.fov_deg:g}", case.told, *times, f"{rows[-1, 2]:.0f}"]
        lines.append("| " + " | ".join([*row, fov_source]) + " |")
    return "\n".join(lines)


def draw(runs: list[Run], path: Path) -> None:
    """Pitch over time of the cameras of which nothing was said; grey: the truth."""
    from PIL import Image

    chosen = [run for run in runs if run.case.told == "nothing" and run.case.fov_deg == 60]
    frames = np.arange(SECONDS * FPS)
    curves = [
        Curve(f"{r.case.pitch_deg:g}", r.rows[:, 0], c, 2) for r, c in zip(chosen, COLOURS, strict=True)
    ]
    curves += [Curve("", np.full(len(frames), float(r.case.pitch_deg)), TRUTH) for r in chosen]
    picture = plot("Estimated pitch of four cameras (grey: true)", "degrees", frames / FPS, curves)
    Image.fromarray(picture[..., ::-1]).quantize(32).save(path, optimize=True)


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plot", type=Path, help="PNG to draw pitch over time into")
    arguments = parser.parse_args()
    runs = [watch(case) for case in CASES]
    print(table(runs))
    if arguments.plot:
        draw(runs, arguments.plot)


if __name__ == "__main__":
    main()
