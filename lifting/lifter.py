"""The lifter at run time: windows of 2D rays in, 3D joints out. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lifting.errors import ModelError
from lifting.metadata import LifterMetadata, read_metadata
from lifting.runtime import Network, open_network
from lifting.skeleton import BODY21, SEALCAP26

Floats = NDArray[np.floating]


class Lifter:
    """A trained lifter network behind the checks that keep wrong arrays and foreign networks out."""

    def __init__(self, network: Network) -> None:
        """Raises ModelError when the network is no lifter, or one for other skeletons."""
        self._network = network
        self.metadata: LifterMetadata = read_metadata(network.metadata)
        if set(network.inputs) != {"keypoints", "gravity"}:
            raise ModelError(
                f"A lifter takes keypoints and gravity; this network takes {', '.join(network.inputs)}. "
                f"Export it again with: sealcap export CHECKPOINT OUT.onnx"
            )

    @classmethod
    def load(
        cls,
        path: Path,
        backend: str = "onnx",
        threads: int = 1,
        *,
        device: str = "cpu",
        precision: str | None = None,
    ) -> Self:
        """Open the ONNX file at `path`. Raises ModelError, or ConfigError for an unknown engine."""
        network = open_network(path, backend=backend, device=device, precision=precision, threads=threads)
        return cls(network)

    @property
    def window_length(self) -> int:
        """Frames per window."""
        return self.metadata.window

    @property
    def fps(self) -> float:
        """Frames per second of the grid on which windows must be sampled."""
        return self.metadata.fps

    def lift(self, windows: Floats, gravity_cam: Floats | None = None) -> NDArray[np.float32]:
        """Windows of P people to the poses of their newest frames.

        windows (P,T,21,3): x/z, y/z and confidence, oldest frame first (`lifting.window.TimeWindow.sample`).
        gravity_cam: None where unknown; unit directions of gravity in camera axes (P,3); or (P,4) with the
        trust in them (`lifting.camera.gravity_trust`), 1 = exact, 0 = unknown. Returns joints (P,26,3),
        metres, camera axes, relative to mid-hip. Raises ValueError for other shapes.
        """
        people = len(windows)
        expected = (people, self.window_length, len(BODY21), 3)
        if windows.shape != expected:
            raise ValueError(f"windows must be (people, window, joints, 3) = {expected}, got {windows.shape}")
        gravity = _flagged(gravity_cam, people)
        if people == 0:
            return np.zeros((0, len(SEALCAP26), 3), np.float32)
        keypoints = np.ascontiguousarray(windows, np.float32)
        return self._network(keypoints=keypoints, gravity=gravity)["joints"]


def _flagged(gravity_cam: Floats | None, people: int) -> NDArray[np.float32]:
    """(P,4) direction and flag."""
    out = np.zeros((people, 4), np.float32)
    if gravity_cam is None:
        return out
    if gravity_cam.shape not in ((people, 3), (people, 4)):
        raise ValueError(f"gravity_cam must be ({people}, 3) or ({people}, 4), got {gravity_cam.shape}")
    out[:, 3] = 1.0
    out[:, : gravity_cam.shape[1]] = gravity_cam
    return out
