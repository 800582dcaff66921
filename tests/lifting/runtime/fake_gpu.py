"""The edge to the GPU, made of main memory: CUDA's functions and TensorRT's classes as we call them.

What is ours (buffers, order of work, graphs, cache, checks) runs for real on top of it; an engine runs its
ONNX by ONNX Runtime, between the very addresses it is given. Nothing happens before the stream is waited for,
and what is captured happens only when the graph is launched.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.trt_library import TensorRt

PLAN_MARK = b"PLAN"
SCRATCH_BYTES = 64
USER_MANAGED, STATIC, EAGER = "user managed", "static", "eager"


class Status(int):
    """An answer of the runtime, with its name."""

    def __new__(cls, number: int, name: str) -> Status:
        """As cudaError_t."""
        made = super().__new__(cls, number)
        made.name = name
        return made


OK, FULL, NO_DRIVER = Status(0, "cudaSuccess"), Status(2, "cudaErrorMemoryAllocation"), Status(35, "cudaErrorInsufficientDriver")  # fmt: skip # noqa: E501
INVALID = Status(901, "cudaErrorStreamCaptureInvalidated")


class FakeRuntime:
    """`cuda.bindings.runtime`."""

    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def __init__(self, *, devices: int = 1, memory: int = 1 << 30, can_capture: bool = True) -> None:
        self.calls: Counter[str] = Counter()
        self.blocks: dict[int, Any] = {}
        self.pending: list[Callable[[], None]] = []
        self.captured: list[Callable[[], None]] | None = None
        self._devices, self._memory, self._can_capture = devices, memory, can_capture

    def __getattribute__(self, name: str) -> Any:
        """Counts every call."""
        if name.startswith("cuda") and name[4].isupper() and not name.endswith(("Kind", "Mode")):
            object.__getattribute__(self, "calls")[name] += 1
        return object.__getattribute__(self, name)

    def enqueue(self, work: Callable[[], None]) -> None:
        """Later, or into the graph."""
        (self.pending if self.captured is None else self.captured).append(work)

    def cudaGetDeviceCount(self) -> tuple[Any, ...]:  # noqa: N802
        return (OK, self._devices) if self._devices else (NO_DRIVER, None)

    def cudaSetDevice(self, _number: int) -> tuple[Any, ...]:  # noqa: N802
        return (OK,)

    def cudaGetDeviceProperties(self, _number: int) -> tuple[Any, ...]:  # noqa: N802
        return OK, SimpleNamespace(name=b"Fake GPU", major=9, minor=0, totalGlobalMem=self._memory)

    def cudaDriverGetVersion(self) -> tuple[Any, ...]:  # noqa: N802
        return OK, 13000

    def cudaRuntimeGetVersion(self) -> tuple[Any, ...]:  # noqa: N802
        return OK, 13040

    def cudaMemGetInfo(self) -> tuple[Any, ...]:  # noqa: N802
        used = sum(len(block) for block in self.blocks.values())
        return OK, (self._memory - used), self._memory

    def _take(self, size: int) -> tuple[Any, ...]:
        if sum(len(block) for block in self.blocks.values()) + size > self._memory:
            return FULL, None
        block = (ctypes.c_uint8 * size)()
        address = ctypes.addressof(block)
        self.blocks[address] = block
        return OK, address

    def cudaMalloc(self, size: int) -> tuple[Any, ...]:  # noqa: N802
        return self._take(size)

    def cudaHostAlloc(self, size: int, _flags: int) -> tuple[Any, ...]:  # noqa: N802
        return self._take(size)

    def cudaFree(self, address: int) -> tuple[Any, ...]:  # noqa: N802
        del self.blocks[address]
        return (OK,)

    cudaFreeHost = cudaFree

    def cudaStreamCreateWithFlags(self, _flags: int) -> tuple[Any, ...]:  # noqa: N802
        return OK, 7

    def cudaStreamDestroy(self, _stream: int) -> tuple[Any, ...]:  # noqa: N802
        return (OK,)

    def cudaStreamSynchronize(self, _stream: int) -> tuple[Any, ...]:  # noqa: N802
        todo, self.pending = self.pending, []
        for work in todo:
            work()
        return (OK,)

    def cudaMemcpyAsync(self, to: int, source: int, size: int, _kind: int, _stream: int) -> tuple[Any, ...]:  # noqa: N802
        self.enqueue(lambda: ctypes.memmove(to, source, size) and None)
        return (OK,)

    def cudaStreamBeginCapture(self, _stream: int, _mode: int) -> tuple[Any, ...]:  # noqa: N802
        self.captured = []
        return (OK,)

    def cudaStreamEndCapture(self, _stream: int) -> tuple[Any, ...]:  # noqa: N802
        noted, self.captured = self.captured, None
        return (OK, noted) if self._can_capture else (INVALID, None)

    def cudaGraphInstantiate(self, noted: Any, _flags: int) -> tuple[Any, ...]:  # noqa: N802
        return OK, noted

    def cudaGraphDestroy(self, _graph: Any) -> tuple[Any, ...]:  # noqa: N802
        return (OK,)

    def cudaGraphLaunch(self, graph: Any, _stream: int) -> tuple[Any, ...]:  # noqa: N802
        self.pending.extend(graph)
        return (OK,)

    def cudaGraphExecDestroy(self, _graph: Any) -> tuple[Any, ...]:  # noqa: N802
        return (OK,)


class _Engine:
    """Runs the ONNX that its plan holds."""

    device_memory_size_v2 = SCRATCH_BYTES

    def __init__(self, runtime: FakeRuntime, model: bytes, error: float, can_capture: bool) -> None:
        self._runtime, self._error, self._can_capture = runtime, error, can_capture
        self.network = OnnxNetwork("plan", data=model)
        outputs = [o.name for o in self.network._session.get_outputs()]
        self.names = [*self.network.inputs, *outputs]

    @property
    def num_io_tensors(self) -> int:
        return len(self.names)

    def get_tensor_name(self, i: int) -> str:
        return self.names[i]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name in self.network.inputs else "out"

    def get_tensor_dtype(self, name: str) -> Any:
        return self.network.dtypes.get(name, np.dtype(np.float32))

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        """-1 where it is open."""
        return tuple(a if isinstance(a, int) else -1 for a in self.network.inputs[name])

    def create_runtime_config(self) -> _RuntimeConfig:
        return _RuntimeConfig()

    def create_execution_context(self, options: Any) -> _Context:
        """A strategy, or for RTX a configuration that holds one."""
        if isinstance(options, _RuntimeConfig):
            assert options.dynamic_shapes_kernel_specialization_strategy == EAGER
            options = options.strategy
        assert options == (USER_MANAGED if self.device_memory_size_v2 else STATIC)
        return _Context(self, self._runtime, self._error, self._can_capture)


class _RuntimeConfig:
    """RTX's options of a context."""

    dynamic_shapes_kernel_specialization_strategy = ""
    strategy = STATIC

    def set_execution_context_allocation_strategy(self, strategy: str) -> None:
        self.strategy = strategy


