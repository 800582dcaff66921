"""The file below the MCAP writer: every write reaches the system at once, or raises OSError.

Without Python's own buffer there is nothing that a failed disk would try to write again at the end.
"""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """A new file. Raises OSError when there is one of this name."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        return len(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is held back."""

    def sync(self) -> None:
        """Have the system put it on the disk itself."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
