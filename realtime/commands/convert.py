"""`sealcap convert`: a recorded session as files that animators and researchers open."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lifting.errors import ConfigError
from realtime.takes.cut import cut
from realtime.takes.formats import FORMATS, Format, checked_options, format_of
from realtime.takes.load import load_takes
from realtime.takes.take import Take

MAX_FPS = 1000.0

Job: TypeAlias = tuple[list[Take], Path]
"""People and the file they go into."""

_arg = tyro.conf.arg


def convert(
    file: Annotated[Path, tyro.conf.Positional, _arg(metavar="FILE.mcap", help="A recorded session.")],
    out: Annotated[
        Path,
        tyro.conf.Positional,
        _arg(metavar="OUT", help=f"The file to make; its ending is the format: {' '.join(FORMATS)}."),
    ],
    /,
    *,
    fps: Annotated[
        float | None, _arg(help="Frames per second to resample to; without it the rate of the recording.")
    ] = None,
    person: Annotated[
        str | None,
        _arg(metavar="ID|all", help="Whom to take; all takes everybody, each into OUT-ID but for GLB."),
    ] = None,
    start: Annotated[
        float | None, _arg(help="Seconds to leave out before; 0 is when somebody is first seen.")
    ] = None,
    end: Annotated[float | None, _arg(help="Second to end with, counted as --start.")] = None,
    order: Annotated[
        Literal["ZXY", "XYZ", "XZY", "YXZ", "YZX", "ZYX"] | None,
        _arg(help="BVH: order of the rotation channels; without it ZXY."),
    ] = None,
    units: Annotated[
        Literal["cm", "m", "mm"] | None,
        _arg(help="BVH: cm (without it) or m, which Blender wants. TRC: m (without it) or mm."),
    ] = None,
    names: Annotated[
        Literal["unity", "mixamo", "cmu"] | None,
        _arg(help="BVH: names of the bones; without it unity, which VRM has, too."),
    ] = None,
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff, _arg(help="Replace files that exist.")] = False,
) -> int:
    """Turn a session into a file for Blender, Maya, Unity, OpenSim, a table ...

    Frames come at a constant rate, resampled by their timestamps, on one skeleton per person.
    """
    kind = format_of(out)
    options = checked_options(out, {"order": order, "units": units, "names": names})
    _check_numbers(fps, start, end)
    _check_place(out)
    _check_free([out], force or person == "all")
    console = Console(soft_wrap=True, highlight=False)
    with _progress(console, f"reading {file.name}") as bar:
        takes = load_takes(file, fps, lambda n: bar.update(bar.task_ids[0], completed=n))
    first_ns = min(take.start_wall_ns for take in takes)
    jobs = _cut(_jobs(takes, person, file, out, kind.several), first_ns, start, end)
    _check_free([path for _, path in jobs], force)
    for people, path in jobs:
        with _progress(console, f"writing {path.name}"):
            kind.load()(people if kind.several else people[0], path, **options)
        for take in people:
            _report(console, take, path, kind, _begins_s(take, first_ns))
    return 0


def _check_numbers(fps: float | None, start: float | None, end: float | None) -> None:
    if fps is not None and not 0.1 <= fps <= MAX_FPS:
        raise ConfigError(f"--fps {fps:g}: give frames per second from 0.1 to {MAX_FPS:g}, such as --fps 30.")
    for name, value in (("start", start), ("end", end)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"--{name} {value:g}: give seconds from 0 up, such as --{name} 2.5.")
    if start is not None and end is not None and end < start:
        raise ConfigError(f"--end {end:g} lies before --start {start:g}. Exchange them.")


def _check_place(out: Path) -> None:
    if out.is_dir():
        raise ConfigError(f"{out} is a folder. Give the file a name in it, such as {out / 'take.bvh'}.")
    if not out.parent.is_dir():
        raise ConfigError(f"There is no folder {out.parent}. Make it first: mkdir -p {out.parent}")


def _check_free(paths: list[Path], force: bool) -> None:
    taken = [str(path) for path in paths if path.exists()]
    if taken and not force:
        raise ConfigError(f"{', '.join(taken)} exists already. Choose another name, or add --force.")


def _jobs(takes: list[Take], person: str | None, file: Path, out: Path, several: bool) -> list[Job]:
    """Who is written where. Raises ConfigError when that is not clear."""
    if several and person in (None, "all"):
        return [(takes, out)]
    if person == "all":
        return [([take], out.with_stem(f"{out.stem}-{take.person_id}")) for take in takes]
    if person is None and len(takes) == 1:
        return [(takes, out)]
    found = [take for take in takes if str(take.person_id) == person]
    if found:
        return [(found, out)]
    there = ", ".join(f"{take.person_id} ({len(take) / take.fps:.1f} s)" for take in takes)
    wrong = f"holds {len(takes)} people" if person is None else f"has no person {person}"
    raise ConfigError(
        f"{file} {wrong}; there is: {there}. Take one: sealcap convert {file} {out} "
        f"--person {takes[0].person_id}, or each into a file of their own: --person all"
    )


def _cut(jobs: list[Job], first_ns: int, start: float | None, end: float | None) -> list[Job]:
    """What was asked for, in seconds from `first_ns`, of those who are there then."""
    begin, stop = start or 0.0, math.inf if end is None else end
    out: list[Job] = []
    for people, path in jobs:
        cuts = [cut(take, begin - at, stop - at) for take in people for at in [_begins_s(take, first_ns)]]
        if parts := [part for part in cuts if part is not None]:
            out.append((parts, path))
    if out:
        return out
    there = ", ".join(
        f"person {take.person_id} from {at:.2f} to {at + take.times_s[-1]:.2f} s"
        for people, _ in jobs
        for take in people
        for at in [_begins_s(take, first_ns)]
    )
    raise ConfigError(f"Nobody to write is there between --start and --end; there is {there}.")


def _begins_s(take: Take, first_ns: int) -> float:
    return (take.start_wall_ns - first_ns) / 1e9


def _report(console: Console, take: Take, path: Path, kind: Format, begins_s: float) -> None:
    """What was written, and what had to be done for it."""
    lines = [f"person {take.person_id}: {len(take)} frames, {len(take) / take.fps:.1f} s → {path}"]
    lines.append(f"  captured at {take.captured_fps:.4g} fps, resampled by timestamps to {take.fps:g} fps")
    if begins_s > 0:
        lines.append(f"  begins at {begins_s:.2f} s; 0 is when somebody is first seen")
    gaps = _gaps(take)
    if gaps:
        count = "one gap" if len(gaps) == 1 else f"{len(gaps)} gaps"
        lines.append(f"  {count}, longest {max(gaps) / take.fps:.2f} s: {kind.gaps}")
    unseen = np.mean([state != "tracking" for state in np.array(take.states)[take.present]] or [0])
    if unseen > 0:
        lines.append(
            f"  {100 * unseen:.0f} % of the frames predicted or held: the person was not seen in them"
        )
    console.print("\n".join(lines), markup=False)


def _gaps(take: Take) -> list[int]:
    """Lengths in frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], take.present, [True]]).astype(int)))
    return [int(n) for n in np.diff(edges)[::2]]


@contextmanager
def _progress(console: Console, what: str) -> Iterator[Progress]:
    """A bar that moves while something of unknown length is done; nothing where no terminal is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} frames"))
    bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
    bar.disable = not console.is_terminal
    with bar:
        bar.add_task(what, total=None)
        yield bar
