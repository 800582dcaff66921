"""Networks on torch, for research: eager on the processor, compiled and as CUDA graphs on a GPU.

Batches are padded to the next of 1, 2, 4, 8, 16, so that a handful of graphs serves every number of people.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from lifting.errors import ConfigError, DeviceError, ModelError
from lifting.runtime.compare import check_alike, compare_with_onnx
from lifting.runtime.model_file import Prepare, Shape, parse_model, read_model
from lifting.runtime.precision import to_half
from lifting.runtime.torch_graph import OnnxModule
from lifting.runtime.trt_builder import AXES, PEOPLE

log = logging.getLogger(__name__)

BATCHES = (1, 2, 4, 8, PEOPLE[2])
WARM_UP = 3

Shapes = tuple[tuple[int, ...], ...]


class TorchNetwork:
    """An ONNX file as torch operators."""

    def __init__(
        self,
        path: Path,
        *,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "fp32",
        prepare: Prepare | None = None,
        compiled: bool | None = None,
        graphs: bool | None = None,
    ) -> None:
        """`precision`: fp32, or fp16 by `lifting.runtime.precision`. `compiled`, `graphs`: torch.compile and
        CUDA graphs; both by default where there is a GPU.

        Raises ModelError for operators that are not known, DeviceError where there is no GPU.
        """
        if precision not in ("fp32", "fp16"):
            raise ConfigError(f"torch runs fp32 or fp16, not {precision}; for int8 take --backend tensorrt.")
        if device == "cuda" and not torch.cuda.is_available():
            raise DeviceError(f"torch {torch.__version__} sees no NVIDIA GPU.")
        self.path, self._device = path, torch.device(device)
        self._model = read_model(path, prepare)
        data = to_half(self._model.data, path.name) if precision == "fp16" else self._model.data
        self._proto = parse_model(data, path.name)
        on_gpu = device == "cuda"
        self._compiled = on_gpu if compiled is None else compiled
        self._graphs = on_gpu if graphs is None else graphs
        OnnxModule(self._proto, path.name)  # says at once what it does not know
        self._ready: dict[Shapes, _Settled] = {}
        if on_gpu:
            _exact_fp32()
            check_alike(path.name, precision, compare_with_onnx(self._model, self, batches=(1,)))
        else:
            torch.set_num_threads(threads)

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key-value pairs stored in the file."""
        return self._model.metadata

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Input names in order, with shapes."""
        return self._model.inputs

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once. Raises ModelError when an array does not fit, DeviceError when the GPU is full."""
        self._model.check(arrays)
        people = self._people(arrays)
        padded = [_padded(arrays[n], self.inputs[n], _bucket(people)) for n in self.inputs]
        shapes = tuple(a.shape for a in padded)
        try:
            if shapes not in self._ready:
                self._ready[shapes] = self._settle(padded)
            outputs = self._ready[shapes](padded)
        except torch.OutOfMemoryError as error:
            raise DeviceError("The GPU has no memory left. Close other programs, or use the CPU.") from error
        except RuntimeError as error:  # the compiler's errors, and CUDA's
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise DeviceError(f"torch could not run {self.path.name}: {reason}") from error
        return dict(zip(self._model.outputs, (o[:people] if people else o for o in outputs), strict=True))

    def _people(self, arrays: Mapping[str, NDArray[np.generic]]) -> int:
        """Length of the open first axis; 0 where there is none. Raises ModelError where it is too long."""
        people = 0
        for name, shape in self.inputs.items():
            if _counts_people(shape):
                people = arrays[name].shape[0]
        if people > BATCHES[-1]:
            raise ModelError(f"{self.path.name} takes up to {BATCHES[-1]} people at once, not {people}.")
        return people

    def _settle(self, arrays: list[NDArray[np.generic]]) -> _Settled:
        module = OnnxModule(self._proto, self.path.name).to(self._device)
        return _Settled(module, arrays, self._device, compiled=self._compiled, graphs=self._graphs)


class _Settled:
    """A network for inputs of one shape, with buffers that stay."""

    def __init__(
        self,
        module: OnnxModule,
        arrays: list[NDArray[np.generic]],
        device: torch.device,
        *,
        compiled: bool,
        graphs: bool,
    ) -> None:
        self._graph: torch.cuda.CUDAGraph | None = None
        self._pinned = [torch.from_numpy(np.array(a)) for a in arrays]
        if device.type == "cuda":
            self._pinned = [p.pin_memory() for p in self._pinned]
        self._inputs = [p.to(device) for p in self._pinned]
        module.settle(dict(zip(module.input_names, self._inputs, strict=True)))
        self._run: Callable[..., tuple[Tensor, ...]] = module
        if compiled:
            traced = make_fx(module)(*self._inputs)
            self._run = torch.compile(traced, fullgraph=True, dynamic=False)
        with torch.no_grad():
            if graphs:
                self._capture()
            else:
                self._answers: list[Tensor] = []

    def __call__(self, arrays: list[NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Outputs as new arrays."""
        for pinned, array in zip(self._pinned, arrays, strict=True):
            pinned.numpy()[...] = array
        with torch.no_grad():
            if self._graph is None:
                return [o.cpu().numpy() for o in self._step()]
            with torch.cuda.stream(self._stream):  # a replay goes into the stream of the moment
                self._graph.replay()
            self._stream.synchronize()
        return [a.numpy().copy() for a in self._answers]

    def _step(self) -> tuple[Tensor, ...]:
        for device, pinned in zip(self._inputs, self._pinned, strict=True):
            if device is not pinned:
                device.copy_(pinned, non_blocking=True)
        out: tuple[Tensor, ...] = self._run(*self._inputs)
        return out

    def _capture(self) -> None:
        """Note down the whole way, from pinned memory to pinned memory."""
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UP):
                outputs = self._step()
        self._stream.synchronize()
        pinned = self._inputs[0].is_cuda
        self._answers = [torch.empty(o.shape, dtype=o.dtype, pin_memory=pinned) for o in outputs]
        graph = torch.cuda.CUDAGraph()
        # Of this thread only: what others do with the GPU meanwhile neither fails nor spoils it.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            for answer, output in zip(self._answers, self._step(), strict=True):
                answer.copy_(output, non_blocking=True)
        self._graph = graph


def _exact_fp32() -> None:
    """torch's convolutions round to TF32 on GPUs unless told otherwise; fp32 means fp32 here."""
    # The newer fp32_precision of single operators breaks whoever asks for this flag afterwards (torch 2.13).
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True


def _counts_people(shape: Shape) -> bool:
    return bool(shape) and not isinstance(shape[0], int) and shape[0] not in AXES


def _bucket(people: int) -> int:
    return next(size for size in BATCHES if size >= people)


def _padded(array: NDArray[np.generic], shape: Shape, people: int) -> NDArray[np.generic]:
    """More rows of zeros, up to this number of people."""
    missing = people - len(array) if _counts_people(shape) else 0
    if not missing:
        return array
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])
