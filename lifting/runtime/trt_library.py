"""TensorRT under either of its names: `tensorrt` 10 and 11, or `tensorrt_rtx`, one interface for all.

TensorRT for RTX installs from the Python index and builds engines without a GPU, for named generations of
GPUs. The full TensorRT builds on, and for, the GPU it runs on. From 11 on every network is strongly typed
and the flags for FP16 and INT8 are gone, so types are never chosen here: they are the ONNX graph's.
"""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass, field
from typing import Any

from lifting.errors import ConfigError, MissingExtra, ModelError

log = logging.getLogger(__name__)

MODULES = ("tensorrt", "tensorrt_rtx")
OLDEST = 10


@dataclass(frozen=True, eq=False)
class TensorRt:
    """The library, its version and its messages."""

    module: Any
    name: str
    """`tensorrt` or `tensorrt_rtx`."""
    version: str
    complaints: list[str] = field(default_factory=list)
    """Errors it reported lately; its functions only return None."""
    logger: Any = None

    @property
    def is_rtx(self) -> bool:
        """Whether this is TensorRT for RTX."""
        return self.name == "tensorrt_rtx"

    def network_flags(self) -> int:
        """Strongly typed. 11 knows nothing else and may have dropped the flag."""
        flag = getattr(self.module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
        return 0 if flag is None else 1 << int(flag)

    def capability(self, wanted: tuple[int, int] | None) -> Any:
        """RTX's name for a compute capability; None = that of this machine. Raises ConfigError."""
        names = self.module.ComputeCapability.__members__
        if wanted is None:
            return names["CURRENT"]
        key = f"SM{wanted[0]}{wanted[1]}"
        if key not in names:
            known = ", ".join(sorted(f"{n[2:-1]}.{n[-1]}" for n in names if n.startswith("SM")))
            raise ConfigError(
                f"TensorRT for RTX builds nothing for compute capability {wanted[0]}.{wanted[1]}; "
                f"it knows {known}. Take TensorRT itself on that GPU."
            )
        return names[key]

    def take_complaint(self, otherwise: str) -> str:
        """What it last complained about, forgotten then."""
        text = self.complaints[-1] if self.complaints else otherwise
        self.complaints.clear()
        return text


def load_tensorrt() -> TensorRt:
    """Whichever is installed, TensorRT itself first. Raises MissingExtra, or ModelError for an old one."""
    for name in MODULES:
        try:
            module = importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:  # stubs without their libraries raise these
            log.debug("%s cannot be used: %s", name, error)
            continue
        if not hasattr(module, "Builder"):
            continue
        version = str(module.__version__)
        if name == "tensorrt" and int(version.split(".")[0]) < OLDEST:
            raise ModelError(f"TensorRT {version} is too old; {OLDEST}.0 or newer is needed.")
        complaints: list[str] = []
        return TensorRt(module, name, version, complaints, _make_logger(module, complaints))
    raise MissingExtra("tensorrt", "gpu")


def _make_logger(module: Any, complaints: list[str]) -> Any:
    """Its messages go to Python's logging at debug level; errors are kept for the exception."""
    grave = (module.ILogger.Severity.ERROR, module.ILogger.Severity.INTERNAL_ERROR)

    class Logger(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            log.debug("TensorRT: %s", message)
            if severity in grave:
                complaints.append(" ".join(message.split())[:300])

    return Logger()
