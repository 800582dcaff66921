"""Networks on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import MissingExtra, ModelError

MAX_BYTES = 512 << 20


class OnnxNetwork:
    """An ONNX file on the CPU. Loaded from bytes, so that it cannot refer to files outside itself."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            import onnxruntime as ort
        except ImportError:
            raise MissingExtra("onnxruntime", "cpu") from None
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning between frames would burn a core that capture and sinks need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self.path = path
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ModelError(f"{path} is larger than {MAX_BYTES >> 20} MiB; this is no model of ours.")
            providers = ["CPUExecutionProvider"]
            self._session = ort.InferenceSession(path.read_bytes(), options, providers=providers)
        except OSError as error:
            raise ModelError(f"Cannot read the model {path}: {error.strerror}.") from error
        except Exception as error:
            if type(error).__module__.startswith("onnxruntime"):
                raise ModelError(f"{path} is not a usable ONNX model: {error}") from error
            raise
        self._outputs = [o.name for o in self._session.get_outputs()]

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key-value pairs stored in the file."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def inputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """Input names in order, with shapes."""
        return {i.name: tuple(i.shape) for i in self._session.get_inputs()}

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once. Raises ModelError when an array does not fit."""
        try:
            values = self._session.run(self._outputs, arrays)
        except Exception as error:
            if type(error).__module__.startswith("onnxruntime") or isinstance(error, ValueError):
                raise ModelError(f"{self.path.name} could not run: {error}") from error
            raise
        return dict(zip(self._outputs, values, strict=True))
