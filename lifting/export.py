"""A lifter in torch becomes an ONNX file that explains itself, checked against the original."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from lifting.errors import ModelError
from lifting.lifter import Lifter
from lifting.metadata import LifterMetadata, write_metadata
from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import BODY21

TOLERANCE_M = 1e-4
_OPSET = 18


def export_lifter(lifter: RayLifter, metadata: LifterMetadata, path: Path) -> float:
    """Write `path` and return the largest difference from torch in metres.

    Inputs keypoints (batch,T,21,3) and gravity (batch,4), output joints (batch,26,3); the batch size is free.
    Raises ModelError, and writes nothing, when the exported network differs by more than `TOLERANCE_M`, or
    answers another frame than the newest.
    """
    if lifter.frames[-1] != lifter.window - 1:
        raise ModelError(
            f"This network answers frame {lifter.frames[-1] + 1} of {lifter.window}, so live poses would be "
            f"late. Train its causal form: model.options: {{causal: true}}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        partial = Path(folder) / path.name
        _write(lifter.eval(), metadata, partial)
        difference = _largest_difference(lifter, partial)
        if not difference <= TOLERANCE_M:
            raise ModelError(
                f"The exported network differs from torch by {difference:.2e} m; it was not written."
            )
        os.replace(partial, path)
    return difference


def _write(lifter: RayLifter, metadata: LifterMetadata, path: Path) -> None:
    batch = torch.export.Dim("batch", min=1)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nobody needs here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            lifter,
            _example(lifter.window, people=2, seed=0),
            input_names=["keypoints", "gravity"],
            output_names=["joints"],
            opset_version=_OPSET,
            dynamo=True,
            dynamic_shapes={"keypoints": {0: batch}, "gravity": {0: batch}},
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for key, value in write_metadata(metadata).items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name = "sealcap"
    model.doc_string = ""
    for node in model.graph.node:  # stack traces of the exporting machine
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _largest_difference(lifter: RayLifter, path: Path) -> float:
    """Over several batch sizes, with unseen joints and unknown gravity among them."""
    exported, worst = Lifter.load(path), 0.0
    for seed, people in enumerate((1, 2, 5, 16)):
        keypoints, gravity = _example(lifter.window, people, seed)
        with torch.no_grad():
            expected = lifter(keypoints, gravity).numpy()
        got = exported.lift(keypoints.numpy(), gravity.numpy())
        worst = max(worst, float(np.abs(expected - got).max()))
    return worst


def _example(window: int, people: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    rays = 0.4 * torch.randn(people, window, len(BODY21), 2, generator=rng)
    confidence = torch.rand(people, window, len(BODY21), 1, generator=rng)
    confidence = torch.where(confidence < 0.2, 0.0, confidence)
    gravity = torch.randn(people, 3, generator=rng)
    gravity = gravity / gravity.norm(dim=-1, keepdim=True)
    known = (torch.arange(people) % 2 == 0).float()[:, None]
    return torch.cat([rays, confidence], dim=-1), torch.cat([gravity, known], dim=-1)
