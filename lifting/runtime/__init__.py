"""Runtimes: one small protocol, one file per engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError

BACKENDS = ("onnx",)
"""Engines that can run a network here."""


class Network(Protocol):
    """A loaded network: named arrays in, named arrays out."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key-value pairs stored with the network; empty where it has none."""

    @property
    def inputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """Input names in order, with shapes; symbolic axes are strings or None."""

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once. Raises ModelError when an array does not fit."""


def open_network(path: Path, *, backend: str = "onnx", threads: int = 1) -> Network:
    """Load the ONNX file at `path` with the engine named `backend`.

    Raises ConfigError for an unknown backend, ModelError when the file cannot be loaded.
    """
    if backend == "onnx":
        from lifting.runtime.onnx import OnnxNetwork

        return OnnxNetwork(path, threads=threads)
    raise ConfigError(f"There is no backend {backend!r}; choose one of: {', '.join(BACKENDS)}.")