class _Context:
    """Shapes and addresses, and the work."""

    def __init__(self, engine: _Engine, runtime: FakeRuntime, error: float, can_capture: bool) -> None:
        self._engine, self._runtime, self._error, self._can_capture = engine, runtime, error, can_capture
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._at: dict[str, int] = {}
        self._scratch = 0

    def set_device_memory(self, address: int, size: int) -> None:
        assert size >= SCRATCH_BYTES
        self._scratch = address

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        wanted = self._engine.network.inputs[name]
        fits = len(wanted) == len(shape) and all(
            a == b for a, b in zip(wanted, shape, strict=True) if isinstance(a, int)
        )
        self._shapes[name] = shape
        return fits and shape[0] <= 16

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name not in self._shapes:
            zeros = {n: np.zeros(self._shapes[n], d) for n, d in self._engine.network.dtypes.items()}
            self._shapes |= {n: a.shape for n, a in self._engine.network(**zeros).items()}
        return self._shapes[name]

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._at[name] = address
        return True

    def execute_async_v3(self, _stream: int) -> bool:
        if self._runtime.captured is not None and not self._can_capture:
            return False
        self._runtime.enqueue(self._work)
        return True

    def _work(self) -> None:
        if self._engine.device_memory_size_v2:
            assert self._scratch in self._runtime.blocks, "scratch memory was given back, or never given"
        inputs = {n: self._array(n, d) for n, d in self._engine.network.dtypes.items()}
        for name, values in self._engine.network(**inputs).items():
            self._array(name, np.dtype(np.float32))[...] = values + self._error

    def _array(self, name: str, dtype: np.dtype[Any]) -> np.ndarray:
        shape = self._shapes[name]
        size = int(np.prod(shape)) * dtype.itemsize
        raw = (ctypes.c_uint8 * size).from_address(self._at[name])
        return np.frombuffer(raw, dtype).reshape(shape)


def fake_tensorrt(
    runtime: FakeRuntime,
    *,
    version: str = "11.4",
    error: float = 0.0,
    can_capture: bool = True,
    name: str = "tensorrt",
) -> TensorRt:
    """The library `name`, whose plans are marked ONNX files; `error` is added to every answer."""

    def deserialize(plan: bytes) -> _Engine | None:
        if not plan.startswith(PLAN_MARK + version.encode()):
            return None
        return _Engine(runtime, plan[len(PLAN_MARK) + len(version) :], error, can_capture)

    module = SimpleNamespace(
        Runtime=lambda _logger: SimpleNamespace(deserialize_cuda_engine=deserialize),
        TensorIOMode=SimpleNamespace(INPUT="in"),
        nptype=lambda dtype: dtype,
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED=USER_MANAGED, STATIC=STATIC),
        DynamicShapesKernelSpecializationStrategy=SimpleNamespace(EAGER=EAGER),
    )
    return TensorRt(module, name, version)


def fake_plan(model: bytes, version: str = "11.4") -> bytes:
    """What `fake_tensorrt` of this version runs."""
    return PLAN_MARK + version.encode() + model
