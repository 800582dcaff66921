"""Does a converted network compute what it should? A few outputs for a fixed picture say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.runtime import Network, open_network

VALUES = 8
"""Numbers kept of each output."""
RELATIVE_TOLERANCE = 0.01
"""Of the largest kept number; processors differ by 1e-4, a wrong conversion by everything."""


def still_picture(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Triangle waves in 0..255 over a picture (1,H,W,C), in whole numbers, the same on every machine."""
    _, row, column, channel = np.indices(shape, np.int32)
    waves: NDArray[np.int32] = np.abs(2 * ((3 * row + 5 * column + 40 * channel) % 256) - 255)
    return waves


def take(network: Network, *, whole_numbers: bool) -> dict[str, list[float]]:
    """`VALUES` evenly spaced numbers of every output for the test picture. Raises ModelError."""
    (name, shape), *_ = network.inputs.items()
    if len(shape) != 4 or not all(isinstance(n, int) and 0 < n <= 4096 for n in shape):
        raise ModelError(f"A converted network must take one picture of fixed size, not {shape}.")
    picture = still_picture(tuple(int(n) for n in shape if n is not None))
    values = picture if whole_numbers else (picture / 255).astype(np.float32)
    outputs = network(**{name: values})
    return {k: [float(x) for x in _spread(v)] for k, v in outputs.items()}


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = values.reshape(-1)
    return flat[np.unique(np.linspace(0, flat.size - 1, VALUES).astype(np.intp))]


def check(path: Path, expected: Mapping[str, Sequence[float]], *, whole_numbers: bool) -> None:
    """Run the network at `path` once and compare. Raises ModelError when it gives anything else."""
    actual = take(open_network(path), whole_numbers=whole_numbers)
    if set(actual) != set(expected):
        raise ModelError(f"{path.name} has outputs {sorted(actual)}; {sorted(expected)} are expected.")
    for name, values in expected.items():
        wanted, got = np.array(values), np.array(actual[name])
        limit = RELATIVE_TOLERANCE * max(float(np.abs(wanted).max()), 0.01)
        if wanted.shape != got.shape or not (np.abs(wanted - got) <= limit).all():
            raise ModelError(
                f"{path.name} computes {name} = {got.round(4).tolist()}; {list(values)} is expected. "
                "The conversion is wrong on this machine; please report it."
            )
