"""`sealcap compile`: TensorRT engines of lifter and detector, built now so that no run waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from lifting.errors import ConfigError, DeviceError, MissingExtra, ModelError
from lifting.runtime.compare import compare_with_onnx
from lifting.runtime.cuda import Cuda
from lifting.runtime.engine_cache import EngineCache, engines_dir
from lifting.runtime.model_file import Prepare, read_model
from lifting.runtime.quantise import Sample
from lifting.runtime.tensorrt import EngineBuilder, TensorRtNetwork, engine_key
from lifting.runtime.trt_builder import Report
from lifting.runtime.trt_library import TensorRt, load_tensorrt
from realtime.build import lifter_path
from realtime.config import LifterConfig
from realtime.detectors.device_graph import with_crop_and_peaks
from realtime.detectors.factory import detector_models
from realtime.detectors.real_inputs import real_inputs
from realtime.models.store import model_path

DEFAULT_CAPABILITY = "8.9"
"""GPU generation to build for where no GPU is here: GeForce 40, L4."""


@dataclass(frozen=True)
class _Job:
    name: str
    path: Path
    prepare: Prepare | None
    precision: str
    kind: str = ""
    """Of detector; empty for the others, which are never int8."""


@dataclass(frozen=True)
class _Done:
    job: _Job
    mebibytes: float
    seconds: float
    outcome: str


def compile(
    *,
    precision: Literal["fp16", "fp32", "int8"] = "fp16",
    lifter: str = "small",
    detector: str = "blazepose",
    variant: str | None = None,
    capability: str | None = None,
    calibration_video: Path | None = None,
) -> int:
    """Build the TensorRT engines that `sealcap run --backend tensorrt` uses, check them and keep them.

    Args:
        precision: Numbers inside the engines. int8 concerns the detector; the lifter stays fp16 then.
        lifter: small, the path of a lifter of yours, or none.
        detector: blazepose, movenet, rtmpose, the path of an RTMPose ONNX file, or none.
        variant: As --detector.variant of `sealcap run`.
        capability: Without a GPU here: the compute capability to build for (TensorRT for RTX only).
        calibration_video: int8: a video with people; the demo clip if empty.
    """
    console = Console(stderr=True, highlight=False)
    trt = load_tensorrt()
    cuda, why = _gpu(trt)
    jobs = [*_lifter_jobs(lifter, precision), *_detector_jobs(detector, variant, precision)]
    if not jobs:
        raise ConfigError("There is nothing to build: both --lifter and --detector are none.")
    make: Callable[[_Job, Report], _Done] = partial(_here, video=calibration_video)
    if cuda is None:
        target = parse_capability(capability or DEFAULT_CAPABILITY)
        trt.capability(target)
        console.print(f"{escape(why)} Building for compute capability {target[0]}.{target[1]}.")
        make = partial(_elsewhere, trt=trt, target=target, video=calibration_video)
    done = [_with_progress(job, make, console) for job in jobs]
    console.print(_table(done))
    console.print(f"Kept in {engines_dir()}", soft_wrap=True)
    return 0 if all(d.mebibytes for d in done) else 1


def _gpu(trt: TensorRt) -> tuple[Cuda | None, str]:
    """The GPU, or why there is none. Raises DeviceError where TensorRT cannot build without."""
    try:
        return Cuda(), ""
    except (DeviceError, MissingExtra) as error:
        if not trt.is_rtx:
            raise
        return None, str(error)


def parse_capability(text: str) -> tuple[int, int]:
    """8.9 → (8, 9). Raises ConfigError."""
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal() and len(text) <= 5):
        raise ConfigError(
            f"--capability {text}: give MAJOR.MINOR, such as --capability {DEFAULT_CAPABILITY}."
        )
    return int(major), int(minor)


def _lifter_jobs(lifter: str, precision: str) -> list[_Job]:
    if lifter == "none":
        return []
    own = Path(lifter) if lifter.endswith(".onnx") else None
    if own is None and lifter != "small":
        raise ConfigError(f"There is no lifter {lifter!r}; give small, none, or the path of an ONNX file.")
    path = lifter_path(LifterConfig(model=own))
    return [_Job("lifter", path, None, "fp16" if precision == "int8" else precision)]


def _detector_jobs(detector: str, variant: str | None, precision: str) -> list[_Job]:
    """The network itself and the one that finds people; only the first may be int8."""
    if detector == "none":
        return []
    own = detector.endswith(".onnx")
    kind = "rtmpose" if own else detector
    if kind == "mmpose":
        raise ConfigError(
            "mmpose runs in torch; export it with `sealcap models export-mmpose` and give that."
        )
    names = detector_models(kind, variant, detector if own else None)
    paths = {name: model_path(name) for name in names} | ({"rtmpose": Path(detector)} if own else {})
    jobs = []
    for name, path in paths.items():
        main = "search" not in name
        prepare = with_crop_and_peaks if main and kind == "rtmpose" else None
        own_precision = precision if main or precision != "int8" else "fp16"
        jobs.append(_Job(name, path, prepare, own_precision, kind if main else ""))
    return jobs


def _with_progress(job: _Job, make: Callable[[_Job, Report], _Done], console: Console) -> _Done:
    bars = Progress(
        TextColumn("{task.fields[name]}"),
        BarColumn(),
        TextColumn("{task.description}", style="dim"),
        TimeElapsedColumn(),
        TextColumn("left", style="dim"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bars:
        task = bars.add_task("reading", total=1.0, name=f"{job.name} {job.precision}")

        def report(what: str, share: float) -> None:
            bars.update(task, description=what[:50], completed=share if share >= 0 else None)

        begin = time.monotonic()
        try:
            return make(job, report)
        except (ModelError, ConfigError) as error:
            return _Done(job, 0.0, time.monotonic() - begin, str(error))


def _here(job: _Job, report: Report, *, video: Path | None) -> _Done:
    """On this machine's GPU: from the cache or new, and compared with ONNX Runtime once more."""
    samples = _samples(job, video)
    begin = time.monotonic()
    network = TensorRtNetwork(
        job.path, precision=job.precision, prepare=job.prepare, samples=samples, report=report
    )
    seconds = time.monotonic() - begin
    difference = compare_with_onnx(network.model, network)
    network.close()
    return _Done(job, network.engine_bytes / 2**20, seconds, f"runs here, {difference:.1e} from ONNX Runtime")


def _elsewhere(
    job: _Job, report: Report, *, trt: TensorRt, target: tuple[int, int], video: Path | None
) -> _Done:
    """For a GPU that is not here, by TensorRT for RTX."""
    model = read_model(job.path, job.prepare)
    key = engine_key(model, trt, job.precision, capability=target)
    samples = _samples(job, video)
    begin = time.monotonic()
    cache = EngineCache(engines_dir())
    plan = EngineBuilder(trt, model, job.precision, samples, report).build(key, cache, target)
    cache.store(key, plan, model.name)
    return _Done(job, len(plan) / 2**20, time.monotonic() - begin, "built, not executed")


def _samples(job: _Job, video: Path | None) -> list[Sample]:
    """Crops of real people where the precision asks for them."""
    if job.precision != "int8":
        return []
    return list(real_inputs(job.kind, job.path, job.prepare, video))


def _table(done: list[_Done]) -> Table:
    table = Table("network", "numbers", "MiB", "seconds", "outcome", box=None)
    for d in done:
        size = f"{d.mebibytes:.1f}" if d.mebibytes else "-"
        table.add_row(d.job.name, d.job.precision, size, f"{d.seconds:.1f}", escape(d.outcome))
    return table
