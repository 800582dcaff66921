"""`--poses-out`: all poses of a run in one NPZ file, one row per frame and person."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lifting.errors import ConfigError, SinkError
from lifting.skeleton import SEALCAP26
from realtime.data import BodyPose, Float32, Motion, State

_Row = tuple[Float32, Float32, Float32, int, int, int]


class PosesNpz:
    """Keeps the rows in memory and writes the file, whole or not at all, when it is closed.

    `joints_cam` (N,26,3) float32 metres, camera axes, relative to mid-hip; `root_cam` (N,3) metres, NaN
    where unknown; `confidence` (N,26); `frame_index`, `capture_time_ns`, `person_id` (N,) int64;
    `joint_names` (26,) unicode. People who are lost have no row.
    """

    queue = 4096

    def __init__(self, path: str | Path, stage: Literal["solved", "raw"] = "solved") -> None:
        """`raw` is the network's own output. Raises ConfigError when the name does not end in .npz."""
        self.path = Path(path)
        if self.path.suffix != ".npz":
            raise ConfigError(f"--poses-out {path}: the name must end in .npz, such as poses.npz.")
        if stage not in ("solved", "raw"):
            raise ConfigError(f"--poses-stage {stage}: choose raw or solved.")
        self._raw = stage == "raw"
        self._rows: list[_Row] = []
        self._temporary = self.path.with_name(self.path.name + ".partial")
        self._open = False

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"poses {self.path}"

    def open(self) -> None:
        """See that the file can be written. Raises SinkError."""
        try:
            self._temporary.open("wb").close()
        except OSError as error:
            raise SinkError(
                f"Cannot write {self.path}: {error.strerror}. "
                "Give --poses-out a folder that exists and is yours."
            ) from error
        self._open = True

    def write(self, motion: Motion) -> None:
        """Remember the poses of one frame."""
        for pose in motion.people:
            if pose.state is not State.LOST:
                self._rows.append(self._row(motion, pose))

    def close(self) -> None:
        """Write the file; idempotent. Raises SinkError when the disk is full."""
        if not self._open:
            return
        self._open = False
        try:
            with self._temporary.open("wb") as file:
                np.savez(file, **self._arrays())
                file.flush()
                os.fsync(file.fileno())
            self._temporary.replace(self.path)
        except OSError as error:
            self._temporary.unlink(missing_ok=True)
            raise SinkError(
                f"Cannot write {self.path}: {error.strerror}; its {len(self._rows)} poses are lost. "
                "Make room or choose another folder, then run again."
            ) from error

    def _row(self, motion: Motion, pose: BodyPose) -> _Row:
        joints = pose.raw_joints_cam if self._raw else pose.joints_cam
        frame = motion.frame
        return joints, pose.root_cam, pose.confidence, frame.index, frame.capture_time_ns, pose.person_id

    def _arrays(self) -> dict[str, Any]:
        n, j = len(self._rows), len(SEALCAP26)
        columns = list(zip(*self._rows, strict=True)) or [()] * 6
        joints, roots, confidence, index, time_ns, person = columns
        return {
            "joints_cam": np.array(joints, np.float32).reshape(n, j, 3),
            "root_cam": np.array(roots, np.float32).reshape(n, 3),
            "joint_names": np.array(SEALCAP26.joints),
            "frame_index": np.array(index, np.int64),
            "capture_time_ns": np.array(time_ns, np.int64),
            "person_id": np.array(person, np.int64),
            "confidence": np.array(confidence, np.float32).reshape(n, j),
        }
