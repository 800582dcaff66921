"""Everything that is asked of the solver, measured: `python benchmarks/solver.py --motion DIR --clips DIR`.

--motion DIR   motion corpus with a test split (see docs/data.md): synthetic truth
--clips DIR    open clips with videos/, gt/ and score.py: real video
--cache DIR    where 2D of the open clips is kept; the detector runs once, later runs take seconds. Empty it
               after a change of detector or tracker.
--write        put the numbers into docs/solver.md and draw its pictures
--only A,B     some of root, feet, motion, rotations, occlusion, clips, input, cost
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import solver_clips, solver_input, solver_occlusion
from benchmarks import solver_synthetic as synthetic
from benchmarks.solver_chain import settings
from benchmarks.solver_distance import distance
from benchmarks.solver_measures import contact_labels
from benchmarks.solver_plots import draw, film_before_after
from benchmarks.solver_report import Section, report, write_between
from benchmarks.solver_rotations import rotations
from realtime.models import store

DOCS = Path(__file__).resolve().parent.parent / "docs"
Part = Callable[[], list[Section]]


def parts(options: argparse.Namespace, truths: synthetic.Truths | None) -> dict[str, Part]:
    """What can be measured with what was given."""
    out: dict[str, Part] = {}
    if truths is not None:
        out["root"] = lambda: [synthetic.root(truths)]
        out["feet"] = lambda: [synthetic.feet(truths)]
        out["motion"] = lambda: [synthetic.motion(truths)]
        out["rotations"] = lambda: list(rotations(truths))
        occlusion = (solver_occlusion.hidden, solver_occlusion.leaving, solver_occlusion.crossing)
        out["occlusion"] = lambda: [judge(truths) for judge in occlusion]
        out["input"] = lambda: [solver_input.settings_table(), solver_input.poses_table(truths)]
        out["cost"] = lambda: [solver_input.cost(truths)]
    if options.clips is not None and options.cache is not None:
        out["clips"] = lambda: [
            *solver_clips.clips(options.clips, options.cache),
            distance(options.clips, options.cache),
        ]
    return out


GROUPS = (("root", "feet", "motion", "rotations"), ("occlusion", "input", "clips"), ("cost",))
"""Parts that share runs of the chain stay together; the cost is measured alone, after everything else."""


def measure(names: tuple[str, ...], options: argparse.Namespace) -> list[Section]:
    """The sections of some parts, in order; those that cannot be measured are left out."""
    truths = synthetic.Truths(options.motion, options.quick) if options.motion is not None else None
    sections: list[Section] = []
    for name, part in parts(options, truths).items():
        if name in names:
            begin = time.perf_counter()
            sections += part()
            print(f"{name}: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return sections


def main() -> None:
    """Measure, print, and with --write keep."""
    options = _options()
    wanted = options.only.split(",") if options.only else [name for group in GROUPS for name in group]
    groups = [tuple(name for name in group if name in wanted) for group in GROUPS]
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(measure, groups[:-1], [options] * len(groups)))
    sections = [section for part in [*found, measure(groups[-1], options)] for section in part]
    text = report(sections)
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")
    if options.write:
        write_between(DOCS / "solver.md", text)
        pictures(options)


def pictures(options: argparse.Namespace) -> None:
    """docs/solver-*.png and the film of the demo clip."""
    if options.motion is not None:
        truths = synthetic.Truths(options.motion, options.quick)
        scene, result = synthetic.before_after(truths)
        before = synthetic.raw_in_the_world(result, scene, truths.seen(scene, "detector-like"))
        labels = contact_labels(scene.clip.joints, scene.clip.stature_m, scene.clip.fps)
        draw(scene, result, before, labels, DOCS)
    if options.cache is not None:
        track = solver_clips.tracks(demo_clip(), options.cache)
        fps, stages = solver_clips.in_the_room(track, settings())
        film_before_after(fps, stages, DOCS / "solver.webp")


def demo_clip() -> Path:
    """The clip of `sealcap demo`, fetched if need be; its licence lets frames be published."""
    store.ensure(["demo-clip"])
    return store.clip_path()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--motion", type=Path)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--only")
    parser.add_argument("--out", type=Path, help="Markdown file to write the tables to")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once; the cost is measured alone")
    parser.add_argument("--quick", action="store_true", help="fewer scenes, 30 fps only")
    return parser.parse_args()


if __name__ == "__main__":
    main()
