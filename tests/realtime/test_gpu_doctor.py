"""What the doctor says about GPU and engines."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lifting.errors import DeviceError, MissingExtra
from lifting.runtime import onnx
from lifting.runtime.engine_cache import EngineCache, EngineKey, engines_dir
from lifting.runtime.onnx import OnnxNetwork
from realtime import gpu_doctor
from realtime.doctor import check_gpu
from realtime.doctor_check import Grade


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache."""
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path))


def test_a_machine_without_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fine, since none is needed; every faster engine has its reason, and equal reasons are said once."""

    def none() -> None:
        raise DeviceError("There is no NVIDIA GPU.")

    def missing() -> None:
        raise MissingExtra("tensorrt", "gpu")

    monkeypatch.setattr(gpu_doctor, "Cuda", none)
    monkeypatch.setattr(gpu_doctor, "load_tensorrt", missing)
    found = check_gpu()
    assert found.grade is Grade.OK
    assert "no usable NVIDIA GPU" in found.detail
    assert "fastest engine here: ONNX Runtime on the processor" in found.detail
    assert "not TensorRT: tensorrt is not installed" in found.detail
    assert "no engines built yet" in found.detail


def test_without_the_bindings_nothing_is_said_against_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not needed by torch and ONNX Runtime, which are asked themselves then."""

    def missing() -> None:
        raise MissingExtra("cuda-bindings", "gpu")

    sees = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True))
    monkeypatch.setattr(gpu_doctor, "Cuda", missing)
    monkeypatch.setattr(gpu_doctor, "version", lambda _: "2.13.0")
    monkeypatch.setattr(gpu_doctor.importlib, "import_module", lambda _: sees)
    assert "not looked for" in gpu_doctor.describe_gpu()
    assert dict(gpu_doctor.chain())["torch with CUDA"] == ""
    sees.cuda.is_available = lambda: False
    assert dict(gpu_doctor.chain())["torch with CUDA"] == "torch sees no NVIDIA GPU"


def test_a_cuda_provider_is_started_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver is there, cuDNN is not: a list of providers does not tell."""
    asked: list[bytes] = []

    def opened(_name: str, *, provider: str, data: bytes) -> OnnxNetwork:
        asked.append(data)
        raise DeviceError("ONNX Runtime could not start CUDA: no GPU, or CUDA libraries are missing.")

    monkeypatch.setattr(gpu_doctor.onnx, "providers", lambda: (onnx.CUDA, onnx.CPU))
    monkeypatch.setattr(gpu_doctor.onnx, "OnnxNetwork", opened)
    assert "could not start" in dict(gpu_doctor.chain())["ONNX Runtime with CUDA"]
    network = OnnxNetwork("probe", data=asked[0])
    assert network(x=np.float32([3]))["y"] == 3


def test_equal_reasons_are_said_once() -> None:
    """One driver that is missing stands against all of them."""
    text = gpu_doctor.describe_chain([("A", "No driver."), ("B", "No driver."), ("C", "")])
    assert text == "fastest engine here: C (not A, B: No driver)"
    assert gpu_doctor.describe_chain([("A", ""), ("B", "x")]) == "fastest engine here: A (not B: x)"
    assert "nothing" in gpu_doctor.describe_chain([("A", "x")])


def test_built_engines_are_counted() -> None:
    """With their model, precision, GPU and library."""
    key = EngineKey("00", "fp16", "p", "tensorrt 11.4", "NVIDIA H200, 9.0", "13000")
    EngineCache(engines_dir()).store(key, b"plan", "lifter-small.onnx")
    text = gpu_doctor.describe_engines()
    assert text == "1 engines built: lifter-small.onnx fp16 for NVIDIA H200, 9.0 by tensorrt 11.4"


def test_an_open_cache_is_reported() -> None:
    """Instead of a traceback."""
    key = EngineKey("00", "fp16", "p", "tensorrt 11.4", "NVIDIA H200, 9.0", "13000")
    EngineCache(engines_dir()).store(key, b"plan", "m")
    engines_dir().chmod(0o777)
    assert "Others may change" in gpu_doctor.describe_engines()
