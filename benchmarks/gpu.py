"""One table of what a GPU brings: networks on every engine, the whole pipeline, memory, the floor.

    python benchmarks/gpu.py                       # every engine that is here; minutes, mostly compilation
    python benchmarks/gpu.py --leak-minutes 8      # and a long run that must not grow
    python benchmarks/gpu.py --out gpu.json        # written after every part
    python benchmarks/gpu.py --only "graph fp16" --calls 20 --leak-minutes 8   # little but the long run

It needs no network and no installed Sealcap: copy the checkout to a machine and start it there with a Python
that has numpy, onnx, onnxruntime, OpenCV (opencv-python or -headless) and msgspec; torch with CUDA and Triton
for the torch rows, cuda-bindings and tensorrt or tensorrt_rtx for TensorRT, onnxruntime-gpu for its CUDA row.
Where something is missing, fails, or there is no GPU, the row says so. (Wheels that are missing can be
unpacked into a folder beside it: PYTHONPATH=wheels python benchmarks/gpu.py.)

The detector has RTMPose's build and size with random weights (benchmarks/rtmpose_size.py): its work is real,
its answers are not, so the pipeline goes on with the truth of a synthetic figure. Times are from arrays in
main memory to arrays in main memory, whole pictures of 1280×720 uploaded for the detector. The floor is the
upload plus the slower of arithmetic and reading all weights once, at ceilings measured first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from gpu_engines import BATCHES, Ceilings, Row, Subject, ceilings, engines, measure, subjects, why  # noqa: E402

from lifting.errors import SealcapError  # noqa: E402

if TYPE_CHECKING:
    from gpu_pipeline import EndToEnd, Ran

PICTURE = (1280, 720)


def main() -> None:
    """Measure and print."""
    args = _arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("SEALCAP_CACHE", folder)
        found: dict[str, object] = {"device": device()}
        print(f"# {found['device']}\n", flush=True)
        try:
            roof = ceilings()
        except RuntimeError as error:  # a GPU that torch sees and cannot use
            roof = Ceilings()
            print(f"Ceilings could not be measured: {why(error)}")
        print(f"{_roof(roof)}\n", flush=True)
        lifter, detector = subjects(ROOT, Path(folder), args.size, PICTURE)
        chosen = [name for name in engines() if args.only in name]
        rows: list[Row] = []
        print(NETWORKS_HEAD, flush=True)
        for subject, name in product((lifter, detector), chosen):
            rows += measure(subject, name, roof, args.calls)
            print(network_lines(rows[-len(BATCHES) :]), flush=True)
            found |= {"ceilings": asdict(roof), "networks": [asdict(r) for r in rows]}
            _keep(args.out, found)
        ran, best = _pipelines(args, chosen, lifter, detector)
        found["pipeline"] = ran
        _keep(args.out, found)
        if args.leak_minutes and best is not None:
            ran.append(_long_run(best, args.leak_minutes))
            _keep(args.out, found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=300, help="per row")
    parser.add_argument("--frames", type=int, default=600, help="of the whole pipeline, per engine")
    parser.add_argument("--size", choices=["t", "s", "m"], default="m", help="of the detector")
    parser.add_argument("--only", default="", help="engines whose name holds this text")
    parser.add_argument("--leak-minutes", type=float, default=0.0)
    parser.add_argument("--out", type=Path, help="JSON file")
    return parser.parse_args()


def _keep(out: Path | None, found: dict[str, object]) -> None:
    """What is known so far."""
    if out is not None:
        out.write_text(json.dumps(found, indent=1))


def _pipelines(
    args: argparse.Namespace, chosen: list[str], lifter: Subject, detector: Subject
) -> tuple[list[dict], tuple[str, EndToEnd] | None]:
    """The whole way on every engine, and the fastest of them."""
    try:
        from gpu_pipeline import Ran, run
    except ImportError as error:
        print(f"\nThe whole pipeline cannot run here: {error}. Install what is missing.")
        return [], None
    ran, best, most = [], None, 0.0
    print(PIPELINE_HEAD, flush=True)
    for name in chosen:
        try:
            result, pipeline = run(name, lifter, detector, PICTURE, args.frames)
            if result.fps > most:
                best, most = (name, pipeline), result.fps
        except Exception as error:  # noqa: BLE001 - one engine's failure is a row, not the end of the table
            result = Ran(name, why=why(error))
        print(pipeline_line(result), flush=True)
        ran.append(asdict(result))
    return ran, best


def _long_run(best: tuple[str, EndToEnd], minutes: float) -> dict:
    """What grows."""
    from gpu_pipeline import long_run

    growth = long_run(best[1], 60 * minutes)
    taken = growth.gpu_allocations_per_frame
    print(
        f"\n{minutes:g} minutes on {best[0]}: {growth.frames} frames, "
        f"host {growth.host_mib:+.1f} MiB, GPU {growth.gpu_mib:+.1f} MiB, "
        f"{'no torch on a GPU' if taken is None else f'{taken:.3f} GPU allocations a frame'}"
    )
    return {"long_run": best[0], **asdict(growth)}


def device() -> str:
    """The GPU, or that there is none, and the processor."""
    try:
        from lifting.runtime.cuda import Cuda

        gpu = Cuda().gpu()
        name = f"{gpu.name}, driver for CUDA {gpu.driver // 1000}.{gpu.driver % 1000 // 10}"
    except SealcapError as error:
        name = f"no GPU by cuda-bindings: {error}"
    return f"{name} · {platform.processor() or platform.machine()}, {os.cpu_count()} cores · Python {platform.python_version()}"  # noqa: E501


def _roof(roof: Ceilings) -> str:
    if not roof.bytes_per_s:
        return "No ceilings: torch sees no GPU."
    return (
        f"Ceilings measured: fp16 {roof.fp16_ops / 1e12:.0f} and fp32 {roof.fp32_ops / 1e12:.0f} TFLOP/s, "
        f"copy {roof.bytes_per_s / 1e9:.0f} GB/s, upload {roof.upload_bytes_per_s / 1e9:.1f} GB/s"
    )


NETWORKS_HEAD = (
    "| network | engine | people | p50 ms | p99 ms | floor ms | from ORT | GPU MiB | allocations a call |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
PIPELINE_HEAD = (
    "\n| whole pipeline, 720p, 1 person | frames/s | p50 ms | p99 ms | ms per stage |\n|---|---|---|---|---|"
)


def network_lines(rows: list[Row]) -> str:
    """Of the table."""
    return "\n".join(
        f"| {r.network} | {r.engine} | {r.people} | {f'{r.why} | | | | |' if r.why else _numbers(r)} |"
        for r in rows
    )


def _numbers(r: Row) -> str:
    taken = "-" if r.allocations is None else f"{r.allocations:.2f}"
    times = f"{r.p50_ms:.3f} | {r.p99_ms:.3f} | {r.floor_ms:.3f}"
    return f"{times} | {r.difference:.1e} | {r.gpu_mib:.0f} | {taken}"


def pipeline_line(r: Ran) -> str:
    """Of the table."""
    numbers = f"{r.fps:.0f} | {r.p50_ms:.2f} | {r.p99_ms:.2f} | {r.stages_ms}"
    return f"| {r.engine} | {f'{r.why} | | |' if r.why else numbers} |"


if __name__ == "__main__":
    main()
