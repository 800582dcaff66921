"""A newcomer's path in a fresh clone with empty caches, every step timed.

    python -m benchmarks.stranger [--write]

Everything is typed as the quickstart for animators says it. Downloads are made before what needs them, and
timed by themselves: they depend on the network. Needs git, make, and Blender for its rows. `--write` puts the
table into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.solver_report import device, table, write_between

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"
IN_BLENDER = Path(__file__).with_name("stranger_blender.py")
LIMIT_S = 300.0
"""Without the downloads; a step alone may take twice as long before it counts as hanging."""
TAKE = "take.mcap"
REPLAY = f"sealcap replay {TAKE} --osc 127.0.0.1:39570 --loop --headless"
BUILD_NEEDS = ("hatchling", "editables")
"""What pip fetches to install a checkout."""


@dataclass
class Step:
    """What was done."""

    what: str
    typed: str
    seconds: float
    download: bool = False


@dataclass
class Walk:
    """A clone in a folder of its own, and what was done in it."""

    folder: Path
    steps: list[Step] = field(default_factory=list)

    @property
    def clone(self) -> Path:
        """The checkout."""
        return self.folder / "sealcap"

    def environment(self, *, offline: bool) -> dict[str, str]:
        """Nothing of ours; after the downloads pip must do with what lies there."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SEALCAP", "VIRTUAL"))}
        path = f"{self.clone / '.venv' / 'bin'}{os.pathsep}{plain['PATH']}"
        own = {"PATH": path, "SEALCAP_CACHE": str(self.folder / "cache"), "PIP_NO_CACHE_DIR": "1"}
        for name in ("CONFIG", "SCRIPTS"):
            own[f"BLENDER_USER_{name}"] = str(self.folder / "blender" / name.lower())
        wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder / "wheels")} if offline else {}
        return {**plain, **own, **wheels}

    def do(self, what: str, typed: str, *, download: bool = False, run: str = "") -> None:
        """Type it, note how long it took, and show what it printed; `run` is what is really run, where a
        machine has to be told more than a person. Raises CalledProcessError when it fails."""
        begin = time.monotonic()
        where = self.clone if self.clone.is_dir() else self.folder
        done = subprocess.run(
            run or typed, shell=True, cwd=where, env=self.environment(offline=not download), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=2 * LIMIT_S,
        )  # fmt: skip
        step = Step(what, typed, time.monotonic() - begin, download)
        sys.stdout.write(f"--- {step.seconds:.1f} s: {run or typed}\n{done.stdout}\n")
        done.check_returncode()
        self.steps.append(step)

    @contextmanager
    def running(self, typed: str) -> Iterator[None]:
        """Something in a second terminal, for the time of the block."""
        other = subprocess.Popen(
            typed.split(), cwd=self.clone, env=self.environment(offline=True),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield
        finally:
            other.terminate()
            other.wait(30)


def walk(path: Walk) -> None:
    """The quickstart, from the clone to Blender."""
    fetch = f"{sys.executable} -m pip download --quiet -d {path.folder / 'wheels'} '.[cpu]'"
    path.do("clone", "git clone URL", run=f"git clone --quiet {ROOT} sealcap")
    path.do("packages", "make demo", download=True, run=f"{fetch} {' '.join(BUILD_NEEDS)}")
    path.do("installing them", "make demo", run=f"make .venv/.core PYTHON={sys.executable}")
    path.do("networks and clip", "make demo", download=True, run="sealcap models pull")
    path.do("the clip live, recorded", "make demo", run="make demo HEADLESS=1")
    (clip,) = (path.folder / "cache" / "models").glob("demo-clip*.mp4")
    shutil.copy(clip, path.clone / "walk.mp4")
    path.do("your video, recorded", f"sealcap run walk.mp4 --max-speed --headless --record {TAKE}")
    path.do("how it went", f"sealcap info {TAKE}")
    path.do("a file for Blender", f"sealcap convert {TAKE} take.bvh --units m")
    path.do("a file for Unity", f"sealcap convert {TAKE} take.glb")
    with path.running(REPLAY):
        path.do("replay it; what arrives", "sealcap listen osc --count 60")
    if blender := os.environ.get("BLENDER") or shutil.which("blender"):
        path.do("Blender's add-on", "make blender-addon")
        script = f"{IN_BLENDER} -- {path.clone / 'dist' / 'sealcap-blender.zip'}"
        with path.running(REPLAY):
            path.do(
                "Blender: install it, follow, record 2 s",
                "blender",
                run=f"{blender} --background --factory-startup --python-exit-code 1 --python {script}",
            )


def report(steps: list[Step]) -> str:
    """The table."""
    own = sum(step.seconds for step in steps if not step.download)
    fetched = sum(step.seconds for step in steps if step.download)
    rows = [[s.what, f"`{s.typed}`", f"{s.seconds:.1f}", "yes" if s.download else ""] for s in steps]
    return "\n".join(
        [
            f"Measured {datetime.date.today().isoformat()}, {device()}.\n",
            table(["step", "typed", "s", "download"], rows),
            f"\nWithout downloads **{own:.0f} s** of {LIMIT_S:.0f} allowed; with them {own + fetched:.0f} s.",
        ]
    )


def main() -> int:
    """0 when it went through in time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory() as folder:
        path = Walk(Path(folder))
        walk(path)
    text = report(path.steps)
    sys.stdout.write(f"{text}\n")
    if write:
        write_between(PAGE, text, "stranger")
    return int(sum(step.seconds for step in path.steps if not step.download) > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
