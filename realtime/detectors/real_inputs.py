"""What a detector's network really gets: the arrays of a run over a video, to calibrate int8 on."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ConfigError
from lifting.runtime import Network
from lifting.runtime.model_file import Prepare
from lifting.runtime.onnx import OnnxNetwork
from realtime.detectors import Detector
from realtime.detectors.blazepose import BlazePose
from realtime.detectors.factory import SEARCH
from realtime.detectors.movenet import MoveNet
from realtime.detectors.person_search import PersonSearch
from realtime.detectors.rtmpose_device import RtmPoseOnDevice
from realtime.models.store import clip_path, model_path
from realtime.sources.video import VideoFileSource
from realtime.tracking import Tracker

SAMPLES = 64
EVERY = 3
"""Frames apart: neighbours say the same."""


class _Recorder:
    """A network that keeps what it is given."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.given: list[Mapping[str, NDArray[np.generic]]] = []

    @property
    def metadata(self) -> Mapping[str, str]:
        """The network's."""
        return self._network.metadata

    @property
    def inputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """The network's."""
        return self._network.inputs

    def __call__(self, **arrays: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        """Keep a copy, and run."""
        self.given.append({name: array.copy() for name, array in arrays.items()})
        return self._network(**arrays)


def real_inputs(
    kind: str, path: Path, prepare: Prepare | None = None, video: Path | None = None
) -> list[Mapping[str, NDArray[np.generic]]]:
    """Up to `SAMPLES` inputs of the network at `path`, over a video with people (the demo clip if None).

    Raises ConfigError for a kind of detector that has no network of its own.
    """
    recorder = _Recorder(OnnxNetwork(path, prepare=prepare))
    tracker = Tracker(_detector(kind, recorder), people=8)
    with VideoFileSource(video or clip_path(), paced=False) as source:
        for frame in islice(source.frames(), 0, None, EVERY):
            tracker.update(frame)
            if len(recorder.given) >= SAMPLES:
                break
    return recorder.given[:SAMPLES]


def _detector(kind: str, network: Network) -> Detector:
    if kind == "movenet":
        return MoveNet(network)
    search = PersonSearch(OnnxNetwork(model_path(SEARCH)))
    if kind == "blazepose":
        return BlazePose(network, search)
    if kind == "rtmpose":
        return RtmPoseOnDevice(network, search)
    raise ConfigError(f"int8 is for blazepose, movenet and rtmpose, not {kind}.")
