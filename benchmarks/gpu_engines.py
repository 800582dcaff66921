"""Latency of lifter and detector on every engine there is, and the floor below which nothing can go."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rtmpose_size import multiply_adds, parameters, rtmpose_size

from lifting.errors import SealcapError
from lifting.runtime import Network
from lifting.runtime.compare import largest_difference
from lifting.runtime.model_file import Prepare, read_model
from lifting.runtime.onnx import CPU, CUDA, OnnxNetwork
from realtime.detectors.device_graph import FRAME, MATRIX, with_crop_and_peaks

BATCHES = (1, 4)
WARM_UP_CALLS = 10
LONGEST_WHY = 300


@dataclass(frozen=True)
class Subject:
    """A network and what it is asked."""

    name: str
    path: Path
    prepare: Prepare | None
    arrays: Callable[[int], dict[str, Any]]
    """Inputs for so many people."""
    operations: int
    """Multiplications and additions for one person."""
    weights: int


@dataclass
class Row:
    """One line of the table; `why` instead of numbers where it could not run."""

    network: str
    engine: str
    people: int
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    floor_ms: float = 0.0
    difference: float = 0.0
    """From ONNX Runtime on the processor, as a share of the largest number."""
    gpu_mib: float = 0.0
    allocations: float | None = None
    """Of GPU memory, a call, by torch's allocator; None without it."""
    why: str = ""


@dataclass(frozen=True)
class Ceilings:
    """What this device was measured to do at best; 0 where there is no GPU."""

    fp16_ops: float = 0.0
    fp32_ops: float = 0.0
    bytes_per_s: float = 0.0
    upload_bytes_per_s: float = 0.0


def subjects(root: Path, folder: Path, size: str, picture: tuple[int, int]) -> list[Subject]:
    """The packaged lifter, and an RTMPose-size network that crops pictures of this (width, height)."""
    lifter = root / "lifting" / "weights" / "lifter-small.onnx"
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (picture[1], picture[0], 3)).astype(np.uint8)
    matrix = np.array([[2.0, 0.0, 200.0], [0.0, 2.0, 50.0]], np.float32)

    def windows(people: int) -> dict[str, Any]:
        keypoints = rng.uniform(0, 1, (people, 9, 21, 3)).astype(np.float32)
        return {"keypoints": keypoints, "gravity": np.tile(np.float32([0, 1, 0, 1]), (people, 1))}

    def pictures(people: int) -> dict[str, Any]:
        return {FRAME: frame, MATRIX: np.tile(matrix, (people, 1, 1))}

    path = folder / f"rtmpose-{size}-size.onnx"
    path.write_bytes(rtmpose_size(size))
    made = (
        (lifter, None, windows, "lifter small"),
        (path, with_crop_and_peaks, pictures, f"RTMPose-{size} size"),
    )
    return [
        Subject(name, p, prepare, arrays, 2 * multiply_adds(p.read_bytes()), parameters(p.read_bytes()))
        for p, prepare, arrays, name in made
    ]


def engines() -> dict[str, Callable[[Subject], Network]]:
    """Name → opener. Every one may raise a SealcapError that says why not."""
    return {
        "torch eager fp32": partial(_torch, compiled=False, graphs=False),
        "torch compiled + CUDA graph fp32": partial(_torch, compiled=True, graphs=True),
        "torch compiled + CUDA graph fp16": partial(_torch, compiled=True, graphs=True, precision="fp16"),
        "ONNX Runtime CUDA": partial(_onnx, provider=CUDA),
        "TensorRT fp16": _tensorrt,
        "ONNX Runtime processor": partial(_onnx, provider=CPU),
    }


def _torch(subject: Subject, **options: Any) -> Network:
    from lifting.runtime.torch import TorchNetwork

    return TorchNetwork(subject.path, device="cuda", prepare=subject.prepare, **options)


def _onnx(subject: Subject, provider: str) -> Network:
    return OnnxNetwork(subject.path, provider=provider, prepare=subject.prepare)


def _tensorrt(subject: Subject) -> Network:
    from lifting.runtime.tensorrt import TensorRtNetwork

    return TensorRtNetwork(subject.path, prepare=subject.prepare)


def built_not_executed(subject: Subject) -> str:
    """Whether TensorRT for RTX at least builds the engine where it cannot run it."""
    from lifting.runtime.trt_builder import build_plan
    from lifting.runtime.trt_library import load_tensorrt

    try:
        trt = load_tensorrt()
    except SealcapError:
        return ""
    if not trt.is_rtx:
        return ""
    try:
        plan, _ = build_plan(trt, read_model(subject.path, subject.prepare), capability=(8, 9))
    except SealcapError as error:
        return f" ({str(error)[:80]})"
    return f"; built for 8.9, not executed ({len(plan) / 2**20:.1f} MiB)"


