"""Networks on TensorRT: the cached engine of a model, or a new one, checked against ONNX Runtime.

    model → fp16 or Q/DQ in the graph → plan → cache → engine on the GPU → same answers as ONNX Runtime?

An engine that cannot be loaded (another GPU, another version, a damaged file) is built again. None is kept
before it has answered; one that answers differently is remembered as refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError, DeviceError, ModelError
from lifting.runtime.compare import check_alike, compare_with_onnx
from lifting.runtime.cuda import Cuda
from lifting.runtime.engine_cache import EngineCache, EngineKey, engines_dir
from lifting.runtime.model_file import ModelFile, Prepare, Shape, read_model
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.precision import to_half
from lifting.runtime.quantise import Sample, to_int8
from lifting.runtime.trt_builder import Report, build_plan, profile_text
from lifting.runtime.trt_execution import Execution
from lifting.runtime.trt_library import TensorRt, load_tensorrt

log = logging.getLogger(__name__)

PRECISIONS = ("fp16", "fp32", "int8")
MakeCuda = Callable[[], Cuda]


class TensorRtNetwork:
    """An ONNX model as a TensorRT engine on the first GPU."""

    def __init__(
        self,
        path: Path,
        *,
        precision: str = "fp16",
        prepare: Prepare | None = None,
        samples: list[Sample] | None = None,
        report: Report | None = None,
        make_cuda: MakeCuda = Cuda,
    ) -> None:
        """`samples`: to calibrate int8, anew each time; without them only a cached int8 engine serves.

        Raises MissingExtra, DeviceError or ModelError when there is no such engine to be had.
        """
        self.path = path
        self.model = read_model(path, prepare)
        trt, cuda = load_tensorrt(), make_cuda()
        key = engine_key(self.model, trt, precision, cuda=cuda)
        builder = EngineBuilder(trt, self.model, precision, samples or [], report)
        self._run = _open(trt, cuda, key, builder)
        self.engine_bytes = self._run.plan_bytes

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key-value pairs stored in the model."""
        return self.model.metadata

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Input names in order, with shapes."""
        return self.model.inputs

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once. Raises ModelError when an array does not fit."""
        return self._run(arrays)

    def close(self) -> None:
        """Give the GPU's memory back; idempotent."""
        self._run.close()


class EngineBuilder:
    """Makes plans of one model in one precision."""

    def __init__(
        self, trt: TensorRt, model: ModelFile, precision: str, samples: list[Sample], report: Report | None
    ) -> None:
        """Raises ConfigError for an unknown precision."""
        if precision not in PRECISIONS:
            raise ConfigError(f"There is no precision {precision!r}; choose one of: {', '.join(PRECISIONS)}.")
        self.model, self.precision = model, precision
        self._trt, self.samples, self._report = trt, samples, report

    def build(self, key: EngineKey, cache: EngineCache, capability: tuple[int, int] | None = None) -> bytes:
        """A new plan for `key`, not stored yet; of `cache` the timings are used. Raises ModelError."""
        log.info("Building the %s engine of %s; this is done once.", self.precision, self.model.name)
        name = f"{key.library} {key.gpu}"
        plan, timings = build_plan(
            self._trt,
            ModelFile(self.model.name, self._typed(), self.model.inputs, self.model.outputs, {}),
            capability=capability,
            timing_cache=cache.load_timings(name),
            report=self._report,
        )
        cache.store_timings(name, timings)
        return plan

    def _typed(self) -> bytes:
        """The model with the types of this precision, checked on the processor. Raises ModelError."""
        if self.precision == "fp32":
            return self.model.data
        if self.precision == "fp16":
            typed = to_half(self.model.data, self.model.name)
        else:
            typed = to_int8(self.model.data, self.model.name, self.samples)
        difference = compare_with_onnx(self.model, OnnxNetwork(self.model.name, data=typed), self.samples)
        check_alike(self.model.name, self.precision, difference)
        return typed


def engine_key(
    model: ModelFile,
    trt: TensorRt,
    precision: str,
    *,
    cuda: Cuda | None = None,
    capability: tuple[int, int] | None = None,
) -> EngineKey:
    """The key of an engine for the GPU here, or for a named generation of GPUs."""
    gpu = cuda.gpu() if cuda else None
    major, minor = gpu.capability if gpu else capability or (0, 0)
    return EngineKey(
        model_sha256=model.sha256,
        precision=precision,
        profile=profile_text(model.inputs),
        library=f"{trt.name} {trt.version}",
        # RTX compiles its kernels on the GPU it meets, so any of that generation will do.
        gpu=f"{major}.{minor}" if trt.is_rtx or not gpu else f"{gpu.name}, {major}.{minor}",
        cuda="" if trt.is_rtx or not gpu else str(gpu.runtime),
    )


def _open(trt: TensorRt, cuda: Cuda, key: EngineKey, builder: EngineBuilder) -> Execution:
    """From the cache where that works, else new. Raises ModelError, or ConfigError for int8 uncalibrated."""
    cache = EngineCache(engines_dir())
    if not builder.samples:  # whoever brings samples wants an engine calibrated on them
        reason = cache.refused(key)
        if reason is not None:
            raise ModelError(reason)
        kept = _kept(trt, cuda, key, builder, cache)
        if kept is not None:
            return kept
    if builder.precision == "int8" and not builder.samples:
        raise ConfigError(
            f"There is no int8 engine of {builder.model.name} yet. Type: sealcap compile --precision int8"
        )
    plan = builder.build(key, cache)
    return _checked(Execution(trt, cuda, plan, builder.model.name), plan, key, builder, cache)


def _kept(
    trt: TensorRt, cuda: Cuda, key: EngineKey, builder: EngineBuilder, cache: EngineCache
) -> Execution | None:
    """The stored engine, ready to run; None where there is none that loads. Raises ModelError."""
    plan = cache.load(key)
    if plan is None:
        return None
    try:
        run = Execution(trt, cuda, plan, builder.model.name)
    except DeviceError as error:
        log.warning("%s It is built again.", error)
        return None
    # Made-up inputs say nothing of int8; its graph was compared on its samples when it was built.
    if not cache.is_checked(key) and builder.precision != "int8":
        return _checked(run, plan, key, builder, cache)
    try:
        run.warm_up(builder.model.inputs)
    except DeviceError:  # the GPU is full: another engine for now, but this one is good
        run.close()
        raise
    return run


def _checked(
    run: Execution, plan: bytes, key: EngineKey, builder: EngineBuilder, cache: EngineCache
) -> Execution:
    """`run`, stored, if it answers as ONNX Runtime does. Raises ModelError."""
    try:
        difference = compare_with_onnx(builder.model, lambda **arrays: run(arrays), builder.samples)
        check_alike(builder.model.name, builder.precision, difference)
    except ModelError as error:
        run.close()
        if not isinstance(error, DeviceError):  # the GPU may be free again next time
            cache.forget(key)
            cache.refuse(key, str(error))
        raise
    try:
        cache.store(key, plan, builder.model.name, checked=True)
    except ModelError as error:
        log.warning("%s This engine serves this run only.", error)
    return run
