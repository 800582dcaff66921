"""`sealcap recover`: repairs an unfinished session."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from realtime import recovery
from realtime.sinks.poses_spool import recover_poses


def recover(
    file: Annotated[
        tyro.conf.Positional[Path], tyro.conf.arg(help="FILE.mcap.partial, FILE.mcap or FILE.npz.partial.")
    ],
    /,
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], help="Name of the whole file.")] = None,
) -> int:
    """Read what stands of a session that was cut off or damaged, and write a whole file.

    FILE.mcap.partial becomes FILE.mcap, FILE.mcap becomes FILE-recovered.mcap; the original is left alone.
    FILE.npz.partial, what --poses-out had written, becomes FILE.npz.
    """
    console = Console(soft_wrap=True, highlight=False)
    if file.name.endswith(".npz.partial"):
        path, rows = recover_poses(file, out)
        console.print(f"{rows} poses → {path}", markup=False)
        return 0
    with Console(stderr=True).status("reading what stands of it ..."):
        found = recovery.recover(file, out)
    console.print(f"{found.frames} frames, {found.seconds:.1f} seconds → {found.path}", markup=False)
    if found.damaged:
        console.print(f"{found.damaged} damaged parts were left out.")
    return 0
