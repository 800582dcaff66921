"""Peak memory is a process's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.peak import peak_mib

SMALL = "from benchmarks.peak import peak_mib; print(peak_mib())"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_it_is_not_that_of_whoever_started_it() -> None:
    """A small process started by a large one is small."""
    held = bytearray(200 << 20)
    held[:: 1 << 12] = b"\1" * len(held[:: 1 << 12])
    ours = peak_mib()
    child = float(
        subprocess.run([sys.executable, "-c", SMALL], capture_output=True, text=True, check=True).stdout
    )
    assert ours is not None
    assert ours > 200
    assert child < 100
