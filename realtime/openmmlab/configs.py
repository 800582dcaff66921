"""Which configuration file of mmpose is meant. Such a file is Python code, so none comes from an address."""

from __future__ import annotations

import difflib
import importlib.util
import re
from pathlib import Path

from lifting.errors import ConfigError
from realtime.openmmlab.absent import HOW

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,199}")


def packaged_configs() -> Path:
    """The folder of configurations inside the installed mmpose. Raises ConfigError without mmpose."""
    spec = importlib.util.find_spec("mmpose")
    if spec is None or spec.origin is None:
        raise ConfigError(f"mmpose is not in this environment. {HOW}")
    return Path(spec.origin).parent / ".mim" / "configs"


def find_config(name: str, root: Path | None = None) -> Path:
    """The file of a packaged configuration by its `name`, or the user's own file by its path.

    A file of the user's own is run as a program, with the user's rights. Raises ConfigError for addresses and
    for names that mmpose does not have.
    """
    if "://" in name:
        raise ConfigError(
            f"--mmpose-config {name}: a configuration is Python code and is not taken from an address. Give "
            "the name of a packaged one, or read the file and save it first."
        )
    if name.endswith(".py") and Path(name).is_file():
        return Path(name).resolve()
    stem = name.removesuffix(".py")
    root = root or packaged_configs()
    stems = {path.stem: path for path in sorted(root.rglob("*.py")) if "_base_" not in path.parts}
    if NAME.fullmatch(stem) and stem in stems:
        return stems[stem]
    near = difflib.get_close_matches(stem, stems, n=3, cutoff=0.5)
    hint = f"Did you mean: {', '.join(near)}?" if near else f"They lie in {root}."
    raise ConfigError(f"mmpose has no configuration {name!r}, and there is no such file. {hint}")
