"""Which file formats there are, by suffix, and who writes them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from lifting.errors import ConfigError


class Format(NamedTuple):
    """One kind of file; its module is only imported when it is used."""

    writer: str
    """`module:function`, called with a take, a path and the options given."""
    options: dict[str, tuple[str, ...]]
    """Options it takes beyond the common ones, with their values; the first is what is taken without."""
    gaps: str
    """How gaps are written, for the message."""
    several: bool = False
    """It holds several people; its writer is called with a list of takes."""

    def load(self) -> Callable[..., None]:
        """The writer."""
        module, function = self.writer.split(":")
        write: Callable[..., None] = getattr(import_module(module), function)
        return write


INTERPOLATED, BLANK = "written as interpolated motion", "left blank"
_ORDER = ("ZXY", "XYZ", "XZY", "YXZ", "YZX", "ZYX")
_NAMES = ("unity", "mixamo", "cmu")

FORMATS: dict[str, Format] = {
    ".bvh": Format(
        "realtime.takes.bvh:write_bvh",
        {"order": _ORDER, "units": ("cm", "m"), "names": _NAMES},
        INTERPOLATED,
    ),
    ".trc": Format("realtime.takes.trc:write_trc", {"units": ("m", "mm")}, BLANK),
    ".mot": Format("realtime.takes.mot:write_mot", {}, INTERPOLATED),
    ".c3d": Format("realtime.takes.c3d:write_c3d", {}, "marked as missing"),
    ".csv": Format("realtime.takes.csv:write_csv", {}, BLANK),
    ".npz": Format("realtime.takes.npz:write_npz", {}, "interpolated, with present = False"),
    ".glb": Format("realtime.takes.glb:write_glb", {}, INTERPOLATED, several=True),
    ".vrma": Format("realtime.takes.vrma:write_vrma", {}, INTERPOLATED),
}


def format_of(path: Path) -> Format:
    """By the suffix of the name. Raises ConfigError naming the formats that exist."""
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    near = difflib.get_close_matches(suffix, FORMATS, n=1, cutoff=0.4)
    hint = f"Did you mean {path.with_suffix(near[0])}? " if near else ""
    raise ConfigError(
        f"{path.name} does not tell the format by its ending. {hint}There are {', '.join(FORMATS)}."
    )


def checked_options(path: Path, given: dict[str, str | None]) -> dict[str, str]:
    """The options that were given, if this format takes them. Raises ConfigError where it does not."""
    takes = format_of(path).options
    options = {name: value for name, value in given.items() if value is not None}
    for name, value in options.items():
        if name not in takes:
            raise ConfigError(f"--{name} says nothing for {path.suffix} files. Leave it out.")
        if value not in takes[name]:
            raise ConfigError(
                f"--{name} {value}: {path.suffix} files take {', '.join(takes[name])}. "
                f"Try: --{name} {takes[name][0]}"
            )
    return options
