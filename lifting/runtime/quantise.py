"""fp32 → int8 with explicit Q/DQ nodes, calibrated on real inputs, by ONNX Runtime's static quantisation.

TensorRT takes the scales from the graph. Only convolutions and matrix products between others of their kind
are quantised; the first and the last heavy operator stay as they are, since they see raw and exact numbers.
int8 costs accuracy for little speed on small pose networks (docs/gpu.md), so it is never chosen for you.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError, MissingExtra, ModelError
from lifting.runtime.model_file import parse_model

Sample = Mapping[str, NDArray[np.generic]]
FEWEST_SAMPLES = 16
QUANTISED = ("Conv", "Gemm", "MatMul")


class _Samples:
    """Calibration data as ONNX Runtime asks for it."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._left = iter(samples)

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        """The next one; None at the end."""
        sample = next(self._left, None)
        return None if sample is None else dict(sample)


def to_int8(data: bytes, name: str, samples: list[Sample]) -> bytes:
    """The model with Q/DQ nodes. Raises ConfigError for too few samples, ModelError for nothing to do."""
    if len(samples) < FEWEST_SAMPLES:
        raise ConfigError(
            f"int8 needs at least {FEWEST_SAMPLES} inputs to calibrate on, got {len(samples)}. "
            f"Give a longer video with people: --calibration-video FILE"
        )
    model = parse_model(data, name)
    heavy = [node.name for node in model.graph.node if node.op_type in QUANTISED]
    if len(heavy) < 3 or len(set(heavy)) < len(heavy):
        raise ModelError(f"{name} has nothing to quantise; take --precision fp16.")
    return _quantise(data, samples, keep=[heavy[0], heavy[-1]])


def _quantise(data: bytes, samples: list[Sample], keep: list[str]) -> bytes:
    try:
        from onnxruntime import quantization as q
    except ImportError:
        raise MissingExtra("onnxruntime", "gpu") from None
    before = logging.root.level
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(data)
        logging.root.setLevel(logging.ERROR)  # it recommends a preparation that changes nothing here
        try:
            q.quantize_static(
                source,
                target,
                _Samples(samples),
                quant_format=q.QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTISED),
                nodes_to_exclude=keep,
                per_channel=True,
                activation_type=q.QuantType.QInt8,
                weight_type=q.QuantType.QInt8,
                # TensorRT wants zero points of 0, and biases left as they are.
                extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
            )
        finally:
            logging.root.setLevel(before)
        return target.read_bytes()
