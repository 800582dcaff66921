"""The words of the command line: what each leads to, and what its help shows first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from lifting.errors import MissingExtra


@dataclass(frozen=True)
class Verb:
    """One word of the command line; its module is only imported when it is used."""

    target: str
    """`module:function`; one with a `model` takes `list[str]` alone and parses its own arguments."""
    help: str
    examples: Sequence[str] = ()
    """What to type after `sealcap`."""
    model: str = ""
    """`module:class` of the settings that its flags are made of."""
    config: str = ""
    """The packaged configuration that gives its defaults."""
    sections: dict[str, Sequence[str]] = field(default_factory=dict)
    """Flags that its help shows, by title; the others are in --help-all."""


_WHO: dict[str, Sequence[str]] = {
    "Who and where (what you tell it makes it more accurate)": (
        "--people", "--height", "--fov", "--camera-pitch", "--calibration",
    ),
}  # fmt: skip
_NETWORKS = ("--config", "--detector", "--backend")
_SEND = ("--vmc", "--vmc-preset", "--vrchat", "--osc", "--zmq", "--ros")
_ROBOT = ("--robot", "--robot-out")
_PAGE = ("--headless", "--avatar", "--lan")

_RUN_SECTIONS: dict[str, Sequence[str]] = {
    **_WHO,
    "Where the motion goes": (*_SEND, *_ROBOT, "--record", "--poses-out"),
    "How it looks": ("--smooth", "--foot-lock", "--solve.legs", "--mirror"),
    "The web page": _PAGE,
    "Speed and end": (*_NETWORKS, "--max-speed", "--frames", "--duration"),
}

VERBS: dict[str, Verb] = {
    "demo": Verb(
        "realtime.commands.run:demo",
        "a real clip through the live pipeline, with web page; needs no camera",
        ("demo", "demo --headless --max-speed"),
        model="realtime.config:RunConfig",
        config="demo",
        sections=_RUN_SECTIONS,
    ),
    "doctor": Verb(
        "realtime.commands.doctor:doctor",
        "check this machine, and say what to fix first",
        ("doctor", "doctor --camera 1"),
    ),
    "devices": Verb("realtime.commands.devices:devices", "list the cameras of this machine"),
    "run": Verb(
        "realtime.commands.run:run",
        "follow people in a camera, video or stream",
        (
            "run",
            "run 1 --height 1.80 --vmc 127.0.0.1:39539",
            "run walk.mp4 --max-speed --headless --record walk.mcap",
        ),
        model="realtime.config:RunConfig",
        config="live",
        sections=_RUN_SECTIONS,
    ),
    "batch": Verb(
        "realtime.commands.batch:batch",
        "process a folder of videos, on all cores or a ray cluster",
        ("batch videos --out takes", "batch videos --out takes --format bvh,glb --height 1.75"),
        model="realtime.batch.settings:BatchConfig",
        config="live",
        sections={
            "Work": ("--out", "--format", "--workers", "--ray", "--again"),
            **_WHO,
            "How it looks": ("--smooth", "--foot-lock", "--solve.legs"),
            "Speed": _NETWORKS,
        },
    ),
    "replay": Verb(
        "realtime.commands.replay:replay",
        "send a recorded session out again, to any output",
        ("replay take.mcap", "replay take.mcap --loop --headless --vmc 127.0.0.1:39539"),
        model="realtime.config:ReplayConfig",
        sections={
            "What is played": ("--speed", "--loop", "--start", "--end"),
            "Where the motion goes": (*_SEND, *_ROBOT, "--record"),
            "The web page": _PAGE,
        },
    ),
    "info": Verb(
        "realtime.commands.info:info",
        "report on a session: rate, losses, gaps, latency",
        ("info take.mcap",),
    ),
    "convert": Verb(
        "realtime.commands.convert:convert",
        "make BVH, GLB, TRC, C3D, CSV ... of a session",
        ("convert take.mcap take.bvh", "convert take.mcap take.trc --fps 60 --person all"),
    ),
    "recover": Verb(
        "realtime.commands.recover:recover",
        "repair an unfinished session file",
        ("recover take.mcap.partial",),
    ),
    "listen": Verb(
        "realtime.commands.listen:listen",
        "print what arrives over ZeroMQ, OSC or VMC",
        ("listen zmq", "listen osc 127.0.0.1:39570 --duration 10"),
    ),
    "align": Verb(
        "realtime.commands.align:align", "put avatars and VRChat trackers where you stand now", ("align",)
    ),
    "robot list": Verb("realtime.commands.robot:list_robots", "which robots are ready to be driven"),
    "robot check": Verb(
        "realtime.commands.robot:check", "what is right and wrong with a robot's file", ("robot check g1",)
    ),
    "robot arm": Verb("realtime.commands.robot_arm:arm", "let a robot move, and stop it", ("robot arm",)),
    "keys new": Verb("realtime.commands.keys:new", "make this machine's keys for connections over a network"),
    "keys list": Verb("realtime.commands.keys:list_keys", "this machine's keys, and who may connect"),
    "keys allow": Verb(
        "realtime.commands.keys:allow", "let another machine connect", ("keys allow laptop.pub",)
    ),
    "calibrate": Verb(
        "realtime.commands.calibrate:calibrate",
        "measure a camera's lens with a board (calibrate print)",
        ("calibrate 0 --out camera.yaml",),
    ),
    "calibrate print": Verb(
        "realtime.commands.calibrate:print_board", "make the board as a PDF", ("calibrate print board.pdf",)
    ),
    "models list": Verb("realtime.commands.models:list_models", "which models there are, and which are here"),
    "models pull": Verb(
        "realtime.commands.models:pull",
        "fetch models and the demo clip",
        ("models pull", "models pull blazepose-full movenet-lightning"),
    ),
    "models add": Verb(
        "realtime.commands.models:add",
        "register an ONNX model of your own",
        ("models add mine rtmpose.onnx --keypoints 26",),
    ),
    "models unpack": Verb(
        "realtime.commands.models:unpack_checkpoint",
        "take the tensors out of a pickled checkpoint, safely",
        ("models unpack rtmpose.pth rtmpose.safetensors",),
    ),
    "models export-mmpose": Verb(
        "realtime.commands.models:export_mmpose", "turn an RTMPose model of mmpose into ONNX"
    ),
    "compile": Verb(
        "realtime.commands.compile:compile",
        "build TensorRT engines of lifter and detector now",
        ("compile", "compile --precision int8"),
    ),
    "data convert": Verb(
        "training.data_cli:convert",
        "make a motion corpus from BVH or ASF/AMC files",
        ("data convert CMU_FOLDER corpus",),
    ),
    "data unpack": Verb("training.data_cli:unpack", "make a pickled .npz of a data set plain, safely"),
    "data check": Verb(
        "training.data_cli:check", "what is missing of a benchmark data set", ("data check h36m FOLDER",)
    ),
    "train": Verb("training.cli:train", "train a lifter", ("train configs/seal.yaml",)),
    "evaluate": Verb(
        "training.cli:evaluate", "score a lifter", ("evaluate runs/seal/checkpoint.safetensors --occlusion",)
    ),
    "compare": Verb(
        "training.compare.cli:compare",
        "compare training methods over backbones and seeds",
        ("compare configs/compare.yaml",),
    ),
    "export": Verb(
        "training.cli:export",
        "turn a checkpoint into ONNX",
        ("export runs/seal/checkpoint.safetensors seal.onnx",),
    ),
}

GROUPS: dict[str, Sequence[str]] = {
    "First steps": ("demo", "doctor", "devices", "run"),
    "Recordings": ("batch", "replay", "info", "convert", "recover"),
    "Receivers": ("listen", "align", "robot", "keys"),
    "Camera and networks": ("calibrate", "models", "compile"),
    "Training": ("data", "train", "evaluate", "compare", "export"),
}
"""The verbs in the order in which people meet them; families by their first word."""

TRAINING_LIBRARIES = {"torch", "safetensors", "tensorboard", "onnxscript"}

FAMILIES: dict[str, str] = {
    "robot": "which robots there are, checking them, letting them move",
    "keys": "who may connect over a network",
    "models": "networks and the demo clip: list, fetch, add your own",
    "data": "corpora and data sets for training",
}


def load(target: str) -> Any:
    """`module:name` → the thing itself. Raises MissingExtra for training verbs without their libraries."""
    module, name = target.split(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if module.startswith("training.") and (error.name or "").split(".")[0] in TRAINING_LIBRARIES:
            raise MissingExtra(str(error.name), "train") from error
        raise


def family(word: str) -> list[str]:
    """The verbs that begin with a word."""
    return [name for name in VERBS if name.split()[0] == word]


def overview() -> str:
    """What `sealcap` without arguments says."""
    rows = {word: _row(word) for words in GROUPS.values() for word in words}
    width = max(len(left) for left, _ in rows.values())
    blocks = []
    for title, words in GROUPS.items():
        lines = [f"  sealcap {rows[word][0]:<{width}}  {rows[word][1]}" for word in words]
        blocks.append("\n".join([title, *lines]))
    body = "\n\n".join(blocks)
    return (
        f"Sealcap: live 3D motion capture from one camera.\n\n{body}\n\n"
        "Start with:  sealcap demo\n"
        "Then:        sealcap run          (first camera; Ctrl-C ends it)\n"
        "Help:        sealcap run --help   (any command, also: sealcap models)\n"
        "In trouble:  sealcap doctor, then docs/troubleshooting.md; --debug shows Python's traceback\n"
    )


def family_overview(word: str) -> str:
    """What `sealcap WORD` says where WORD alone is no verb."""
    names = family(word)
    width = max(map(len, names))
    rows = "\n".join(f"  sealcap {name:<{width}}  {VERBS[name].help}" for name in names)
    return f"sealcap {word}: {FAMILIES[word]}.\n\n{rows}\n\nHelp: sealcap {names[0]} --help\n"


def _row(word: str) -> tuple[str, str]:
    """A verb, or a family in one line."""
    return (word, VERBS[word].help) if word in VERBS else (f"{word} ...", FAMILIES[word])
