"""A plan at work: its own stream, buffers that stay, and one CUDA graph per shape of the inputs.

The first call with new shapes makes buffers and notes down the whole way, copies included, as a CUDA graph;
every later call is one launch and one wait, and takes no memory. A graph holds only as long as the context
that it was noted from stays as it was, so every set of shapes has a context of its own. A context's scratch
memory is as large as the largest shapes of the profile need (pictures of 3840×2160), so all share one: they
work one after the other, on one stream.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifting.errors import DeviceError, ModelError
from lifting.runtime.cuda import Buffer, Cuda, Graph, Scratch, Stream
from lifting.runtime.model_file import Shape
from lifting.runtime.trt_builder import axis_range
from lifting.runtime.trt_library import TensorRt

log = logging.getLogger(__name__)

Shapes = tuple[tuple[int, ...], ...]
MOST_SHAPES = 32
"""Sets of buffers kept: batches of 1 to 16 and two sizes of pictures."""


class Execution:
    """One engine on the GPU."""

    def __init__(self, trt: TensorRt, cuda: Cuda, plan: bytes, name: str) -> None:
        """Raises DeviceError where the plan does not run here: another GPU or version, no memory left."""
        self._trt, self._cuda, self._name = trt, cuda, name
        self.plan_bytes = len(plan)
        self._runtime = trt.module.Runtime(trt.logger)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            reason = trt.take_complaint("it was made for another GPU or version")
            raise DeviceError(f"The engine of {name} cannot be used here: {reason}")
        self._stream = Stream(cuda)
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        reads = trt.module.TensorIOMode.INPUT
        self._inputs = [n for n in names if self._engine.get_tensor_mode(n) == reads]
        self._outputs = [n for n in names if n not in self._inputs]
        self._scratch: Scratch | None = None
        self._ready: OrderedDict[Shapes, _Bound] = OrderedDict()

    def warm_up(self, inputs: Mapping[str, Shape]) -> None:
        """Get ready for the usual shapes of the model's `inputs`, so that what is wrong shows at once.

        Raises as a call does.
        """
        self._bound(tuple(tuple(axis_range(a)[1] for a in inputs[name]) for name in self._inputs))

    def __call__(self, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[Any]]:
        """Run once. Raises ModelError when an array does not fit, DeviceError when the GPU fails, or when
        there are more people or pixels than this engine was built for.
        """
        if set(arrays) != set(self._inputs):
            raise ModelError(f"{self._name} takes {', '.join(self._inputs)}, not {', '.join(arrays)}.")
        bound = self._bound(tuple(arrays[name].shape for name in self._inputs))
        for name in self._inputs:
            host = bound.buffers[name].host
            if not np.can_cast(arrays[name].dtype, host.dtype, "same_kind"):
                raise ModelError(f"{self._name} takes {name} as {host.dtype}, not {arrays[name].dtype}.")
            np.copyto(host, arrays[name], casting="same_kind")
        bound.run(self._stream)
        self._stream.wait()
        return {name: bound.buffers[name].host.copy() for name in self._outputs}

    def _make_context(self) -> Any:
        """Raises DeviceError when there is no memory for it."""
        # The first releases of 10 do not tell it; there each context has its own, as where none is needed.
        size = int(getattr(self._engine, "device_memory_size_v2", 0))
        if size and self._scratch is None:
            self._scratch = Scratch(self._cuda, size)
        context = self._engine.create_execution_context(self._context_options(shared=size > 0))
        if context is None:
            reason = self._trt.take_complaint("no memory left on the GPU")
            raise DeviceError(f"The engine of {self._name} cannot start: {reason}")
        if self._scratch is not None:
            context.set_device_memory(self._scratch.address, self._scratch.size)
        return context

    def _context_options(self, *, shared: bool) -> Any:
        """Whose the scratch memory is; what create_execution_context takes."""
        strategies = self._trt.module.ExecutionContextAllocationStrategy
        strategy = strategies.USER_MANAGED if shared else strategies.STATIC
        if not self._trt.is_rtx:
            return strategy
        config = self._engine.create_runtime_config()
        config.set_execution_context_allocation_strategy(strategy)
        # It compiles kernels for the shapes it meets: at once, so that the graph has the fast ones.
        eager = self._trt.module.DynamicShapesKernelSpecializationStrategy.EAGER
        config.dynamic_shapes_kernel_specialization_strategy = eager
        return config

    def _bound(self, shapes: Shapes) -> _Bound:
        bound = self._ready.get(shapes)
        if bound is None:
            bound = self._ready[shapes] = self._bind(shapes)
            if len(self._ready) > MOST_SHAPES:
                self._ready.popitem(last=False)[1].close()
        self._ready.move_to_end(shapes)
        return bound

    def _bind(self, shapes: Shapes) -> _Bound:
        """Context, buffers and graph for these shapes."""
        context = self._make_context()
        for name, shape in zip(self._inputs, shapes, strict=True):
            if not context.set_input_shape(name, shape):
                reason = self._trt.take_complaint("not in its range")
                kind = DeviceError if self._could_be(name, shape) else ModelError
                raise kind(f"The engine of {self._name} cannot take {name} {shape}: {reason}")
        bound = _Bound(self._cuda, context, self._inputs, self._outputs)
        try:
            for name in (*self._inputs, *self._outputs):
                dtype = self._trt.module.nptype(self._engine.get_tensor_dtype(name))
                bound.add(name, tuple(context.get_tensor_shape(name)), dtype)
            bound.record(self._stream)
        except BaseException:
            bound.close()
            raise
        return bound

    def _could_be(self, name: str, shape: tuple[int, ...]) -> bool:
        """Whether only this engine's range is too small, and another engine may take it."""
        own = tuple(self._engine.get_tensor_shape(name))
        return len(own) == len(shape) and all(a in (-1, b) for a, b in zip(own, shape, strict=True))

    def close(self) -> None:
        """Give everything back; idempotent."""
        while self._ready:
            self._ready.popitem()[1].close()
        if self._scratch is not None:
            self._scratch.close()
        self._stream.close()


