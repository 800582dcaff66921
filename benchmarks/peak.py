"""Peak memory of this process; of the standard library alone, so that the peer's environment has it too."""

from __future__ import annotations

import sys


def peak_mib() -> float | None:
    """Largest resident set so far in MiB; None on Windows, whose Python does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)  # macOS counts bytes, Linux KiB
