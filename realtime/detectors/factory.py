"""Which detectors there are and which files they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import ConfigError
from lifting.runtime import Network, open_network
from realtime.detectors import Detector
from realtime.detectors.blazepose import BlazePose
from realtime.detectors.movenet import MoveNet
from realtime.detectors.person_search import PersonSearch
from realtime.detectors.rtmpose import RtmPose
from realtime.models.store import model_path

Open = Callable[[str], Network]


@dataclass(frozen=True)
class Kind:
    """One family of detectors."""

    variants: tuple[str, ...]
    """Names after the dash, best first; empty where the user brings the network."""
    make: Callable[[Open, str], Detector]
    """From a loader of networks and the name (or path) of the main one."""
    search: tuple[str, ...] = ()
    """Networks needed beside the main one."""


def _blazepose(load: Open, model: str) -> Detector:
    return BlazePose(load(model), PersonSearch(load("blazepose-search")), name=model)


def _movenet(load: Open, model: str) -> Detector:
    return MoveNet(load(model), name=model)


def _rtmpose(load: Open, model: str) -> Detector:
    return RtmPose(load(model), PersonSearch(load("blazepose-search")), name="rtmpose")


KINDS = {
    "blazepose": Kind(("heavy", "full", "lite"), _blazepose, ("blazepose-search",)),
    "movenet": Kind(("thunder", "lightning"), _movenet),
    "rtmpose": Kind((), _rtmpose, ("blazepose-search",)),
}


def open_detector(
    kind: str,
    variant: str | None = None,
    *,
    threads: int = 1,
    backend: str = "onnx",
    model: str | None = None,
) -> Detector:
    """The detector `kind`, in its best variant unless told otherwise.

    `model` replaces the main network: a name in the model store or a path to an ONNX file. Raises
    ConfigError for unknown names, ModelError for networks that are missing or do not fit.
    """
    name = model or _model_name(kind, variant)

    def load(wanted: str) -> Network:
        path = Path(wanted)
        return open_network(path if path.is_file() else model_path(wanted), backend=backend, threads=threads)

    return _kind(kind).make(load, name)


def detector_models(kind: str, variant: str | None = None, model: str | None = None) -> list[str]:
    """Names in the model store that `open_detector` will ask for. Raises ConfigError for unknown names."""
    name = model or _model_name(kind, variant)
    return [*_kind(kind).search, *([] if Path(name).is_file() else [name])]


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise ConfigError(f"There is no detector {kind!r}; choose one of: {', '.join(KINDS)}.")
    return KINDS[kind]


def _model_name(kind: str, variant: str | None) -> str:
    variants = _kind(kind).variants
    if not variants:
        raise ConfigError(
            f"The detector {kind!r} needs a network of yours: register it with "
            f"'sealcap models add NAME FILE.onnx' and give its name or the file as the model."
        )
    if variant is not None and variant not in variants:
        raise ConfigError(f"{kind} has no variant {variant!r}; choose one of: {', '.join(variants)}.")
    return f"{kind}-{variant or variants[0]}"
