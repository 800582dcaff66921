"""Networks on OpenVINO: the processor's units for bfloat16 (AMX, AVX-512), which ONNX Runtime leaves idle.

bfloat16 has the range of float32 and 8 bits of mantissa: fine for pictures in and heatmaps out, too coarse
for metres. Where the processor has no such units it computes in float32.
"""

from __future__ import annotations

import functools
import io
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError, DeviceError, MissingExtra, ModelError
from lifting.runtime.engine_cache import EngineCache, EngineKey, engines_dir
from lifting.runtime.model_file import ModelFile, Prepare, Shape, read_model

log = logging.getLogger(__name__)

HINTS = {"bf16": "bf16", "fp32": "f32"}
KEPT_FROM_BYTES = 1 << 20
"""Smaller models are compiled faster than they are looked up."""


class OpenVinoNetwork:
    """An ONNX file on the processor. Loaded from bytes, so that it cannot refer to files outside itself."""

    def __init__(
        self, path: Path, *, threads: int = 1, precision: str | None = None, prepare: Prepare | None = None
    ) -> None:
        """`precision`: bf16 or fp32; by default bf16 where the processor computes in it.

        What it compiles takes seconds and is kept (`lifting.runtime.engine_cache`). Raises ConfigError for
        another precision, MissingExtra, DeviceError where OpenVINO does not start, ModelError where it cannot
        run the model or others may write to the folder of engines.
        """
        if precision is not None and precision not in HINTS:
            raise ConfigError(f"OpenVINO runs bf16 or fp32 here, not {precision}.")
        core = _core()
        self._model = read_model(path, prepare)
        self.precision = precision or ("bf16" if computes_bf16() else "fp32")
        compiled = _Compiler(core, self._model, self.precision, threads).kept_or_new()
        self._request = compiled.create_infer_request()
        self._running = threading.Lock()

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key-value pairs stored in the file."""
        return self._model.metadata

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Input names in order, with shapes."""
        return self._model.inputs

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once. Raises ModelError when an array does not fit."""
        self._model.check(arrays)  # OpenVINO itself takes rows too short where the first axis is open
        with self._running:
            try:
                self._request.infer(arrays)
            except (RuntimeError, TypeError, ValueError) as error:
                raise ModelError(f"{self._model.name} could not run: {_last_line(error)}") from error
            return {name: self._request.get_tensor(name).data.copy() for name in self._model.outputs}


class _Compiler:
    """ONNX to OpenVINO's own form, from the cache of engines where it is there."""

    def __init__(self, core: Any, model: ModelFile, precision: str, threads: int) -> None:
        self._core, self._model = core, model
        self._options = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # capture and sinks need the cores as well
        }
        self._key = EngineKey(
            model_sha256=model.sha256,
            precision=precision,
            profile=f"{threads} threads",
            library=f"openvino {_version()}",
            gpu=str(core.get_property("CPU", "FULL_DEVICE_NAME")),
            cuda="",
        )

    def kept_or_new(self) -> Any:
        """A compiled model. Raises ModelError."""
        if len(self._model.data) < KEPT_FROM_BYTES:
            return self._compile()
        cache = EngineCache(engines_dir())
        return self._import(cache) or self._compile_and_keep(cache)

    def _import(self, cache: EngineCache) -> Any:
        """None where there is none that can be used."""
        kept = cache.load(self._key)
        if kept is None:
            return None
        try:
            return self._core.import_model(io.BytesIO(kept), "CPU", self._options)
        except RuntimeError as error:
            log.info("The kept form of %s does not load: %s", self._model.name, _last_line(error))
            cache.forget(self._key)
            return None

    def _compile_and_keep(self, cache: EngineCache) -> Any:
        log.info("Compiling %s for this processor; this is done once.", self._model.name)
        compiled = self._compile()
        form = compiled.export_model()
        try:
            cache.store(self._key, form.getvalue(), self._model.name, checked=True)
        except ModelError as error:
            log.warning("%s is compiled at every start. %s", self._model.name, error)
        return compiled

    def _compile(self) -> Any:
        try:
            network = self._core.read_model(io.BytesIO(self._model.data))
            return self._core.compile_model(network, "CPU", self._options)
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot run {self._model.name}: {_last_line(error)}") from error


def computes_bf16() -> bool:
    """True where this processor has units for bfloat16. Raises MissingExtra, DeviceError."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _core() -> Any:
    try:
        import openvino
    except ImportError:
        raise MissingExtra("openvino", "cpu") from None
    return _started(openvino)


@functools.cache
def _started(openvino: Any) -> Any:
    """One for all networks: it looks for plugins and asks the processor, which takes a fifth of a second."""
    core = openvino.Core()
    if "CPU" not in core.available_devices:
        raise DeviceError("OpenVINO has no plugin for this processor.")
    return core


def _version() -> str:
    import openvino

    return str(openvino.__version__)


def _last_line(error: Exception) -> str:
    """OpenVINO begins with the places in its source; what went wrong comes last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
