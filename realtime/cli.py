"""The command `sealcap`: finds the verb, runs it, turns errors into one clear line and an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NamedTuple

import tyro

from lifting.errors import SealcapError
from realtime.last_words import last_words, threads_end_in_one_line


class Verb(NamedTuple):
    """One word of the command line; its module is only imported when it is used."""

    target: str
    """`module:function`; a function that takes `list[str]` alone parses its own arguments."""
    help: str


VERBS: dict[str, Verb] = {
    "demo": Verb("realtime.commands.run:demo", "a real clip once through the live pipeline, with web page"),
    "run": Verb("realtime.commands.run:run", "follow people in a camera, video or stream"),
    "replay": Verb("realtime.commands.replay:replay", "send a recorded session out again, to any output"),
    "info": Verb("realtime.commands.info:info", "report on a session: rate, losses, gaps, latency"),
    "listen": Verb("realtime.commands.listen:listen", "print what arrives over ZeroMQ, OSC or VMC"),
    "convert": Verb("realtime.commands.convert:convert", "make BVH, TRC, C3D, CSV ... of a recorded session"),
    "batch": Verb(
        "realtime.commands.batch:batch", "process a folder of videos, on all cores or a ray cluster"
    ),
    "align": Verb("realtime.commands.align:align", "put avatars and VRChat trackers where you stand now"),
    "recover": Verb("realtime.commands.recover:recover", "repair an unfinished session file"),
    "calibrate": Verb(
        "realtime.commands.calibrate:calibrate", "measure a camera's lens with a printed board"
    ),
    "calibrate print": Verb("realtime.commands.calibrate:print_board", "make the board as a PDF"),
    "keys new": Verb("realtime.commands.keys:new", "make this machine's keys for connections over a network"),
    "keys list": Verb("realtime.commands.keys:list_keys", "this machine's keys, and who may connect"),
    "keys allow": Verb("realtime.commands.keys:allow", "let another machine connect"),
    "robot check": Verb("realtime.commands.robot:check", "what is right and wrong with a robot's file"),
    "robot list": Verb("realtime.commands.robot:list_robots", "which robots are ready to be driven"),
    "devices": Verb("realtime.commands.devices:devices", "list the cameras of this machine"),
    "models list": Verb("realtime.commands.models:list_models", "which models there are, and which are here"),
    "models pull": Verb("realtime.commands.models:pull", "fetch models and the demo clip"),
    "models add": Verb("realtime.commands.models:add", "register an ONNX model of your own"),
    "models unpack": Verb(
        "realtime.commands.models:unpack_checkpoint", "take the tensors out of a pickled checkpoint, safely"
    ),
    "models export-mmpose": Verb(
        "realtime.commands.models:export_mmpose", "turn an RTMPose model of mmpose into ONNX"
    ),
    "compile": Verb("realtime.commands.compile:compile", "build TensorRT engines of lifter and detector now"),
    "doctor": Verb("realtime.commands.doctor:doctor", "check this machine, and say what to fix first"),
    "robot arm": Verb("realtime.commands.robot_arm:arm", "let a robot move, and stop it"),
    "train": Verb("training.cli:train", "train a lifter"),
    "evaluate": Verb("training.cli:evaluate", "score a lifter"),
    "compare": Verb("training.compare.cli:compare", "compare training methods over backbones and seeds"),
    "data convert": Verb("training.data_cli:convert", "make a motion corpus from BVH or ASF/AMC files"),
    "data unpack": Verb("training.data_cli:unpack", "make a pickled .npz of a data set plain, safely"),
    "data check": Verb("training.data_cli:check", "what is missing of a benchmark data set"),
    "export": Verb("training.cli:export", "turn a checkpoint into ONNX"),
}

OWN_PARSER = (
    "realtime.commands.run:demo", "realtime.commands.run:run", "realtime.commands.replay:replay",
    "realtime.commands.batch:batch",
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 done, 2 bad usage or configuration, 1 anything else."""
    args = sys.argv[1:] if argv is None else argv
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
    name, rest = _find(args)
    verb = VERBS[name]
    if verb.target.startswith("realtime."):
        # Small matrices only: more threads would cost more than they bring, and steal from the detector.
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(variable, "1")
    module, function = verb.target.split(":")
    call = getattr(import_module(module), function)
    if verb.target in OWN_PARSER:
        return int(call(rest) or 0)
    return int(tyro.cli(call, prog=f"sealcap {name}", args=rest) or 0)


def _find(args: list[str]) -> tuple[str, list[str]]:
    for words in (2, 1):
        name = " ".join(args[:words])
        if name in VERBS:
            return name, args[words:]
    import difflib

    from lifting.errors import ConfigError

    family = [name for name in VERBS if name.split()[0] == args[0]]
    near = family or difflib.get_close_matches(args[0], VERBS, n=3, cutoff=0.5)
    hint = f"Did you mean: {', '.join(f'sealcap {n}' for n in near)}?" if near else "Type: sealcap --help"
    raise ConfigError(f"There is no command `sealcap {' '.join(args[:2])}`. {hint}")


def overview() -> str:
    """What `sealcap` without arguments says."""
    width = max(map(len, VERBS))
    rows = "\n".join(f"  sealcap {name:<{width}}  {verb.help}" for name, verb in VERBS.items())
    return (
        "Sealcap: live 3D motion capture from one camera.\n\n"
        f"{rows}\n\n"
        "Start with:  sealcap demo          (no camera needed)\n"
        "Then:        sealcap run           (first camera; Ctrl-C ends it)\n"
        "Help:        sealcap run --help   (any command; --debug shows Python's traceback)\n"
    )


def _complain(message: str) -> None:
    sys.stderr.write(f"sealcap: {message}\n")
