"""`--poses-out`: all poses of a run in one NPZ file, one row per frame and person."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from lifting.errors import ConfigError, SessionError, SinkError
from realtime.data import BodyPose, Motion, State
from realtime.sinks.poses_spool import ROW, PosesSpool, Rows, read_spool, write_npz


class PosesNpz:
    """Keeps the rows in a file beside it (poses_spool), of which closing makes the NPZ, whole or not at all.

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
        self.partial = self.path.with_name(self.path.name + ".partial")
        """The rows of the run in progress."""
        self._spool: PosesSpool | None = None
        self._broken = False

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"poses {self.path}"

    def open(self) -> None:
        """Begin the file of rows. Raises SinkError where that cannot be written, or holds rows already."""
        if _holds_rows(self.partial):
            raise SinkError(
                f"{self.partial} holds the poses of a run that was cut off. "
                f"Rescue them with: sealcap recover {self.partial}, or delete it."
            )
        try:
            self._spool = PosesSpool(self.partial)
        except OSError as error:
            raise SinkError(
                f"Cannot write {self.path}: {error.strerror}. "
                "Give --poses-out a folder that exists and is yours."
            ) from error

    def write(self, motion: Motion) -> None:
        """Store the poses of one frame. Raises SinkError when the disk is full; what was stored stays."""
        if self._spool is None:
            raise SinkError(f"{self.name} is not open.")
        try:
            for pose in motion.people:
                if pose.state is not State.LOST:
                    self._spool.add(self._row(motion, pose))
        except OSError as error:
            self._broken = True
            raise SinkError(f"{self.path}: {error.strerror}. {self._rescue()}") from error

    def close(self) -> None:
        """Make the NPZ of the rows; idempotent. Raises SinkError when the disk is full."""
        spool, self._spool = self._spool, None
        if spool is None:
            return
        spool.close()
        if self._broken:
            return
        try:
            write_npz(read_spool(self.partial), self.path)
            self.partial.unlink()
        except OSError as error:
            raise SinkError(f"Cannot write {self.path}: {error.strerror}. {self._rescue()}") from error

    def _row(self, motion: Motion, pose: BodyPose) -> Rows:
        joints = pose.raw_joints_cam if self._raw else pose.joints_cam
        frame = motion.frame
        numbers = (frame.index, frame.capture_time_ns, pose.person_id)
        return np.array([(joints, pose.root_cam, pose.confidence, *numbers)], ROW)

    def _rescue(self) -> str:
        return f"The poses so far are safe; make room, then: sealcap recover {self.partial}"


def _holds_rows(path: Path) -> bool:
    try:
        return path.is_file() and len(read_spool(path)) > 0
    except SessionError:
        return False  # something else; opening it tells what is wrong, if anything
