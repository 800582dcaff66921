"""Which detectors there are and which files they need."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lifting.errors import ConfigError, MissingExtra, ModelError
from lifting.runtime import Network, not_int8, open_network
from realtime.detectors import Detector, Search
from realtime.detectors.blazepose import BlazePose
from realtime.detectors.device_graph import with_crop_and_peaks
from realtime.detectors.mmpose import Mmpose
from realtime.detectors.movenet import MoveNet
from realtime.detectors.person_search import PersonSearch
from realtime.detectors.rtmdet import RtmDet
from realtime.detectors.rtmpose import RtmPose
from realtime.detectors.rtmpose_device import RtmPoseOnDevice
from realtime.models.store import model_path
from realtime.openmmlab.absent import require_torch

log = logging.getLogger(__name__)

Open = Callable[[str], Network]


@dataclass(frozen=True)
class Kind:
    """One family of detectors."""

    variants: tuple[str, ...]
    """Names after the dash, the default first; empty where the user brings the network."""
    searches: bool
    """Whether a network of its own finds the people."""


KINDS = {
    "blazepose": Kind(("heavy", "full", "lite"), True),
    "movenet": Kind(("thunder", "lightning"), False),
    "rtmpose": Kind(("m", "l", "s", "t"), True),
    "mmpose": Kind((), True),
}
SEARCH = "blazepose-search"
"""Finds the people where nothing else is asked for."""


def open_detector(
    kind: str,
    variant: str | None = None,
    *,
    threads: int = 1,
    backend: str = "onnx",
    device: str = "cpu",
    precision: str | None = None,
    model: str | None = None,
    search: str | None = None,
    refine: bool = False,
    mmpose_config: str | None = None,
    mmpose_checkpoint: Path | None = None,
) -> Detector:
    """The detector `kind`, in its best variant unless told otherwise.

    `model` replaces the main network, and `search` (an RTMDet) the one that finds people: a name in the model
    store or a path to an ONNX file. `refine` concerns rtmpose, the last two concern mmpose. Raises
    ConfigError for unknown names, ModelError for networks that are missing or do not fit.
    """

    engine: dict[str, Any] = {
        "backend": backend,
        "device": device,
        "precision": precision,
        "threads": threads,
    }

    def load(wanted: str, **more: Any) -> Network:
        path = Path(wanted)
        return open_network(path if path.is_file() else model_path(wanted), **(engine | more))

    load_search = partial(load, precision=not_int8(precision))
    if search is not None and not _kind(kind).searches:
        raise ConfigError(f"{kind} looks for people itself; leave out --detector.search.")
    if kind == "mmpose":
        if mmpose_config is None or mmpose_checkpoint is None:
            raise ConfigError(
                "--detector mmpose needs --mmpose-config NAME and --mmpose-checkpoint FILE (docs/mmpose.md)."
            )
        require_torch()
        from realtime.openmmlab.model import open_model  # brings torch

        return Mmpose(
            open_model(mmpose_config, mmpose_checkpoint, device=device), _search(load_search, search)
        )
    if mmpose_config is not None or mmpose_checkpoint is not None:
        raise ConfigError(f"--mmpose-config and --mmpose-checkpoint need --detector mmpose, not {kind}.")
    name = model or _model_name(kind, variant)
    if kind == "movenet":
        return MoveNet(load(name), name=name)
    if kind == "blazepose":
        return BlazePose(load(name), _search(load_search, search), name=name)
    if backend == "tensorrt" or device == "cuda":
        prepare = partial(with_crop_and_peaks, between_bins=refine)
        try:
            return RtmPoseOnDevice(load(name, prepare=prepare, gpu_only=True), _search(load_search, search))
        except (ModelError, MissingExtra) as error:
            log.warning("Pictures of %s are cropped on the processor. %s", name, error)
    return RtmPose(load(name), _search(load_search, search), between_bins=refine)


def _search(load: Open, search: str | None) -> Search:
    return PersonSearch(load(SEARCH)) if search is None else RtmDet(load(search))


def detector_models(
    kind: str, variant: str | None = None, model: str | None = None, search: str | None = None
) -> list[str]:
    """Names in the model store that `open_detector` will ask for. Raises ConfigError for unknown names."""
    main = [] if kind == "mmpose" else [model or _model_name(kind, variant)]
    beside = [search or SEARCH] if _kind(kind).searches else []
    return [name for name in (*beside, *main) if not Path(name).is_file()]


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise ConfigError(f"There is no detector {kind!r}; choose one of: {', '.join(KINDS)}.")
    return KINDS[kind]


def _model_name(kind: str, variant: str | None) -> str:
    variants = _kind(kind).variants
    if variant is not None and variant not in variants:
        raise ConfigError(f"{kind} has no variant {variant!r}; choose one of: {', '.join(variants)}.")
    return f"{kind}-{variant or variants[0]}"
