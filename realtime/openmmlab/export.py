"""An mmpose model with a SimCC head becomes an ONNX file for the fast path, checked against mmpose itself.

Exported are backbone, neck and head; crop, normalisation and decoding are those of
`realtime.detectors.rtmpose`. Both ways from a picture to its points are compared before a file appears.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from lifting.errors import ConfigError, ModelError
from lifting.runtime import Network, open_network
from lifting.skeleton import BODY21
from realtime.data import Float32, Image
from realtime.detectors import Region
from realtime.detectors.crop import as_input, crop_rgb, picture_from_crop
from realtime.detectors.mmpose import Mmpose, body21_source
from realtime.detectors.rtmpose import MEAN_RGB, SPLIT_RATIO, STD_RGB, TABLES, RtmPose
from realtime.openmmlab.model import MmposeModel

OPSET = 18
TOLERANCE = 1e-4
"""Largest difference of a network output; in units of its largest value where that exceeds 1."""
TOLERANCE_PX = 0.1


@dataclass(frozen=True, slots=True)
class Exported:
    """How well the file agrees with mmpose."""

    output: float
    """Largest difference of the network's outputs, as for TOLERANCE."""
    points_px: float
    """Largest distance of a joint in the picture."""
    crops: int
    """So many were compared."""


class _SimCC(nn.Module):
    """Normalised RGB pictures (B,3,h,w) → simcc_x (B,K,2w), simcc_y (B,K,2h)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.network.head(self.network.extract_feat(picture))
        return x, y


def export_model(model: MmposeModel, path: Path, crops: Sequence[tuple[Image, Region]]) -> Exported:
    """Write `path`; `crops` are real pictures with the regions on which both ways must agree.

    Raises ConfigError when the fast path cannot run such a model, ModelError, writing nothing, when the
    results differ by more than TOLERANCE or TOLERANCE_PX.
    """
    check_exportable(model)
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {path.absolute().parent} for {path.name}; make it first.")
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.absolute().parent) as folder:
        partial = Path(folder) / path.name
        _write(model, partial)
        result = compare(model, open_network(partial), crops)
        if not (result.output <= TOLERANCE and result.points_px <= TOLERANCE_PX):
            raise ModelError(
                f"The exported network differs from mmpose by {result.output:.1e} in its outputs and "
                f"{result.points_px:.2f} px in its points; it was not written."
            )
        os.replace(partial, path)
    return result


def check_exportable(model: MmposeModel) -> None:
    """Raises ConfigError naming what the fast path does otherwise than this model wants it."""
    settings = model.network.cfg.model
    head = settings.head
    codec = head.get("decoder") or {}
    if codec.get("type") != "SimCCLabel":
        raise ConfigError(
            f"{model.config.name} has a {head.get('type')} with {codec.get('type', 'no codec')}. Only SimCC "
            "heads (RTMPose) can be exported; heatmap heads run as they are: sealcap run --detector mmpose"
        )
    before = settings.get("data_preprocessor") or {}
    affine = next(
        s for s in model.network.cfg.test_dataloader.dataset.pipeline if s["type"] == "TopdownAffine"
    )
    wrong = [
        what
        for what, right in (
            ("another simcc_split_ratio than 2", codec.get("simcc_split_ratio", 2.0) == SPLIT_RATIO),
            ("DARK refinement (use_dark)", not codec.get("use_dark", False)),
            ("UDP crops (use_udp)", not affine.get("use_udp", False)),
            (
                "another mean or std",
                _same(before.get("mean"), MEAN_RGB) and _same(before.get("std"), STD_RGB),
            ),
            ("BGR pictures", before.get("bgr_to_rgb", False)),
            ("another order of keypoints", _known_order(model.keypoints)),
        )
        if not right
    ]
    if wrong:
        raise ConfigError(
            f"{model.config.name} uses {' and '.join(wrong)}, which the fast path does not. Run it as it is: "
            "sealcap run --detector mmpose"
        )


def _same(values: Any, expected: Float32) -> bool:
    return values is not None and len(values) == 3 and bool(np.allclose(values, expected, atol=1e-3))


def _known_order(keypoints: tuple[str, ...]) -> bool:
    if len(keypoints) not in TABLES:
        return False
    table, source = TABLES[len(keypoints)], body21_source(keypoints)
    if table is None:
        table = np.array([*range(17), *[-1] * (len(BODY21) - 17)])
    return bool((source == table).all())


def _write(model: MmposeModel, path: Path) -> None:
    width, height = model.size
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nobody needs here
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # about mmdet's old names and the exporter's own internals
        program = torch.onnx.export(
            _SimCC(model.network).eval(),
            (torch.zeros(2, 3, height, width),),
            input_names=["input"],
            output_names=["simcc_x", "simcc_y"],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes={"picture": {0: torch.export.Dim("batch", min=1)}},
            verbose=False,
        )
    assert program is not None
    file = program.model_proto
    for key, value in metadata(model).items():
        file.metadata_props.add(key=key, value=value)
    file.producer_name = "sealcap"
    for node in file.graph.node:  # stack traces of the exporting machine
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(file)
    path.write_bytes(file.SerializeToString())


def metadata(model: MmposeModel) -> dict[str, str]:
    """What the file says of its origin."""
    return {
        "sealcap.kind": "rtmpose",
        "sealcap.keypoints": json.dumps(model.keypoints),
        "sealcap.config": model.config.stem,
        "sealcap.config_sha256": model.config_sha256,
        "sealcap.checkpoint_sha256": model.checkpoint_sha256,
        "sealcap.mmpose": importlib.metadata.version("mmpose"),
    }


def compare(model: MmposeModel, network: Network, crops: Sequence[tuple[Image, Region]]) -> Exported:
    """Network against network on the same crop, then each with its own crop and decoding."""
    fast = RtmPose(network, lambda _: [])
    slow = Mmpose(model, lambda _: [])
    output = points = 0.0
    for image, region in crops:
        output = max(output, _output_difference(model, network, image, region))
        # Without the clip at the picture's rim: joints outside it are compared as well.
        a, b = fast.estimate(image, region).points_px, slow.estimate(image, region).points_px
        points = max(points, float(np.linalg.norm(a - b, axis=1).max()))
    return Exported(output, points, len(crops))


def _output_difference(model: MmposeModel, network: Network, image: Image, region: Region) -> float:
    rgb = crop_rgb(image, picture_from_crop(region, model.size), model.size)
    (name, shape), *_ = network.inputs.items()
    picture = as_input((rgb - MEAN_RGB) / STD_RGB, shape)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        expected = [t.numpy() for t in _SimCC(model.network)(torch.from_numpy(picture))]
    got = network(**{name: picture})
    return max(
        float(np.abs(got[key] - value).max()) / max(1.0, float(np.abs(value).max()))
        for key, value in zip(("simcc_x", "simcc_y"), expected, strict=True)
    )
