"""One table of what a GPU brings: networks on every engine, the whole pipeline, memory, the floor.

    python benchmarks/gpu.py                       # every engine that is here; minutes, mostly compilation
    python benchmarks/gpu.py --leak-minutes 8      # and a long run that must not grow
    python benchmarks/gpu.py --out gpu.json

It needs no network and no installed Sealcap: copy the checkout to a machine and start it there with a Python
that has numpy, onnx, onnxruntime, OpenCV (opencv-python or -headless) and msgspec; torch with CUDA and Triton
for the torch rows, cuda-bindings and tensorrt or tensorrt_rtx for TensorRT, onnxruntime-gpu for its CUDA row.
Where something is missing or there is no GPU, the row says so. (Pure wheels that are missing can lie in a
folder beside it: PYTHONPATH=wheels python benchmarks/gpu.py.)

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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from gpu_engines import Ceilings, Row, ceilings, engines, measure, subjects  # noqa: E402

from lifting.errors import SealcapError  # noqa: E402

PICTURE = (1280, 720)


def main() -> None:
    """Measure and print."""
    args = _arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("SEALCAP_CACHE", folder)
        print(f"# {device()}\n")
        roof = ceilings()
        print(f"{_roof(roof)}\n", flush=True)
        lifter, detector = subjects(ROOT, Path(folder), args.size, PICTURE)
        chosen = [name for name in engines() if args.only in name]
        rows: list[Row] = []
        for subject in (lifter, detector):
            for name in chosen:
                rows += measure(subject, name, roof, args.calls)
        print(networks_table(rows), flush=True)
        whole = _pipelines(args, chosen, lifter, detector)
        if args.out is not None:
            found = {"device": device(), "ceilings": asdict(roof), "networks": [asdict(r) for r in rows]}
            args.out.write_text(json.dumps(found | {"pipeline": whole}, indent=1))


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


def _pipelines(args: argparse.Namespace, chosen: list[str], lifter: object, detector: object) -> list[dict]:
    """The whole way on every engine, then the long run on the fastest."""
    try:
        from gpu_pipeline import Ran, long_run, run
    except ImportError as error:
        print(f"\nThe whole pipeline cannot run here: {error}. Install what is missing.")
        return []
    ran, best = [], None
    for name in chosen:
        try:
            result, pipeline = run(name, lifter, detector, PICTURE, args.frames)
        except (SealcapError, ImportError, RuntimeError) as error:
            ran.append(Ran(name, why=" ".join(str(error).split())))
            continue
        ran.append(result)
        if best is None or result.fps > best[0].fps:
            best = (result, pipeline)
    print(pipeline_table(ran), flush=True)
    found = [asdict(r) for r in ran]
    if args.leak_minutes and best is not None:
        growth = long_run(best[1], 60 * args.leak_minutes)
        taken = growth.gpu_allocations_per_frame
        print(
            f"\n{args.leak_minutes:g} minutes on {best[0].engine}: {growth.frames} frames, "
            f"host {growth.host_mib:+.1f} MiB, GPU {growth.gpu_mib:+.1f} MiB, "
            f"{'no torch on a GPU' if taken is None else f'{taken:.3f} GPU allocations a frame'}"
        )
        found.append({"long_run": best[0].engine, **asdict(growth)})
    return found


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


def networks_table(rows: list[Row]) -> str:
    """Markdown."""
    lines = [
        "| network | engine | people | p50 ms | p99 ms | floor ms | from ORT | GPU MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        cells = f"{r.p50_ms:.3f} | {r.p99_ms:.3f} | {r.floor_ms:.3f} | {r.difference:.1e} | {r.gpu_mib:.0f}"
        lines.append(f"| {r.network} | {r.engine} | {r.people} | {f'{r.why} | | | |' if r.why else cells} |")
    return "\n".join(lines)


def pipeline_table(ran: list) -> str:
    """Markdown."""
    lines = [
        "",
        "| whole pipeline, 720p, 1 person | frames/s | p50 ms | p99 ms | ms per stage |",
        "|---|---|---|---|---|",
    ]
    for r in ran:
        cells = (
            f"{r.why} | | |" if r.why else f"{r.fps:.0f} | {r.p50_ms:.2f} | {r.p99_ms:.2f} | {r.stages_ms}"
        )
        lines.append(f"| {r.engine} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
