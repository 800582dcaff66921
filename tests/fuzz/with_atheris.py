"""Coverage-guided fuzzing: `python -m tests.fuzz.with_atheris NAME [-runs=N] [-max_total_time=S]`.

Needs atheris (`pip install atheris`, Linux, Python 3.11 to 3.13), which learns which bytes lead to new lines.
A finding ends the run with its input in a file `crash-*`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["realtime", "lifting", "training"]):
        from tests.fuzz.parsers import BY_NAME
        from tests.fuzz.run import check

        parser = BY_NAME[sys.argv.pop(1)]
        place = Path(tempfile.mkdtemp())
        samples, folder = place / "samples", place / "box" / "in"
        samples.mkdir()
        folder.mkdir(parents=True)
        for number, data in enumerate(parser.samples(place)):
            (samples / str(number)).write_bytes(data)
            check(parser, data, folder)  # what is imported late must be instrumented, too

    def once(data: bytes) -> None:
        finding = check(parser, data, folder)
        if finding is not None:
            raise RuntimeError(finding.what)

    atheris.Setup([*sys.argv, "-max_len=200000", str(samples)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
