"""The command `sealcap`: finds the verb, runs it, turns errors into one clear line and an exit code."""

from __future__ import annotations

import io
import os
import shutil
import sys

import tyro

from lifting.errors import SealcapError
from realtime.last_words import last_words, threads_end_in_one_line
from realtime.verbs import FAMILIES, VERBS, family, family_overview, load, overview

HELP = {"-h", "--help", "--help-all"}


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 done, 2 bad usage or configuration, 1 anything else."""
    args = sys.argv[1:] if argv is None else argv
    _never_choke_on_a_sign()
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    try:
        with threads_end_in_one_line(debug=debug):
            return _dispatch(args)
    except SealcapError as error:
        if debug:
            raise
        _complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _complain("Stopped.")
        return 1
    except OSError as error:
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}{error.strerror or error}. Add --debug to see where.")
        return 1
    except Exception as error:  # the last resort: files are closed by now, and a line is enough
        if debug:
            raise
        _complain(f"Unforeseen: {last_words(error)}. Add --debug to see where, and please report it.")
        return 1


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview())
        return 0
    if args[0] == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"sealcap {version('sealcap')}\n")
        return 0
    if args[0] in FAMILIES and args[0] not in VERBS and args[1:] in ([], ["-h"], ["--help"]):
        sys.stdout.write(family_overview(args[0]))
        return 0
    name, rest = _find(args)
    from realtime.flag_check import check_words
    from realtime.verb_help import help_page

    if HELP.intersection(rest):
        page, width = help_page(name), shutil.get_terminal_size().columns
        sys.stdout.write(page.full(width) if "--help-all" in rest else page.short(width))
        return 0
    verb = VERBS[name]
    if verb.target.startswith("realtime."):
        # Small matrices only: more threads would cost more than they bring, and steal from the detector.
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(variable, "1")
    call = load(verb.target)
    check_words(name, help_page(name).flags, rest)
    if verb.model:
        return int(call(rest) or 0)
    return int(tyro.cli(call, prog=f"sealcap {name}", args=rest) or 0)


def _find(args: list[str]) -> tuple[str, list[str]]:
    for words in (2, 1):
        name = " ".join(args[:words])
        if name in VERBS:
            return name, args[words:]
    import difflib

    from lifting.errors import ConfigError

    near = family(args[0]) or difflib.get_close_matches(args[0], VERBS, n=3, cutoff=0.5)
    hint = f"Did you mean: {', '.join(f'sealcap {n}' for n in near)}?" if near else "Type: sealcap --help"
    raise ConfigError(f"There is no command `sealcap {' '.join(args[:2])}`. {hint}")


def _never_choke_on_a_sign() -> None:
    """Terminals and pipes with a small alphabet get a question mark for an arrow, and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _complain(message: str) -> None:
    sys.stderr.write(f"sealcap: {message}\n")
