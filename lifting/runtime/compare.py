"""Do two engines answer alike? Every new engine is asked the same as ONNX Runtime before it is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.runtime.model_file import ModelFile
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.trt_builder import axis_range

Arrays = dict[str, NDArray[np.generic]]
Answers = Mapping[str, NDArray[np.generic]]

TOLERANCE: Mapping[str, float] = {"fp32": 1e-3, "fp16": 1e-2, "int8": 1e-1}
"""Largest difference of an output, as a share of the largest number in it."""
FLOOR = 1e-3
"""Outputs smaller than this are compared with it."""
BATCHES = (1, 3)
COMPARED = 4
"""Real inputs on which an int8 engine is compared."""


def sample_inputs(
    model: ModelFile, dtypes: Mapping[str, np.dtype[np.generic]], batches: Sequence[int] = BATCHES
) -> Iterator[Arrays]:
    """Inputs of every kind that any network of ours can take, the same each time."""
    for seed, people in enumerate(batches):
        rng = np.random.default_rng(seed)
        yield {name: _random(rng, shape, dtypes[name], people) for name, shape in model.inputs.items()}


def _random(
    rng: np.random.Generator, shape: tuple[int | str | None, ...], dtype: np.dtype[np.generic], people: int
) -> NDArray[np.generic]:
    """0..1, or 0..255 where whole numbers are wanted."""
    sizes = [_size(axis, people) for axis in shape]
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0, 256, sizes).astype(dtype)
    return rng.uniform(0, 1, sizes).astype(dtype)


def _size(axis: int | str | None, people: int) -> int:
    low, usual, high = axis_range(axis)
    return min(people, high) if low == 1 else usual


def largest_difference(expected: Answers, got: Answers, jumps: frozenset[str] = frozenset()) -> float:
    """Over all outputs, as a share of the largest number in each; infinite for NaN or other shapes.

    Of outputs that jump (`ModelFile.jumps`), the quarter that differs most is left out.
    """
    worst = 0.0
    for name, array in expected.items():
        other = got.get(name)
        if other is None or other.shape != array.shape or not np.isfinite(other).all():
            return float("inf")
        if array.size:
            scale = max(float(np.abs(array).max()), FLOOR)
            apart = np.abs(array.astype(np.float64) - other.astype(np.float64))
            worst = max(worst, float(np.quantile(apart, 0.75 if name in jumps else 1.0)) / scale)
    return worst


def compare_with_onnx(
    model: ModelFile,
    run: Callable[..., Answers],
    samples: Sequence[Answers] = (),
    batches: Sequence[int] = BATCHES,
) -> float:
    """Largest difference between `run` and ONNX Runtime on the processor, as a share of the answers.

    On a few of the `samples`, or on made-up inputs for so many people where there are none.
    """
    reference = OnnxNetwork(model.name, data=model.data)
    made_up = sample_inputs(model, reference.dtypes, batches)
    inputs = [dict(sample) for sample in samples[:COMPARED]] or list(made_up)
    return max(largest_difference(reference(**x), run(**x), model.jumps) for x in inputs)


def check_alike(name: str, precision: str, difference: float) -> None:
    """Raises ModelError when an engine of this precision differs by more than its tolerance."""
    if not difference <= TOLERANCE[precision]:
        raise ModelError(
            f"The {precision} form of {name} differs from ONNX Runtime by {difference:.2g} of the largest "
            f"number ({TOLERANCE[precision]:g} is allowed)."
        )
