"""What an exported lifter says about itself: keys and values stored in the ONNX file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lifting.errors import ModelError
from lifting.skeleton import BODY21, SEALCAP26

KEY = "sealcap"
FORMAT = 1
NORMALISATION = "crop rotated to the mean trunk ray, centred per frame, window radius 1; inside the graph"
MAX_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class LifterMetadata:
    """Stored as one JSON object under `KEY`."""

    window: int
    """Frames per window."""
    fps: float
    """Rate of those frames."""
    input_joints: tuple[str, ...] = BODY21.joints
    output_joints: tuple[str, ...] = SEALCAP26.joints
    normalisation: str = NORMALISATION
    training: dict[str, Any] = field(default_factory=dict)
    """Configuration, steps, windows seen, validation."""
    data_licences: dict[str, str] = field(default_factory=dict)
    """Data set → terms and the acknowledgement it asks for."""


def write_metadata(metadata: LifterMetadata) -> dict[str, str]:
    """Key-value pairs for the ONNX file."""
    values = {"format": FORMAT, **metadata.__dict__}
    return {KEY: json.dumps(values, sort_keys=True)}


def read_metadata(stored: Mapping[str, str]) -> LifterMetadata:
    """Read and check. Raises ModelError when the network is no lifter of ours, or one for other skeletons."""
    text = stored.get(KEY)
    if text is None or len(text) > MAX_CHARACTERS:
        raise ModelError(f"This network is no lifter of ours: it carries no {KEY!r} metadata. {_REMEDY}")
    try:
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise ModelError(
                f"This lifter has format {values['format']}, this version reads {FORMAT}. {_REMEDY}"
            )
        for name, expected in (("input_joints", BODY21), ("output_joints", SEALCAP26)):
            if tuple(values[name]) != expected.joints:
                raise ModelError(f"This lifter's {name} are not those of {expected.name}. {_REMEDY}")
        metadata = LifterMetadata(
            window=int(values["window"]),
            fps=float(values["fps"]),
            normalisation=str(values["normalisation"]),
            training=dict(values["training"]),
            data_licences=dict(values["data_licences"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"This lifter's metadata is damaged ({error!r}). {_REMEDY}") from error
    if not 1 <= metadata.window <= 1000 or not 1.0 <= metadata.fps <= 1000.0:
        raise ModelError(
            f"This lifter claims a window of {metadata.window} frames at {metadata.fps} fps. {_REMEDY}"
        )
    return metadata


_REMEDY = "Export it again with: sealcap export CHECKPOINT OUT.onnx"
