"""Stand-ins for what mmpose and mmdet import but do not need here.

Both name the compiled operators of the full mmcv, torchvision and xtcocotools when they are imported. These
need a compiler, a CUDA build of torch, or numpy 1. Pose networks use none of them, so their names may be
empty: whoever calls one gets an error that says what is missing.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

from lifting.errors import ConfigError

OPTIONAL = ("mmcv.ops", "torchvision", "xtcocotools")
HOW = "Type: make mmpose, then start it as .venv-mmpose/bin/sealcap (docs/mmpose.md)."


class _StandIn(ModuleType):
    """A module that has every name; each is a class that cannot be made."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"

        def refuse(*_: object, **__: object) -> None:
            raise ConfigError(f"This mmpose model needs {full}, which `make mmpose` leaves out. {HOW}")

        return type(name, (), {"__init__": refuse, "__doc__": full})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives stand-ins for `roots` and everything below them."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self._roots = roots

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if any(fullname == root or fullname.startswith(f"{root}.") for root in self._roots):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = _StandIn(spec.name)
        module.__path__ = []
        module.__dict__["__version__"] = "0.0.0"
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def require_torch() -> None:
    """Raises ConfigError where even torch is missing: this is not mmpose's environment."""
    if importlib.util.find_spec("torch") is None:
        raise ConfigError(f"Neither torch nor mmpose is in this environment. {HOW}")


@cache
def mmpose_apis() -> Any:
    """The module `mmpose.apis`, stand-ins where something is missing. Raises ConfigError without mmpose."""
    if importlib.util.find_spec("mmpose") is None:
        raise ConfigError(f"mmpose is not in this environment. {HOW}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies warn about each other; none of it concerns us
        absent = tuple(name for name in OPTIONAL if not _loads(name))
        sys.meta_path.insert(0, _Finder(absent))
        return importlib.import_module("mmpose.apis")


def _loads(name: str) -> bool:
    try:
        importlib.import_module(name)
    # A torchvision built for another torch fails with RuntimeError, one without its libraries with OSError.
    except (ImportError, RuntimeError, OSError):
        for known in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[known]
        return False
    return True
