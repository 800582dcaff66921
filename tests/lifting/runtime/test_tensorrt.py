"""Cache, check and fallback around an engine, on the fake GPU of `fake_gpu`."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import lifting.runtime as runtime_module
from lifting.errors import ConfigError, DeviceError, MissingExtra, ModelError
from lifting.runtime import first_that_opens, open_network, tensorrt, trt_library
from lifting.runtime.cuda import Cuda
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.tensorrt import TensorRtNetwork, engine_key
from lifting.runtime.trt_builder import axis_range, profile_text
from tests.lifting.runtime.fake_gpu import FakeRuntime, fake_plan, fake_tensorrt


class Machine:
    """A machine with a fake GPU; counts what is built."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.runtime, self.built, self.error, self.version = FakeRuntime(), 0, 0.0, "11.4"
        monkeypatch.setenv("SEALCAP_CACHE", str(folder))
        monkeypatch.setattr(
            tensorrt,
            "load_tensorrt",
            lambda: fake_tensorrt(self.runtime, version=self.version, error=self.error),
        )
        monkeypatch.setattr(tensorrt, "build_plan", self._build)

    def _build(self, _trt: object, model: tensorrt.ModelFile, **_more: object) -> tuple[bytes, bytes]:
        self.built += 1
        return fake_plan(model.data, self.version), b"timings"

    def open(self, path: Path, precision: str = "fp16") -> TensorRtNetwork:
        """As open_network does."""
        return TensorRtNetwork(path, precision=precision, make_cuda=lambda: Cuda(self.runtime))  # type: ignore[arg-type]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """A fresh one."""
    return Machine(monkeypatch, tmp_path / "cache")


def engines(folder: Path) -> list[Path]:
    """In the cache of the test."""
    return sorted((folder / "cache" / "engines").glob("*.engine"))


def test_built_once_then_from_the_cache(machine: Machine, dense_path: Path, tmp_path: Path) -> None:
    """And the numbers are ONNX Runtime's; fp32 is another engine."""
    x = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    for _ in range(2):
        got = machine.open(dense_path)(x=x)["y"]
        np.testing.assert_allclose(got, OnnxNetwork(dense_path)(x=x)["y"], atol=2e-2)
    assert machine.built == 1
    machine.open(dense_path, "fp32")
    assert machine.built == 2
    assert len(engines(tmp_path)) == 2


def test_a_damaged_engine_is_built_again(machine: Machine, dense_path: Path, tmp_path: Path) -> None:
    """Without a word to the user."""
    machine.open(dense_path)
    (path,) = engines(tmp_path)
    path.write_bytes(path.read_bytes()[:-7])
    machine.open(dense_path)
    assert machine.built == 2


def test_an_engine_that_does_not_load_is_built_again(machine: Machine, dense_path: Path, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip # noqa: E501
    """A plan whose key fits but which this library refuses."""
    machine.open(dense_path)
    machine.runtime = FakeRuntime()
    load = tensorrt.load_tensorrt

    def newer() -> trt_library.TensorRt:
        trt = load()
        inner = fake_tensorrt(machine.runtime, version="11.5").module
        return trt_library.TensorRt(inner, trt.name, trt.version)

    tensorrt.load_tensorrt = newer  # type: ignore[assignment]
    machine.version = "11.4"
    with pytest.raises(DeviceError, match="cannot be used here"):
        machine.open(dense_path)
    assert "built again" in caplog.text
    assert machine.built == 2


def test_wrong_answers_are_refused_and_remembered(machine: Machine, dense_path: Path, tmp_path: Path) -> None:
    """The engine is deleted, and nobody waits for it a second time."""
    machine.error = 5.0
    for _ in range(2):
        with pytest.raises(ModelError, match="differs from ONNX Runtime"):
            machine.open(dense_path)
    assert machine.built == 1
    assert not engines(tmp_path)


def test_a_full_gpu_refuses_nothing_for_good(machine: Machine, dense_path: Path) -> None:
    """Next time it may be free."""
    machine.runtime = FakeRuntime(memory=10)
    with pytest.raises(DeviceError, match="no memory"):
        machine.open(dense_path)
    machine.runtime = FakeRuntime()
    machine.open(dense_path)


def test_unknown_precision(machine: Machine, dense_path: Path) -> None:
    """The known ones are named."""
    with pytest.raises(ConfigError, match="fp16, fp32, int8"):
        machine.open(dense_path, "fp8")


def test_int8_without_samples_says_how(machine: Machine, dense_path: Path) -> None:
    """A run does not calibrate by itself."""
    with pytest.raises(ConfigError, match="sealcap compile --precision int8"):
        machine.open(dense_path, "int8")


def test_rtx_engines_belong_to_a_generation(dense_path: Path) -> None:
    """TensorRT's to one GPU and CUDA version; so one built elsewhere for 9.0 is found by a GPU of 9.0."""
    runtime = FakeRuntime()
    cuda = Cuda(runtime)  # type: ignore[arg-type]
    model = tensorrt.read_model(dense_path)
    full = fake_tensorrt(runtime)
    rtx = trt_library.TensorRt(full.module, "tensorrt_rtx", "1.7")
    assert engine_key(model, full, "fp16", cuda=cuda).gpu == "Fake GPU, 9.0"
    assert engine_key(model, rtx, "fp16", cuda=cuda) == engine_key(model, rtx, "fp16", capability=(9, 0))


def test_profiles_count_people_and_pixels() -> None:
    """Open axes are people unless they are called height or width."""
    assert axis_range("batch") == (1, 1, 16)
    assert axis_range(None) == (1, 1, 16)
    assert axis_range("height")[1] == 720
    assert (
        profile_text({"x": ("n", 3), "f": ("height", "width", 3)}) == "x 1|16×3; f 64|720|2160×64|1280|3840×3"
    )


def test_the_chain_goes_down_and_says_so_once(
    dense_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No TensorRT, no CUDA: the processor answers, and each step down is one line, once."""
    monkeypatch.setattr(runtime_module, "_SAID", set())

    def none() -> trt_library.TensorRt:
        raise MissingExtra("tensorrt", "gpu")

    monkeypatch.setattr(tensorrt, "load_tensorrt", none)
    x = np.ones((2, 6), np.float32)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            network = open_network(dense_path, backend="tensorrt")
            np.testing.assert_array_equal(network(x=x)["y"], OnnxNetwork(dense_path)(x=x)["y"])
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert lines[0].startswith("ONNX Runtime with CUDA in place of TensorRT. tensorrt is not")
    assert lines[1].startswith("ONNX Runtime on the processor in place of ONNX Runtime with CUDA")


def test_the_chain_ends_with_the_processor(dense_path: Path) -> None:
    """What it cannot do either is an error; with gpu_only it is not asked."""
    dense_path.write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a usable"):
        open_network(dense_path, backend="torch", device="cuda")
    with pytest.raises((ModelError, MissingExtra)):
        open_network(dense_path, backend="tensorrt", gpu_only=True)


def test_the_first_that_opens_is_taken(dense_path: Path) -> None:
    """Nothing after it is tried."""
    network = OnnxNetwork(dense_path)

    def never() -> OnnxNetwork:
        raise AssertionError

    assert first_that_opens([("a", lambda: network), ("b", never)]) is network


@pytest.mark.parametrize(("name", "value"), [("backend", "tpu"), ("device", "mps")])
def test_unknown_names(dense_path: Path, name: str, value: str) -> None:
    """Backends and devices that there are not."""
    with pytest.raises(ConfigError, match=f"no {name} '{value}'"):
        open_network(dense_path, **{name: value})
