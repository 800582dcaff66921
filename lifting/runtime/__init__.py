"""Runtimes: one small protocol, one file per engine, and the chain that is tried when one cannot be had.

    tensorrt → ONNX Runtime on the GPU (its TensorRT, its CUDA) → ONNX Runtime on the processor
    torch    → the same without TensorRT
    openvino → ONNX Runtime on the processor
    auto     → openvino where the processor computes in bf16, else onnx

Every step down is said once, with its reason. A GPU that fails in the middle of a run (full, for a number of
people that was not there before) is such a step too.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError, DeviceError, MissingExtra, ModelError
from lifting.runtime.model_file import Prepare

log = logging.getLogger(__name__)

BACKENDS = ("auto", "onnx", "openvino", "tensorrt", "torch")
"""Engines that can run a network here."""
DEVICES = ("cpu", "cuda")


class Network(Protocol):
    """A loaded network: named arrays in, named arrays out."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key-value pairs stored with the network; empty where it has none."""

    @property
    def inputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """Input names in order, with shapes; symbolic axes are strings or None."""

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once. Raises ModelError when an array does not fit."""


Step = tuple[str, Callable[[], Network]]
"""Name of an engine, and how to open it."""


def open_network(
    path: Path,
    *,
    backend: str = "onnx",
    device: str = "cpu",
    precision: str | None = None,
    threads: int = 1,
    prepare: Prepare | None = None,
    gpu_only: bool = False,
) -> Network:
    """Load the ONNX file at `path` with the engine named `backend`, or the next one down the chain.

    `precision`: fp16 for TensorRT, fp32 for torch, bf16 for OpenVINO unless told otherwise. `prepare` changes
    the model before any engine sees it; with `gpu_only` the processor does not begin, it only takes over when
    the GPU fails later. Raises ConfigError for an unknown backend or device, ModelError when the file cannot
    be loaded at all.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"There is no backend {backend!r}; choose one of: {', '.join(BACKENDS)}.")
    if device not in DEVICES:
        raise ConfigError(f"There is no device {device!r}; choose one of: {', '.join(DEVICES)}.")
    steps = _chain(path, backend, device, precision, threads, prepare)
    network, below = first_that_opens(steps[:-1] if gpu_only else steps)
    if gpu_only:
        below = [*below, steps[-1]]
    return Falling(network, below) if below else network


def not_int8(precision: str | None) -> str | None:
    """For networks that are never int8: the lifter, whose answers are metres, and the search for people."""
    return None if precision == "int8" else precision


def fine(backend: str, precision: str | None) -> str | None:
    """For the lifter: neither int8 nor bf16, whose steps are a percent."""
    return "fp32" if backend in ("auto", "openvino") or precision == "bf16" else not_int8(precision)


def first_that_opens(steps: list[Step]) -> tuple[Network, list[Step]]:
    """The first engine of `steps` that opens, and those below it; those that do not are said, once each.

    The last may raise.
    """
    for i, ((engine, make), (following, _)) in enumerate(pairwise(steps)):
        try:
            return make(), steps[i + 1 :]
        except (DeviceError, MissingExtra, ModelError) as error:
            _say_once(f"{following} in place of {engine}. {error}")
    return steps[-1][1](), []


class Falling:
    """A network on a GPU, and the engines below it for when the GPU fails in the middle of a run."""

    def __init__(self, network: Network, below: list[Step]) -> None:
        self.network, self._below = network, below

    @property
    def metadata(self) -> Mapping[str, str]:
        """The network's."""
        return self.network.metadata

    @property
    def inputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """The network's."""
        return self.network.inputs

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Run once, on the next engine where this one's GPU fails. Raises ModelError as a network does."""
        while True:
            try:
                return self.network(**arrays)
            except DeviceError as error:
                if not self._below:
                    raise
                _say_once(f"{self._below[0][0]} from now on. {error}")
                _give_back(self.network)
                self.network, self._below = first_that_opens(self._below)


def _give_back(network: Network) -> None:
    """Its memory on the GPU, for the next engine; after some failures not even that is possible."""
    close = getattr(network, "close", None)
    if close is not None:
        with contextlib.suppress(DeviceError):
            close()


def _bf16_pays(precision: str | None) -> bool:
    """Whether bf16 is welcome and OpenVINO here computes in it."""
    if precision not in (None, "bf16"):
        return False
    try:
        from lifting.runtime.openvino import computes_bf16

        return computes_bf16()
    except (DeviceError, MissingExtra):
        return False


_SAID: set[str] = set()


def _say_once(text: str) -> None:
    if text not in _SAID:
        _SAID.add(text)
        log.warning("%s", text)


def _chain(
    path: Path, backend: str, device: str, precision: str | None, threads: int, prepare: Prepare | None
) -> list[Step]:
    from lifting.runtime import onnx

    def ort(provider: str) -> Callable[[], Network]:
        return lambda: onnx.OnnxNetwork(path, threads=threads, provider=provider, prepare=prepare)

    def tensorrt() -> Network:
        from lifting.runtime.tensorrt import TensorRtNetwork

        return TensorRtNetwork(path, precision=precision or "fp16", prepare=prepare)

    def torch() -> Network:
        try:
            from lifting.runtime.torch import TorchNetwork
        except ImportError as error:
            raise MissingExtra("torch", "train") from error
        except OSError as error:  # its CUDA libraries are not those it was built with
            raise DeviceError(f"torch is here and cannot be loaded: {error}") from error
        return TorchNetwork(
            path, device=device, threads=threads, precision=precision or "fp32", prepare=prepare
        )

    def openvino() -> Network:
        from lifting.runtime.openvino import OpenVinoNetwork

        return OpenVinoNetwork(path, threads=threads, precision=precision, prepare=prepare)

    cpu: Step = ("ONNX Runtime on the processor", ort(onnx.CPU))
    gpu: list[Step] = [("ONNX Runtime with CUDA", ort(onnx.CUDA))]
    if backend == "tensorrt":
        inside: Step = ("ONNX Runtime with TensorRT", ort(onnx.TENSORRT))
        usable = [inside] if onnx.TENSORRT in onnx.providers() else []
        return [("TensorRT", tensorrt), *usable, *gpu, cpu]
    if backend == "openvino" or (backend == "auto" and device == "cpu" and _bf16_pays(precision)):
        return [("OpenVINO", openvino), cpu]
    below = [*(gpu if device == "cuda" else []), cpu]
    return [("torch", torch), *below] if backend == "torch" else below