def measure(subject: Subject, engine: str, ceilings: Ceilings, calls: int) -> list[Row]:
    """One row per batch size; what fails says why, and those before it keep their numbers."""
    rows = [Row(subject.name, engine, people) for people in BATCHES]
    network = None
    try:
        before = used_gpu_bytes()
        network = engines()[engine](subject)
        for row in rows:
            _fill(row, network, subject, ceilings, calls)
            row.gpu_mib = (used_gpu_bytes() - before) / 2**20
    except Exception as error:  # noqa: BLE001 - one engine's failure is a row, not the end of the table
        more = built_not_executed(subject) if engine.startswith("TensorRT") else ""
        for row in rows:
            row.why = "" if row.p99_ms else f"{why(error)}{more}"
    with contextlib.suppress(SealcapError):
        getattr(network, "close", lambda: None)()
    network = None
    _tidy()
    return rows


def _fill(row: Row, network: Network, subject: Subject, ceilings: Ceilings, calls: int) -> None:
    """Numbers for this many people."""
    arrays = subject.arrays(row.people)
    network(**arrays)
    before = allocations()
    times = percentiles(lambda: network(**arrays), calls)
    if before is not None:
        row.allocations = ((allocations() or 0) - before) / (calls + min(WARM_UP_CALLS, calls))
    reference = _onnx(subject, CPU)
    jumps = read_model(subject.path, subject.prepare).jumps
    row.difference = largest_difference(reference(**arrays), network(**arrays), jumps)
    if row.engine != "ONNX Runtime processor":
        row.floor_ms = floor_ms(subject, arrays, row.people, ceilings, half="fp16" in row.engine)
    row.p50_ms, row.p99_ms = times


def why(error: Exception) -> str:
    """In one line; what nobody foresaw also goes to stderr, with its place."""
    if not isinstance(error, (SealcapError, ImportError)):
        traceback.print_exception(error, file=sys.stderr)
    kind = "" if isinstance(error, SealcapError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split()).replace("|", "/")[:LONGEST_WHY]


def _tidy() -> None:
    """torch's memory is given back, before the next engine's is counted."""
    gc.collect()
    torch = _torch_on_gpu()
    if torch is not None:
        with contextlib.suppress(RuntimeError):  # of the row before, once more
            torch.cuda.empty_cache()


def allocations() -> int | None:
    """How often torch has taken GPU memory so far; None where it does not."""
    torch = _torch_on_gpu()
    return None if torch is None else int(torch.cuda.memory_stats().get("allocation.all.allocated", 0))


def _torch_on_gpu() -> Any:
    """torch, if it was imported and sees a GPU."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_available() else None


def percentiles(call: Callable[[], object], calls: int) -> tuple[float, float]:
    """p50 and p99 in ms, from arrays in main memory to arrays in main memory."""
    for _ in range(min(WARM_UP_CALLS, calls)):
        call()
    times = []
    for _ in range(calls):
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1e3)
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))


def floor_ms(
    subject: Subject, arrays: Mapping[str, Any], people: int, ceilings: Ceilings, *, half: bool
) -> float:
    """Upload of the inputs, then the slower of arithmetic and one read of the weights, as measured."""
    if not ceilings.bytes_per_s:
        return 0.0
    upload = sum(a.nbytes for a in arrays.values()) / ceilings.upload_bytes_per_s
    arithmetic = people * subject.operations / (ceilings.fp16_ops if half else ceilings.fp32_ops)
    weights = subject.weights * (2 if half else 4) / ceilings.bytes_per_s
    return (upload + max(arithmetic, weights)) * 1e3


def ceilings() -> Ceilings:
    """Measured with torch: large matrix products, a copy on the GPU, a copy to it."""
    try:
        import torch
    except ImportError:
        return Ceilings()
    if not torch.cuda.is_available():
        return Ceilings()
    n, many = 8192, 1 << 28
    ops = {}
    for kind in (torch.float16, torch.float32):
        a, b = (torch.randn(n, n, device="cuda", dtype=kind) for _ in range(2))
        ops[kind] = 2 * n**3 / _seconds(torch, lambda a=a, b=b: a @ b)
    source = torch.empty(many, dtype=torch.uint8, device="cuda")
    target, pinned = torch.empty_like(source), torch.empty(many, dtype=torch.uint8, pin_memory=True)
    copy = 2 * many / _seconds(torch, lambda: target.copy_(source))
    upload = many / _seconds(torch, lambda: target.copy_(pinned, non_blocking=True))
    return Ceilings(ops[torch.float16], ops[torch.float32], copy, upload)


def _seconds(torch: Any, call: Callable[[], object]) -> float:
    """Of one call among ten in a row."""
    for _ in range(3):
        call()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(10):
        call()
    torch.cuda.synchronize()
    return (time.perf_counter() - begin) / 10


def used_gpu_bytes() -> int:
    """Of all processes; 0 without a GPU."""
    try:
        import torch
    except ImportError:
        return 0
    if not torch.cuda.is_available():
        return 0
    free, total = torch.cuda.mem_get_info()
    return int(total - free)
