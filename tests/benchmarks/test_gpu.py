"""The GPU benchmark runs anywhere, from a plain checkout, and says why a row has no numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rtmpose_size import multiply_adds, parameters, rtmpose_size
from lifting.runtime.onnx import OnnxNetwork

ROOT = Path(__file__).resolve().parents[2]
ALONE = """
import runpy, sys

class Absent:
    names = {"PIL", "cv2_enumerate_cameras", "mcap", "platformdirs", "pydantic", "pythonosc", "rich", "tyro",
             "viser", "websockets", "yaml", "zmq", "zstandard"}

    def find_spec(self, name, *_):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script where there is little else."""


@pytest.mark.parametrize(
    ("size", "millions", "giga"), [("t", 3.3, 0.36), ("s", 5.5, 0.68), ("m", 13.6, 1.93)]
)
def test_the_network_is_of_rtmposes_size(size: str, millions: float, giga: float) -> None:
    """Within a few percent of the published parameters and operations."""
    data = rtmpose_size(size)
    assert parameters(data) / 1e6 == pytest.approx(millions, rel=0.07)
    assert multiply_adds(data) / 1e9 == pytest.approx(giga, rel=0.04)


def test_an_engine_that_fails_is_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With an error that nobody foresaw, in the middle: the numbers before it stay, the others say why."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import gpu_engines

    (lifter, _) = gpu_engines.subjects(ROOT, tmp_path, "t", (160, 90))
    closed = []

    class Fails(OnnxNetwork):
        def __call__(self, **arrays: np.ndarray) -> dict[str, np.ndarray]:
            if len(arrays["keypoints"]) > 1:
                raise TypeError("create_execution_context(): incompatible | arguments")
            return super().__call__(**arrays)

        def close(self) -> None:
            closed.append(True)

    def never(_subject: object) -> OnnxNetwork:
        raise AttributeError("module has no attribute 'nptype'")

    monkeypatch.setattr(gpu_engines, "engines", lambda: {"a": lambda s: Fails(s.path), "b": never})
    one, four = gpu_engines.measure(lifter, "a", gpu_engines.Ceilings(), 3)
    assert 0 < one.p50_ms <= one.p99_ms
    assert one.why == ""
    assert four.why == "TypeError: create_execution_context(): incompatible / arguments"
    assert closed == [True]
    assert all("nptype" in row.why for row in gpu_engines.measure(lifter, "b", gpu_engines.Ceilings(), 3))


def test_it_runs_without_a_gpu(tmp_path: Path) -> None:
    """Every row is there; those of the processor have numbers, the others a reason.

    Nothing is installed, and of what Sealcap needs only what the file's head names can be imported.
    """
    out = tmp_path / "gpu.json"
    script = ROOT / "benchmarks" / "gpu.py"
    command = [sys.executable, "-c", ALONE, script, "--size", "t", "--calls", "3", "--frames", "8"]
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SEALCAP_CACHE")}
    done = subprocess.run(
        [*command, "--leak-minutes", "0.02", "--out", out],
        capture_output=True, text=True, env=env, cwd=tmp_path, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(out.read_text())
    rows = found["networks"]
    assert len(rows) == 2 * 2 * 6
    processor = [r for r in rows if r["engine"] == "ONNX Runtime processor"]
    assert all(0 < r["p50_ms"] <= r["p99_ms"] and not r["why"] and r["difference"] == 0 for r in processor)
    assert all(r["why"] or r["p50_ms"] > 0 for r in rows)
    assert any("fps" in r and r["fps"] > 0 for r in found["pipeline"])
    assert "frames, host" in done.stdout
    assert "| RTMPose-t size | TensorRT fp16 | 4 |" in done.stdout
