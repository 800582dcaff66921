"""Room for more open files, looked for before it is needed by somebody who cannot do without."""

from __future__ import annotations

import os

from lifting.errors import SinkError

ZMQ_FILES = 16
"""What a ZeroMQ context with one bound socket opens, and a few for its first receivers."""


def expect_room(name: str, count: int = ZMQ_FILES) -> None:
    """Raises SinkError where this process may not open `count` more files.

    libzmq ends the whole process in that case, a recording that runs beside it included.
    """
    held: list[int] = []
    try:
        held.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    except OSError as error:
        raise SinkError(
            f"{name} cannot begin: {error.strerror}. Allow this terminal more, then run again: ulimit -n 1024"
        ) from error
    finally:
        for file in held:
            os.close(file)
