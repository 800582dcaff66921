"""Networks on ONNX Runtime, on the processor or on a GPU."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DeviceError, MissingExtra, ModelError
from lifting.runtime.model_file import Prepare, Shape, read_model

CPU = "CPUExecutionProvider"
CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
WARNING, ERROR, FATAL = 2, 3, 4
"""ONNX Runtime's log levels."""


class OnnxNetwork:
    """An ONNX file. Loaded from bytes, so that it cannot refer to files outside itself."""

    def __init__(
        self,
        path: Path | str,
        *,
        threads: int = 1,
        provider: str = CPU,
        prepare: Prepare | None = None,
        data: bytes | None = None,
    ) -> None:
        """`provider`: the part of ONNX Runtime that must run it; what it cannot do, the processor does.
        `data`: the model where it is at hand already; `path` is only its name then.

        Raises MissingExtra, ModelError, or DeviceError where the provider is not there or does not start.
        """
        self.path = Path(path)
        model = read_model(self.path, prepare).data if data is None else data
        self._on_gpu = provider != CPU
        self._session = _open(model, self.path, threads, provider)
        self._outputs = [o.name for o in self._session.get_outputs()]

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key-value pairs stored in the file."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Input names in order, with shapes."""
        return {i.name: tuple(i.shape) for i in self._session.get_inputs()}

    @property
    def dtypes(self) -> Mapping[str, np.dtype[np.generic]]:
        """Input names with their element types."""
        return {i.name: np.dtype(_NUMPY[i.type]) for i in self._session.get_inputs()}

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once. Raises ModelError when an array does not fit, DeviceError when the GPU fails."""
        try:
            values = self._session.run(self._outputs, arrays)
        except Exception as error:
            if not (type(error).__module__.startswith("onnxruntime") or isinstance(error, ValueError)):
                raise
            mine = isinstance(error, ValueError) or type(error).__name__ == "InvalidArgument"
            kind = DeviceError if self._on_gpu and not mine else ModelError
            raise kind(f"{self.path.name} could not run: {error}") from error
        return dict(zip(self._outputs, values, strict=True))


_NUMPY: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


def providers() -> tuple[str, ...]:
    """What the installed ONNX Runtime was built with; whether it works shows when it is opened."""
    try:
        import onnxruntime as ort
    except ImportError:
        return ()
    return tuple(ort.get_available_providers())


def _open(model: bytes, path: Path, threads: int, provider: str) -> Any:
    try:
        import onnxruntime as ort
    except ImportError:
        raise MissingExtra("onnxruntime", "cpu") from None
    if provider not in ort.get_available_providers():
        name = provider.removesuffix("ExecutionProvider")
        raise DeviceError(f"This ONNX Runtime knows no {name}. Type: pip install 'sealcap[gpu]'")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning between frames would burn a core that capture and sinks need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = ERROR if provider == CPU else FATAL
    try:
        with nullcontext() if provider == CPU else _gpu_started_quietly(ort):
            session = ort.InferenceSession(model, options, providers=_chain(provider))
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise ModelError(f"{path} is not a usable ONNX model: {error}") from error
    if provider not in session.get_providers():  # it goes on with the next one by itself, without a word
        name = provider.removesuffix("ExecutionProvider")
        raise DeviceError(f"ONNX Runtime could not start {name}: no GPU, or CUDA libraries are missing.")
    return session


@contextmanager
def _gpu_started_quietly(ort: Any) -> Iterator[None]:
    """With CUDA's libraries that came as Python packages (`sealcap[gpu]`), which no loader finds by itself.

    A provider that does not start is told by what is missing afterwards; meanwhile ONNX Runtime prints and
    logs it, past the session's own log level, in paragraphs.
    """
    ort.set_default_logger_severity(FATAL)
    try:
        with redirect_stdout(io.StringIO()):
            if hasattr(ort, "preload_dlls"):  # since 1.21
                ort.preload_dlls()
            yield
    finally:
        ort.set_default_logger_severity(WARNING)


def _chain(provider: str) -> Sequence[str | tuple[str, Mapping[str, str]]]:
    """This provider and those below it, with what they are told."""
    order = [TENSORRT, CUDA, CPU]
    exact = {CUDA: {"use_tf32": "0"}}  # fp32 means fp32
    return [(name, exact[name]) if name in exact else name for name in order[order.index(provider) :]]
