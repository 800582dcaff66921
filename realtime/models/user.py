"""Networks that the user brings: what is asked of them before they enter the store."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

import numpy as np

from lifting.errors import ConfigError, ModelError
from lifting.mistake import unread
from lifting.runtime import Network, open_network
from lifting.runtime.model_file import MAX_BYTES
from realtime.models import store
from realtime.models.catalogue import NAME_PATTERN, Added, catalogue

MAX_SIDE = 4096


def add_rtmpose(name: str, file: Path, keypoints: Literal[17, 26, 133], size: str | None = None) -> Path:
    """Check an RTMPose-style network and copy it into the store under `name`.

    `size` is WIDTHxHEIGHT, needed only where the network leaves its input's size open. Raises ConfigError for
    a bad name or size, ModelError when the file is no such network.
    """
    if not re.fullmatch(NAME_PATTERN, name) or name in catalogue().models:
        raise ConfigError(
            f"A model cannot be called {name!r}. Use up to 64 small letters, digits, '-', '_' and '.', "
            "and none of the names in: sealcap models list"
        )
    digest = _sha256(file)
    network = open_network(file)
    width, height = _input_size(network, _parse_size(size))
    _check_simcc(network, keypoints, width, height)
    own = Added(kind="rtmpose", keypoints=keypoints, width=width, height=height, sha256=digest)
    return store.add(name, file, own)


def _sha256(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ModelError(f"{file} is larger than {MAX_BYTES >> 20} MiB.")
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{unread(file, error)}. Give an ONNX file.") from error


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,4})[xX×](\d{1,4})", text)
    if not match or not all(0 < int(n) <= MAX_SIDE for n in match.groups()):
        raise ConfigError(f"--input must be WIDTHxHEIGHT such as 192x256, not {text!r}.")
    return int(match[1]), int(match[2])


def _input_size(network: Network, asked: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height of the network's picture."""
    shapes = list(network.inputs.values())
    if len(shapes) != 1 or len(shapes[0]) != 4 or (isinstance(shapes[0][1], int) and shapes[0][1] != 3):
        raise ModelError(f"An RTMPose network takes one picture (1,3,H,W), not {shapes}.")
    height, width = shapes[0][2:]
    if not isinstance(height, int) or not isinstance(width, int):
        if asked is None:
            raise ConfigError("The network leaves its input's size open. Say it: --input 192x256")
        return asked
    if asked not in (None, (width, height)):
        raise ConfigError(f"The network takes {width}x{height} pictures; leave out --input.")
    return width, height


def _check_simcc(network: Network, keypoints: int, width: int, height: int) -> None:
    """Run once on a grey picture: two outputs (1,K,n·W) and (1,K,n·H) must come."""
    (name,) = network.inputs
    outputs = network(**{name: np.zeros((1, 3, height, width), np.float32)})
    shapes = [v.shape for v in outputs.values()]
    fits = len(shapes) == 2 and all(len(s) == 3 and s[:2] == (1, keypoints) for s in shapes)
    if fits:
        along_x, along_y = (s[2] for s in shapes)
        fits = along_x % width == 0 and along_x * height == along_y * width
    if not fits:
        raise ModelError(
            f"An RTMPose network for {keypoints} keypoints and {width}x{height} pictures gives simcc_x "
            f"(1,{keypoints},n×{width}) and simcc_y (1,{keypoints},n×{height}); this one gives {shapes}."
        )
