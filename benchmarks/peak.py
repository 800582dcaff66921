"""Peak memory of this process; of the standard library alone, so that the peer's environment has it too."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_mib() -> float | None:
    """Largest resident set so far in MiB; None on Windows, whose Python does not tell.

    On Linux not getrusage's, which a process begins with as large as the one that started it.
    """
    if sys.platform == "win32":
        return None
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)  # macOS counts bytes
