"""The poses of a run in progress, row by row on disk: `FILE.npz.partial`, from which the NPZ is made.

Sixteen bytes that name the format, then rows of one size. A run of any length needs no memory for them,
and a killed one leaves all but the last half second, for `sealcap recover`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifting.errors import SessionError
from lifting.mistake import unread
from lifting.skeleton import SEALCAP26

MAGIC = b"sealcap-poses-1\n"
_J = len(SEALCAP26)
ROW = np.dtype(
    [
        ("joints_cam", "<f4", (_J, 3)),
        ("root_cam", "<f4", (3,)),
        ("confidence", "<f4", (_J,)),
        ("frame_index", "<i8"),
        ("capture_time_ns", "<i8"),
        ("person_id", "<i8"),
    ]
)
"""Little-endian, as the arrays of the NPZ are."""
SYNC_PERIOD_S = 0.5

Rows = NDArray[np.void]


class PosesSpool:
    """A new file that grows by rows. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file = path.open("wb", buffering=0)
        self._file.write(MAGIC)
        self._sync_due_s = time.monotonic() + SYNC_PERIOD_S

    def add(self, row: Rows) -> None:
        """Append one row, and twice a second have the system put all on the disk."""
        data = row.tobytes()
        if self._file.write(data) != len(data):
            raise OSError(28, os.strerror(28))  # a disk that takes a part of a row is full
        self.rows += 1
        if time.monotonic() >= self._sync_due_s:
            os.fsync(self._file.fileno())
            self._sync_due_s = time.monotonic() + SYNC_PERIOD_S

    def close(self) -> None:
        """No more rows; idempotent."""
        self._file.close()


def read_spool(path: Path) -> Rows:
    """(N,) rows of `ROW`, mapped, not loaded; what was cut off within a row is left out.

    Raises SessionError for another file.
    """
    try:
        with path.open("rb") as file:
            ours = file.read(len(MAGIC)) == MAGIC
        count = (path.stat().st_size - len(MAGIC)) // ROW.itemsize
    except OSError as error:
        raise SessionError(f"{unread(path, error)}.") from error
    if not ours:
        raise SessionError(f"{path} is no rest of --poses-out.")
    if count == 0:
        return np.empty(0, ROW)
    return np.memmap(path, ROW, "r", len(MAGIC), (count,))


def write_npz(rows: Rows, target: Path) -> None:
    """Make the NPZ, whole or not at all. Raises OSError."""
    draft = target.with_name(target.name + ".writing")
    columns = {name: rows[name] for name in ROW.names or ()}
    try:
        with draft.open("wb") as file:
            np.savez(file, joint_names=np.array(SEALCAP26.joints), **columns)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def recover_poses(path: Path, out: Path | None = None) -> tuple[Path, int]:
    """FILE.npz.partial → FILE.npz, or `out`; its path and the number of rows. The original is left alone.

    Raises SessionError when it is no such file, holds nothing, or the target exists or cannot be written.
    """
    target = out if out is not None else path.with_name(path.name.removesuffix(".partial"))
    rows = read_spool(path)
    if not len(rows):
        raise SessionError(f"{path} holds no pose that could be rescued.")
    other = f"Choose another name: sealcap recover {path} -o NAME.npz"
    if target.exists():
        raise SessionError(f"{target} exists already. {other}")
    try:
        write_npz(rows, target)
    except OSError as error:
        raise SessionError(f"Cannot write {target}: {error.strerror}. {other}") from error
    return target, len(rows)
