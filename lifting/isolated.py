"""Unpackers of files nobody trusts, run in a process of their own that shares nothing with ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from lifting.errors import SealcapError


def unpack_isolated(
    script: str,
    arguments: list[str],
    folder: Path,
    seconds: float,
    shown: Path,
    failure: type[SealcapError],
    advice: str = "",
) -> dict[str, int]:
    """The numbers that `script` answers with, as JSON, run in `folder` for at most `seconds`.

    Raises `failure`, which calls the file `shown`, when it takes too long, dies, or answers with an `error`;
    then `advice` follows.
    """
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if sys.platform == "win32":
        environment["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")  # Python does not start without it
    try:
        done = subprocess.run(
            [sys.executable, "-I", script, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise failure(f"{shown} was not unpacked: it took too long.") from error
    except ValueError as error:
        raise failure(f"{shown} was not unpacked: its reader died (code {done.returncode}).") from error
    if "error" in answer:
        raise failure(f"{shown} was not unpacked: {answer['error']}.{advice}")
    return {name: int(value) for name, value in answer.items()}
