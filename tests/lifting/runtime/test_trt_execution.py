"""Our side of running an engine: right numbers, no memory in the steady state, clear errors. No GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.errors import DeviceError, MissingExtra, ModelError
from lifting.runtime import cuda as cuda_module
from lifting.runtime.cuda import Buffer, Cuda
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.trt_execution import MOST_SHAPES, Execution
from tests.lifting.runtime import fake_gpu
from tests.lifting.runtime.fake_gpu import SCRATCH_BYTES, FakeRuntime, fake_plan, fake_tensorrt

RNG = np.random.default_rng(0)


def open_fake(
    path: Path, runtime: FakeRuntime, *, can_capture: bool = True, name: str = "tensorrt"
) -> Execution:
    """The network at `path` as an engine on the fake GPU."""
    trt = fake_tensorrt(runtime, can_capture=can_capture, name=name)
    return Execution(trt, Cuda(runtime), fake_plan(path.read_bytes()), path.name)  # type: ignore[arg-type]


def numbers(people: int) -> np.ndarray:
    """Input of the dense network."""
    return RNG.normal(size=(people, 6)).astype(np.float32)


@pytest.mark.parametrize("can_capture", [True, False])
def test_the_answers_are_the_networks(dense_path: Path, can_capture: bool) -> None:
    """For changing numbers of people, back and forth, as graphs and without."""
    runtime = FakeRuntime(can_capture=can_capture)
    run, exact = open_fake(dense_path, runtime, can_capture=can_capture), OnnxNetwork(dense_path)
    for people in (1, 4, 1, 16, 4, 2):
        x = numbers(people)
        np.testing.assert_array_equal(run({"x": x})["y"], exact(x=x)["y"])
    assert bool(runtime.calls["cudaGraphLaunch"]) is can_capture


def test_a_capture_that_is_void_at_its_end_costs_speed_only(dense_path: Path) -> None:
    """TensorRT starts the work, and only the end of the capture says that it was not allowed."""
    runtime = FakeRuntime(can_capture=False)
    run, exact = open_fake(dense_path, runtime, can_capture=True), OnnxNetwork(dense_path)
    for _ in range(2):
        x = numbers(2)
        np.testing.assert_array_equal(run({"x": x})["y"], exact(x=x)["y"])
    assert runtime.calls["cudaGraphLaunch"] == 0


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt_rtx"])
def test_all_shapes_share_one_scratch(dense_path: Path, name: str) -> None:
    """It is as large as the largest picture needs, so one for each number of people would fill a GPU."""
    runtime = FakeRuntime()
    run = open_fake(dense_path, runtime, name=name)
    for people in (1, 2, 3):
        run({"x": numbers(people)})
    sizes = [len(block) for block in runtime.blocks.values()]
    assert sizes.count(SCRATCH_BYTES) == 1
    assert len(sizes) == 1 + 3 * 2 * 2


def test_without_a_known_size_contexts_bring_their_own(
    dense_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Engines that need no scratch memory, and libraries that do not tell how much."""
    monkeypatch.setattr(fake_gpu._Engine, "device_memory_size_v2", 0)
    runtime = FakeRuntime()
    run, exact, x = open_fake(dense_path, runtime), OnnxNetwork(dense_path), numbers(2)
    np.testing.assert_array_equal(run({"x": x})["y"], exact(x=x)["y"])
    assert len(runtime.blocks) == 2 * 2


def test_warm_up_makes_the_usual_shapes_ready(dense_path: Path) -> None:
    """One person: the first frame takes no memory any more."""
    runtime = FakeRuntime()
    run = open_fake(dense_path, runtime)
    run.warm_up(OnnxNetwork(dense_path).inputs)
    runtime.calls.clear()
    run({"x": numbers(1)})
    assert runtime.calls == {"cudaGraphLaunch": 1, "cudaStreamSynchronize": 1}


def test_the_steady_state_takes_no_memory(dense_path: Path) -> None:
    """After the first call one launch and one wait per call, and nothing else."""
    runtime = FakeRuntime()
    run = open_fake(dense_path, runtime)
    run({"x": numbers(3)})
    runtime.calls.clear()
    for _ in range(5):
        run({"x": numbers(3)})
    assert runtime.calls == {"cudaGraphLaunch": 5, "cudaStreamSynchronize": 5}


