"""`python -m training train CONFIG`: the training verbs as a module, as torchrun needs them."""

from __future__ import annotations

import sys

import tyro

from lifting.errors import SealcapError
from training.cli import evaluate, export, train


def main() -> int:
    """Returns the exit code."""
    try:
        tyro.extras.subcommand_cli_from_dict(
            {"train": train, "evaluate": evaluate, "export": export}, prog="python -m training"
        )
    except SealcapError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
