"""The CUDA runtime through NVIDIA's bindings: devices, memory, streams, graphs. No other file calls it.

Handles stay with the object that made them and are given back by `close`, which may be called twice.
"""

from __future__ import annotations

import ctypes
import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lifting.errors import DeviceError, MissingExtra

_MODULES = ("cuda.bindings.runtime", "cuda.cudart")
"""Since cuda-python 12.6, and before."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """What engines depend on."""

    name: str
    capability: tuple[int, int]
    """Compute capability, (9, 0) for Hopper."""
    memory_bytes: int
    driver: int
    """Newest CUDA version that the driver speaks: 13000 = 13.0."""
    runtime: int


class Cuda:
    """The calls we need, each raising DeviceError where the runtime answers with an error."""

    def __init__(self, runtime: ModuleType | None = None) -> None:
        """`runtime` stands in for the bindings. Raises MissingExtra, or DeviceError without a usable GPU."""
        self._runtime: Any = runtime or _bindings()
        try:
            count = self.call("cudaGetDeviceCount")
        except DeviceError as error:
            raise DeviceError(f"There is no usable NVIDIA GPU. {error}") from error
        if not count:
            raise DeviceError("There is no NVIDIA GPU in this machine.")
        self.call("cudaSetDevice", 0)

    def call(self, name: str, *args: Any) -> Any:
        """One function of the runtime: its value, or a tuple of several. Raises DeviceError."""
        try:
            status, *values = getattr(self._runtime, name)(*args)
        except (RuntimeError, OSError) as error:  # a driver library that is there but cannot be loaded
            raise DeviceError(f"The CUDA driver cannot be loaded: {error}.") from error
        if int(status) != 0:
            raise DeviceError(self._explain(name, status))
        return values[0] if len(values) == 1 else tuple(values) or None

    def gpu(self) -> Gpu:
        """The GPU in use."""
        properties = self.call("cudaGetDeviceProperties", 0)
        name = properties.name
        return Gpu(
            name=(name.decode(errors="replace") if isinstance(name, bytes) else str(name)).rstrip("\0"),
            capability=(int(properties.major), int(properties.minor)),
            memory_bytes=int(properties.totalGlobalMem),
            driver=int(self.call("cudaDriverGetVersion")),
            runtime=int(self.call("cudaRuntimeGetVersion")),
        )

    def free_bytes(self) -> int:
        """Memory of the GPU that nobody uses."""
        free, _total = self.call("cudaMemGetInfo")
        return int(free)

    def constant(self, group: str, name: str) -> Any:
        """A value of one of the runtime's enumerations."""
        return getattr(getattr(self._runtime, group), name)

    def _explain(self, name: str, status: Any) -> str:
        code = getattr(status, "name", str(status))
        if code == "cudaErrorMemoryAllocation":
            return "The GPU has no memory left. Close other programs that use it, or take --device cpu."
        if code in ("cudaErrorInsufficientDriver", "cudaErrorNoDevice", "cudaErrorStubLibrary"):
            return f"No driver, no GPU, or a driver older than the CUDA libraries ({code}). Type: nvidia-smi"
        return f"CUDA's {name} failed with {code}."


def _bindings() -> ModuleType:
    for module in _MODULES:
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise MissingExtra("cuda-bindings", "gpu")


class Stream:
    """An order of work of its own, apart from every other library's."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        flag = 1  # cudaStreamNonBlocking: not held up by whoever uses the default stream
        self.handle: Any = cuda.call("cudaStreamCreateWithFlags", flag)

    def wait(self) -> None:
        """Return when all work is done. Raises DeviceError for what went wrong in it."""
        self._cuda.call("cudaStreamSynchronize", self.handle)

    def begin_capture(self) -> None:
        """Note what follows instead of doing it; of this thread only."""
        mode = self._cuda.constant("cudaStreamCaptureMode", "cudaStreamCaptureModeThreadLocal")
        self._cuda.call("cudaStreamBeginCapture", self.handle, mode)

    def end_capture(self) -> Any:
        """What was noted, as a graph for `Graph`."""
        return self._cuda.call("cudaStreamEndCapture", self.handle)

    def close(self) -> None:
        """Give the stream back; idempotent."""
        if self.handle is not None:
            self._cuda.call("cudaStreamDestroy", self.handle)
            self.handle = None


class Graph:
    """Noted work, started with one call."""

    def __init__(self, cuda: Cuda, noted: Any) -> None:
        self._cuda = cuda
        try:
            self._handle: Any = cuda.call("cudaGraphInstantiate", noted, 0)
        finally:
            cuda.call("cudaGraphDestroy", noted)

    def launch(self, stream: Stream) -> None:
        """Do it all again."""
        self._cuda.call("cudaGraphLaunch", self._handle, stream.handle)

    def close(self) -> None:
        """Forget it; idempotent."""
        if self._handle is not None:
            self._cuda.call("cudaGraphExecDestroy", self._handle)
            self._handle = None


class Scratch:
    """Memory on the GPU alone, without a meaning of its own."""

    def __init__(self, cuda: Cuda, size: int) -> None:
        """Raises DeviceError when there is not so much."""
        self._cuda, self.size = cuda, size
        self.address: int = int(cuda.call("cudaMalloc", size))

    def close(self) -> None:
        """Give it back; idempotent."""
        if self.address:
            self._cuda.call("cudaFree", self.address)
            self.address = 0


class Buffer:
    """An array on the GPU and its page-locked twin in main memory, between which copies are fastest."""

    def __init__(self, cuda: Cuda, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        """Raises DeviceError when either memory is full."""
        self._cuda = cuda
        kind = np.dtype(dtype)
        self.nbytes = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        size = max(self.nbytes, 1)
        self.device: int = int(cuda.call("cudaMalloc", size))
        try:
            self._pinned: int = int(cuda.call("cudaHostAlloc", size, 0))
        except DeviceError:
            cuda.call("cudaFree", self.device)
            raise
        raw = (ctypes.c_uint8 * size).from_address(self._pinned)
        flat = np.ctypeslib.as_array(raw)[: self.nbytes]
        self.host: NDArray[Any] = flat.view(kind).reshape(shape)
        """The twin; gone after `close`."""

    def upload(self, stream: Stream) -> None:
        """Main memory → GPU."""
        self._copy(self.device, self._pinned, "cudaMemcpyHostToDevice", stream)

    def download(self, stream: Stream) -> None:
        """GPU → main memory."""
        self._copy(self._pinned, self.device, "cudaMemcpyDeviceToHost", stream)

    def _copy(self, to: int, source: int, kind: str, stream: Stream) -> None:
        direction = self._cuda.constant("cudaMemcpyKind", kind)
        self._cuda.call("cudaMemcpyAsync", to, source, self.nbytes, direction, stream.handle)

    def close(self) -> None:
        """Give both back; idempotent."""
        if self.device:
            self._cuda.call("cudaFree", self.device)
            self._cuda.call("cudaFreeHost", self._pinned)
            self.device = 0