class _Bound:
    """The engine's tensors for one set of shapes, and the work noted down."""

    def __init__(self, cuda: Cuda, context: Any, inputs: list[str], outputs: list[str]) -> None:
        self.buffers: dict[str, Buffer] = {}
        self._cuda, self._context, self._inputs, self._outputs = cuda, context, inputs, outputs
        self._graph: Graph | None = None

    def add(self, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        """A buffer for one tensor."""
        if min(shape, default=1) < 0:
            raise ModelError(f"The size of {name} depends on the data; such networks are not supported.")
        buffer = self.buffers[name] = Buffer(self._cuda, shape, dtype)
        self._context.set_tensor_address(name, buffer.device)

    def record(self, stream: Stream) -> None:
        """Once as it is, which lets TensorRT set itself up, then noted down."""
        for buffer in self.buffers.values():
            buffer.host[...] = 0
        self._enqueue(stream)
        stream.wait()
        stream.begin_capture()
        try:
            self._enqueue(stream)
            noted = stream.end_capture()
        except DeviceError as error:
            _abandon(stream)
            log.warning("This engine cannot be a CUDA graph, which makes it slower: %s", error)
            return
        self._graph = Graph(self._cuda, noted)

    def run(self, stream: Stream) -> None:
        """All of it, in the order of `stream`."""
        if self._graph is not None:
            self._graph.launch(stream)
        else:
            self._enqueue(stream)

    def _enqueue(self, stream: Stream) -> None:
        for name in self._inputs:
            self.buffers[name].upload(stream)
        if not self._context.execute_async_v3(int(stream.handle)):
            raise DeviceError("TensorRT could not start the engine.")
        for name in self._outputs:
            self.buffers[name].download(stream)

    def close(self) -> None:
        """Give back graph and buffers; idempotent."""
        if self._graph is not None:
            self._graph.close()
            self._graph = None
        for buffer in self.buffers.values():
            buffer.close()
        self.buffers.clear()


def _abandon(stream: Stream) -> None:
    """End a capture that failed; its graph is void, and asking for it says so."""
    try:
        stream.end_capture()
    except DeviceError as error:
        log.debug("capture given up: %s", error)
