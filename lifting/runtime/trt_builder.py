"""ONNX → a TensorRT plan: parse, profile, build. Types are the graph's own (`lifting.runtime.precision`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lifting.errors import ModelError
from lifting.runtime.model_file import ModelFile, Shape
from lifting.runtime.trt_library import TensorRt

Report = Callable[[str, float], None]
"""Hears what a build does now, and how much of it all is done, 0..1; below 0: as much as before."""

Range = tuple[int, int, int]
WORKSPACE_BYTES = 1 << 30
MAX_PEOPLE = 8
PEOPLE: Range = (1, 1, 2 * MAX_PEOPLE)
"""Smallest, usual and largest batch. Twice the people: the lifter is asked with gravity and without."""
HEIGHT: Range = (64, 720, 3840)
WIDTH: Range = (64, 1280, 3840)
"""4K, lying or, as telephones film, standing."""
AXES: Mapping[str, Range] = {"height": HEIGHT, "width": WIDTH}
"""Open axes by name; every other one counts people."""


def axis_range(axis: int | str | None) -> Range:
    """Sizes that an axis of an input may take."""
    if isinstance(axis, int):
        return (axis, axis, axis)
    return AXES.get(axis or "", PEOPLE)


def profile_text(inputs: Mapping[str, Shape]) -> str:
    """The profile as part of an engine's key: keypoints 1|1|16×9×21×3."""
    return "; ".join(
        f"{name} " + "×".join("|".join(map(str, dict.fromkeys(axis_range(a)))) for a in shape)
        for name, shape in inputs.items()
    )


def build_plan(
    trt: TensorRt,
    model: ModelFile,
    *,
    capability: tuple[int, int] | None = None,
    timing_cache: bytes = b"",
    report: Report | None = None,
) -> tuple[bytes, bytes]:
    """The plan, and what was learned about the speed of kernels, for the next build.

    `capability`: RTX only, the GPU to build for in place of the one here. Raises ModelError with the
    operator that is not supported, ConfigError for a capability that RTX does not know.
    """
    trt.complaints.clear()
    builder = _builder(trt)
    network = builder.create_network(trt.network_flags())
    parser = _parse(trt, network, model)  # the network's weights lie in it until the plan is made
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.module.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    config.clear_flag(trt.module.BuilderFlag.TF32)  # fp32 means fp32; fp16 is what is fast
    config.add_optimization_profile(_profile(builder, model.inputs))
    if report is not None:
        config.progress_monitor = _monitor(trt.module, report)
    timings = None
    if trt.is_rtx:
        config.num_compute_capabilities = 1
        config.set_compute_capability(trt.capability(capability), 0)
    else:
        # Nothing comes back for what another version left, or a full disk cut off.
        timings = config.create_timing_cache(timing_cache) or config.create_timing_cache(b"")
        config.set_timing_cache(timings, False)
    plan = builder.build_serialized_network(network, config)
    del parser
    if plan is None:
        reason = trt.take_complaint("no reason given")
        raise ModelError(f"{trt.name} could not build an engine of {model.name}: {reason}")
    return bytes(plan), b"" if timings is None else bytes(timings.serialize())


def _builder(trt: TensorRt) -> Any:
    """TensorRT itself needs a GPU to start; it says so with a null pointer."""
    try:
        return trt.module.Builder(trt.logger)
    except (TypeError, RuntimeError) as error:
        reason = trt.take_complaint(str(error))
        raise ModelError(f"{trt.name} cannot start without a GPU and its driver: {reason}") from error


def _parse(trt: TensorRt, network: Any, model: ModelFile) -> Any:
    """The parser, done. Raises ModelError."""
    parser = trt.module.OnnxParser(network, trt.logger)
    if parser.parse(model.data):
        return parser
    error = parser.get_error(0) if parser.num_errors else None
    reason = trt.take_complaint("no reason given") if error is None else _parser_reason(error)
    raise ModelError(f"{trt.name} cannot read {model.name}: {reason}")


def _parser_reason(error: Any) -> str:
    text = " ".join(str(error.desc()).split())
    operator = error.node_operator() if hasattr(error, "node_operator") else ""
    return f"{operator}: {text}" if operator else text


def _profile(builder: Any, inputs: Mapping[str, Shape]) -> Any:
    profile = builder.create_optimization_profile()
    for name, shape in inputs.items():
        ranges = [axis_range(axis) for axis in shape]
        profile.set_shape(name, *(tuple(r[i] for r in ranges) for i in range(3)))
    return profile


def _monitor(module: Any, report: Report) -> Any:
    """TensorRT reports nested phases with steps; what is shown is the outermost one's share."""

    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}
            self._outer = ""

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self._steps[phase] = max(steps, 1)
            if parent is None:
                self._outer = phase
            report(phase, 0.0 if parent is None else -1.0)

        def phase_finish(self, phase: str) -> None:
            self._steps.pop(phase, None)
            if phase == self._outer:
                report(phase, 1.0)

        def step_complete(self, phase: str, step: int) -> bool:
            if phase == self._outer:
                report(phase, min((step + 1) / self._steps.get(phase, 1), 1.0))
            return True

    return Monitor()
