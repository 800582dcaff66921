"""Cache, check and fallback around an engine, on the fake GPU of `fake_gpu`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

import lifting.runtime as runtime_module
from lifting.errors import ConfigError, DeviceError, MissingExtra, ModelError
from lifting.runtime import Falling, Step, first_that_opens, onnx, open_network, tensorrt, trt_library
from lifting.runtime.cuda import Cuda
from lifting.runtime.engine_cache import EngineCache, engines_dir
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.quantise import Sample
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

    def open(
        self, path: Path, precision: str = "fp16", samples: list[Sample] | None = None
    ) -> TensorRtNetwork:
        """As open_network does."""
        return TensorRtNetwork(
            path,
            precision=precision,
            samples=samples,
            make_cuda=lambda: Cuda(self.runtime),  # type: ignore[arg-type]
        )


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


def test_an_engine_that_nobody_has_asked_is_asked_first(machine: Machine, dense_path: Path) -> None:
    """One built without a GPU: it is kept where it answers right, and refused where it does not."""
    network = machine.open(dense_path)
    key = engine_key(network.model, tensorrt.load_tensorrt(), "fp16", cuda=Cuda(machine.runtime))  # type: ignore[arg-type]
    cache = EngineCache(engines_dir())
    plan = cache.load(key)
    assert plan is not None
    assert cache.is_checked(key)
    cache.store(key, plan, "dense.onnx")
    machine.open(dense_path)
    assert cache.is_checked(key)
    cache.store(key, plan, "dense.onnx")
    machine.error = 5.0
    with pytest.raises(ModelError, match="differs from ONNX Runtime"):
        machine.open(dense_path)
    assert cache.load(key) is None
    assert machine.built == 1


def test_nothing_is_kept_before_it_has_answered(
    machine: Machine, dense_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of the comparison leaves no engine that nobody has asked."""

    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(tensorrt, "check_alike", lambda *_: interrupted())
    with pytest.raises(KeyboardInterrupt):
        machine.open(dense_path, "fp32")
    assert not engines(tmp_path)


def test_a_full_gpu_keeps_a_good_engine(machine: Machine, dense_path: Path, tmp_path: Path) -> None:
    """It is said when the network is opened, not at the first frame, and nothing is built again."""
    machine.open(dense_path)
    machine.runtime = FakeRuntime(memory=10)
    with pytest.raises(DeviceError, match="no memory left"):
        machine.open(dense_path)
    assert machine.built == 1
    assert len(engines(tmp_path)) == 1


def test_a_disk_that_is_full_costs_the_next_run_only(
    machine: Machine, dense_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine is built and right: it runs."""

    def full(*_: object, **__: object) -> None:
        raise ModelError("Cannot keep engines in here: No space left on device.")

    monkeypatch.setattr(EngineCache, "store", full)
    x = np.ones((2, 6), np.float32)
    got = machine.open(dense_path)(x=x)["y"]
    np.testing.assert_allclose(got, OnnxNetwork(dense_path)(x=x)["y"], atol=2e-2)
    assert "this run only" in caplog.text


def test_new_samples_mean_a_new_int8_engine(
    machine: Machine, dense_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A better calibration video replaces the engine of a worse one, and voids its refusal."""
    given: list[int] = []

    def quantised(data: bytes, _name: str, samples: list[Sample]) -> bytes:
        given.append(len(samples))
        return data

    monkeypatch.setattr(tensorrt, "to_int8", quantised)
    samples = [{"x": np.ones((1, 6), np.float32)}] * 20
    machine.error = 50.0
    with pytest.raises(ModelError, match="differs"):
        machine.open(dense_path, "int8", samples)
    machine.error = 0.0
    machine.open(dense_path, "int8", samples[:17])
    machine.open(dense_path, "int8", samples[:18])
    machine.open(dense_path, "int8")
    assert given == [20, 17, 18]
    assert machine.built == 3
    assert len(list((tmp_path / "cache" / "engines").iterdir())) == 2


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
    assert axis_range("height") == (64, 720, 3840)
    assert (
        profile_text({"x": ("n", 3), "f": ("height", "width", 3)}) == "x 1|16×3; f 64|720|3840×64|1280|3840×3"
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

    below: list[Step] = [("b", never)]
    assert first_that_opens([("a", lambda: network), *below]) == (network, below)


def test_a_gpu_that_fails_later_is_a_step_down_too(
    machine: Machine, dense_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full at a new number of people: the call is answered by the processor, and the GPU is given back."""
    monkeypatch.setattr(runtime_module, "_SAID", set())
    machine.runtime = FakeRuntime(memory=700)
    steps: list[Step] = [("TensorRT", lambda: machine.open(dense_path)), ("processor", lambda: exact)]
    exact = OnnxNetwork(dense_path)
    network = Falling(*first_that_opens(steps))
    assert set(network.inputs) == {"x"}
    for people in (1, 16, 1):
        x = np.random.default_rng(people).normal(size=(people, 6)).astype(np.float32)
        np.testing.assert_allclose(network(x=x)["y"], exact(x=x)["y"], atol=2e-2)
    assert network.network is exact
    assert not machine.runtime.blocks
    (said,) = [r.getMessage() for r in caplog.records if "processor" in r.getMessage()]
    assert said.startswith("processor from now on. The GPU has no memory left.")
    with pytest.raises(ModelError, match="could not run"):
        network(x=np.zeros((1, 5), np.float32))


def test_the_processor_takes_over_from_a_gpu_alone(dense_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that only a GPU may begin goes on without one."""

    class Broken(OnnxNetwork):
        def __call__(self, **_: object) -> dict[str, np.ndarray]:
            if self._on_gpu:
                raise DeviceError("CUDA's cudaGraphLaunch failed.")
            return super().__call__(**_)  # type: ignore[arg-type]

    def opened(path: Path, *, provider: str, **_: object) -> OnnxNetwork:
        network = Broken(path)
        network._on_gpu = provider != onnx.CPU
        return network

    monkeypatch.setattr(onnx, "OnnxNetwork", opened)
    network = open_network(dense_path, device="cuda", gpu_only=True)
    assert network(x=np.ones((2, 6), np.float32))["y"].shape == (2, 3)


@pytest.mark.parametrize(
    ("error", "message"), [(ModuleNotFoundError, "sealcap[train]"), (OSError, "cannot be loaded")]
)
def test_torch_that_is_missing_or_broken(
    dense_path: Path,
    error: type[Exception],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The processor answers, and the extra is named: no traceback."""
    monkeypatch.setattr(runtime_module, "_SAID", set())

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "lifting.runtime.torch":
                raise error("No module named 'torch'")

    monkeypatch.delitem(sys.modules, "lifting.runtime.torch", raising=False)
    monkeypatch.delattr(runtime_module, "torch", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    assert isinstance(open_network(dense_path, backend="torch"), OnnxNetwork)
    assert message in caplog.text


@pytest.mark.parametrize(("name", "value"), [("backend", "tpu"), ("device", "mps")])
def test_unknown_names(dense_path: Path, name: str, value: str) -> None:
    """Backends and devices that there are not."""
    with pytest.raises(ConfigError, match=f"no {name} '{value}'"):
        open_network(dense_path, **{name: value})
