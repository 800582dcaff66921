"""What one answer of every network of a comparison costs: milliseconds per frame at batch 1.

    python benchmarks/backbones.py configs/compare.yaml [--threads 1]

Each network is made untrained (speed does not depend on the weights), exported and run by ONNX Runtime as the
live pipeline runs it. Rounds go over all networks in turn, so that a noisy moment hits all of them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from lifting.export import export_lifter
from lifting.lifter import Lifter
from lifting.metadata import LifterMetadata
from lifting.models.ray_lifter import RayLifter
from training.compare.config import CompareConfig, load_compare

ROUNDS, CALLS = 10, 30


def main() -> None:
    """Export, time, print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    config = load_compare(args.config)
    with tempfile.TemporaryDirectory() as folder:
        lifters = {name: _lifter(config, name, Path(folder), args.threads) for name in config.backbones}
        times = _times(lifters)
    print("| network | parameters, M | window | p50 ms | p95 ms |\n|---|---|---|---|---|")
    for name, ms in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        p50, p95 = np.percentile(ms, [50, 95])
        metadata = lifters[name].metadata
        print(f"| {name} | {_parameters(config, name):.2f} | {metadata.window} | {p50:.2f} | {p95:.2f} |")


def _network(config: CompareConfig, name: str) -> RayLifter:
    model = config.settings(name, config.baseline, 1, {}).model
    return RayLifter(model.backbone, model.window, model.options)


def _lifter(config: CompareConfig, name: str, folder: Path, threads: int) -> Lifter:
    network, path = _network(config, name), folder / f"{name}.onnx"
    metadata = LifterMetadata(window=network.window, fps=30.0)
    export_lifter(network, metadata, path)
    return Lifter.load(path, threads=threads)


def _parameters(config: CompareConfig, name: str) -> float:
    return sum(p.numel() for p in _network(config, name).parameters()) / 1e6


def _times(lifters: dict[str, Lifter]) -> dict[str, list[float]]:
    """Milliseconds of every call."""
    rng = np.random.default_rng(1)
    times: dict[str, list[float]] = {name: [] for name in lifters}
    for _ in range(ROUNDS):
        for name, lifter in lifters.items():
            windows = rng.normal(0.0, 0.3, (1, lifter.window_length, 21, 3)).astype(np.float32)
            for _ in range(CALLS):
                begin = time.perf_counter()
                lifter.lift(windows)
                times[name].append((time.perf_counter() - begin) * 1e3)
    return times


if __name__ == "__main__":
    main()