def test_answers_are_not_overwritten_by_the_next(dense_path: Path) -> None:
    """They are copies of the buffers."""
    run = open_fake(dense_path, FakeRuntime())
    first = run({"x": numbers(1)})["y"]
    kept = first.copy()
    run({"x": numbers(1)})
    np.testing.assert_array_equal(first, kept)


def test_everything_is_given_back(dense_path: Path) -> None:
    """By close, twice, and for shapes that are used no more."""
    runtime = FakeRuntime()
    run = open_fake(dense_path, runtime)
    for people in range(1, 17):
        run({"x": numbers(people)})
    assert len(runtime.blocks) == 1 + 2 * 2 * 16
    assert MOST_SHAPES >= 16
    run.close()
    run.close()
    assert not runtime.blocks


def test_the_oldest_shapes_make_room(dense_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that changing sizes do not fill the GPU."""
    monkeypatch.setattr("lifting.runtime.trt_execution.MOST_SHAPES", 2)
    runtime = FakeRuntime()
    run = open_fake(dense_path, runtime)
    for people in (1, 2, 3, 4, 3):
        run({"x": numbers(people)})
    assert len(runtime.blocks) == 1 + 2 * 2 * 2


def test_a_full_gpu_is_said_and_survived(dense_path: Path) -> None:
    """The call that does not fit fails with a sentence; what it took is free again; others go on."""
    runtime = FakeRuntime(memory=1000)
    run = open_fake(dense_path, runtime)
    run({"x": numbers(1)})
    taken = len(runtime.blocks)
    with pytest.raises(DeviceError, match="no memory left"):
        run({"x": numbers(16)})
    assert len(runtime.blocks) == taken
    assert run({"x": numbers(1)})["y"].shape == (1, 3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": numbers(1)}, "takes x, not z"),
        ({"x": np.zeros((1, 5), np.float32)}, r"cannot take x \(1, 5\)"),
        ({"x": np.zeros((17, 6), np.float32)}, r"cannot take x \(17, 6\)"),
        ({"x": np.zeros((1, 6), np.complex64)}, "takes x as float32, not complex64"),
    ],
)
def test_arrays_that_do_not_fit(dense_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    """Wrong names, shapes, and more people than the profile has."""
    with pytest.raises(ModelError, match=message):
        open_fake(dense_path, FakeRuntime())(arrays)


def test_what_only_this_engine_cannot_take_another_may(dense_path: Path) -> None:
    """More rows than its profile has are a step down; another number of columns is an error everywhere."""
    run = open_fake(dense_path, FakeRuntime())
    for rows, columns, kind in ((17, 6, DeviceError), (1, 5, ModelError)):
        with pytest.raises(ModelError) as caught:
            run({"x": np.zeros((rows, columns), np.float32)})
        assert type(caught.value) is kind


def test_an_engine_of_another_version_is_no_engine(dense_path: Path) -> None:
    """The library returns nothing; we say what that means."""
    runtime = FakeRuntime()
    plan = fake_plan(dense_path.read_bytes(), "10.0")
    with pytest.raises(DeviceError, match="cannot be used here: it was made for another GPU or version"):
        Execution(fake_tensorrt(runtime), Cuda(runtime), plan, "dense.onnx")  # type: ignore[arg-type]


def test_no_gpu_no_driver_no_bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is an error that says what to do."""
    with pytest.raises(DeviceError, match="nvidia-smi"):
        Cuda(FakeRuntime(devices=0))  # type: ignore[arg-type]
    monkeypatch.setattr(cuda_module, "_MODULES", ("no.such.module",))
    with pytest.raises(MissingExtra, match="gpu"):
        Cuda()


def test_a_buffer_that_half_fits_leaves_nothing(dense_path: Path) -> None:
    """GPU memory is given back when main memory is full."""
    runtime = FakeRuntime(memory=100)
    with pytest.raises(DeviceError):
        Buffer(Cuda(runtime), (16,), np.float32)  # type: ignore[arg-type]
    assert not runtime.blocks
