"""A top-down pose network of mmpose, with mmpose's own crop, network and decoding."""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lifting.errors import ConfigError, DeviceError, ModelError, SealcapError
from realtime.data import Float32, Image
from realtime.detectors.boxes import PADDING, Box
from realtime.openmmlab.absent import mmpose_apis
from realtime.openmmlab.configs import find_config
from realtime.openmmlab.weights import read_weights


@dataclass(frozen=True, slots=True, eq=False)
class MmposeModel:
    """A loaded network and what there is to know about it."""

    network: Any
    """mmpose's TopdownPoseEstimator in evaluation mode; its flip test is off, as in the fast path."""
    config: Path
    config_sha256: str
    """Of the whole configuration with everything it builds upon."""
    checkpoint_sha256: str
    keypoints: tuple[str, ...]
    """Names in the order of the network's answers."""
    size: tuple[int, int]
    """Width and height of the network's picture."""
    padding: float
    """Margin around a box that its pipeline adds."""

    def infer(self, image: Image, boxes: Sequence[Box], /) -> list[tuple[Float32, Float32]]:
        """Of the person in each box: points (K,2) in pixels of the picture (H,W,3) BGR, and scores (K,).

        Raises DeviceError when the GPU is full.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # mmdet calls torch by names that torch has renamed
                samples = mmpose_apis().inference_topdown(self.network, image, np.array(boxes, np.float32))
        except torch.OutOfMemoryError as error:
            raise DeviceError("The GPU has no memory left for mmpose. Leave out --device cuda.") from error
        found = [sample.pred_instances for sample in samples]
        return [(_first(f.keypoints), _first(f.keypoint_scores)) for f in found]


def _first(values: Any) -> Float32:
    """The one person of a sample, whether mmpose gives an array or a tensor."""
    array = values.cpu().numpy() if isinstance(values, torch.Tensor) else values
    return np.asarray(array[0], np.float32)


def open_model(config: str, checkpoint: Path, *, device: str = "cpu") -> MmposeModel:
    """Load the configuration (a packaged name, or a file of the user's own) with the weights of `checkpoint`.

    Raises ConfigError for a wrong configuration, ModelError when the weights are missing, need pickle, or do
    not fit.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("torch in this environment sees no GPU. Leave out --device cuda (docs/mmpose.md).")
    path = find_config(config)
    weights = read_weights(checkpoint)
    network, config_sha256 = _build(path, device)
    _check_kind(network, path)
    _load(network, weights, checkpoint, path)
    pipeline = network.cfg.test_dataloader.dataset.pipeline
    affine = _step(pipeline, "TopdownAffine", path)
    return MmposeModel(
        network=network,
        config=path,
        config_sha256=config_sha256,
        checkpoint_sha256=_sha256(checkpoint),
        keypoints=tuple(name for _, name in sorted(network.dataset_meta["keypoint_id2name"].items())),
        size=(int(affine["input_size"][0]), int(affine["input_size"][1])),
        padding=float(_step(pipeline, "GetBBoxCenterScale", path).get("padding", PADDING)),
    )


def _build(path: Path, device: str) -> tuple[Any, str]:
    """The network without weights, and the hash of its configuration.

    Without a flip test, and without the addresses that mmengine would fetch weights from.
    """
    apis = mmpose_apis()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the parts of mmdet that stand-ins replace
            settings = importlib.import_module("mmengine.config").Config.fromfile(path)
            sha256 = hashlib.sha256(settings.pretty_text.encode()).hexdigest()
            settings.merge_from_dict({"model.backbone.init_cfg": None, "model.test_cfg.flip_test": False})
            return apis.init_model(settings, None, device=device), sha256
    except SealcapError:
        raise
    # A configuration is a program, and may fail in any way.
    except Exception as error:
        reason = (" ".join(str(error).split()) or type(error).__name__)[:300]
        raise ConfigError(f"{path} is no configuration of a top-down mmpose model: {reason}.") from error


def _check_kind(network: Any, path: Path) -> None:
    kind = importlib.import_module("mmpose.models.pose_estimators").TopdownPoseEstimator
    if not isinstance(network, kind):
        raise ConfigError(
            f"{path.name} describes a {type(network).__name__}. Only top-down 2D models run here "
            "(TopdownPoseEstimator), such as those under body_2d_keypoint/rtmpose."
        )


def _step(pipeline: Any, kind: str, path: Path) -> Any:
    for step in pipeline:
        if step["type"] == kind:
            return step
    raise ConfigError(f"{path.name} has no {kind} in its test pipeline; it is no top-down 2D model.")


def _load(network: Any, weights: dict[str, torch.Tensor], checkpoint: Path, config: Path) -> None:
    """All weights that the network has must be there; the checkpoint may hold more (a running mean)."""
    weights = {name.removeprefix("module."): value for name, value in weights.items()}
    try:
        result = network.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(f"{checkpoint} does not fit {config.name}: {reason}") from error
    if result.missing_keys:
        raise ModelError(
            f"{checkpoint} does not fit {config.name}: {len(result.missing_keys)} weights are missing, such "
            f"as {result.missing_keys[0]}. Take the configuration that the checkpoint was trained with."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
