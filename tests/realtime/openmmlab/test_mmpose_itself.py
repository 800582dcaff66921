"""mmpose in its own environment: its detector, and RTMPose's fast path against it on real frames.

These tests run inside `.venv-mmpose`. In another environment the first of them starts that one's Python on
this file, and the rest is skipped.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.errors import ConfigError, ModelError, SealcapError
from realtime.data import Image
from realtime.detectors import Region

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-mmpose" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
INSIDE = importlib.util.find_spec("mmpose") is not None
inside = pytest.mark.skipif(not INSIDE, reason="runs inside .venv-mmpose")

TINY26 = "rtmpose-t_8xb1024-700e_body8-halpe26-256x192"
SMALL17 = "rtmpose-s_8xb256-420e_coco-256x192"
WHOLE133 = "rtmpose-m_8xb64-270e_coco-wholebody-256x192"
HEATMAP = "td-hm_mobilenetv2_8xb64-210e_coco-256x192"
BOTTOM_UP = "rtmo-s_8xb32-600e_coco-640x640"
RTMDET = "demo/mmdetection_cfg/rtmdet_nano_320-8xb32_coco-person.py"
TOLERANCE_PX = 0.1


@pytest.mark.skipif(INSIDE, reason="this is .venv-mmpose already")
@pytest.mark.timeout(900)
def test_the_tests_below_pass_in_their_own_environment() -> None:
    """All of them, none skipped but this."""
    if not PYTHON.is_file():
        pytest.skip("mmpose's environment is missing; type: make mmpose")
    command = [
        str(PYTHON),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-m",
        "real",
        "-rs",
        str(Path(__file__)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "passed" in done.stdout


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    """Three frames of the demo clip, in which a person walks."""
    import cv2

    from realtime.models.store import clip_path

    try:
        path = clip_path()
    except SealcapError:
        pytest.skip("the demo clip has not been pulled; type: sealcap models pull demo-clip")
    video = cv2.VideoCapture(str(path))
    images = [video.read()[1] for _ in range(100)]
    video.release()
    return [images[i] for i in (10, 60, 95)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A maker of checkpoints: random weights that fit a configuration, the same ones every time."""
    folder = tmp_path_factory.mktemp("weights")

    def make(config: str) -> Path:
        import warnings

        import torch

        from realtime.openmmlab.absent import mmpose_apis
        from realtime.openmmlab.configs import find_config

        path = folder / f"{config}.pth"
        if not path.is_file():
            torch.manual_seed(7)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                network = mmpose_apis().init_model(str(find_config(config)), None, device="cpu")
            for module in network.modules():  # as trained ones: not the identity
                if isinstance(module, torch.nn.BatchNorm2d):
                    torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
                    torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.save({"state_dict": network.state_dict(), "meta": {"epoch": 1}}, path)
        return path

    return make


BOXES = [(610.0, 200.0, 1000.0, 960.0), (-80.0, 300.0, 700.0, 800.0), (1200.5, 10.25, 1300.0, 400.0)]
"""About the person, over the rim, and small."""


def simcc(config: str, checkpoint: Callable[[str], Path], folder: Path) -> tuple[Any, Any]:
    """The model in mmpose, and the network exported from it without the check that export makes itself."""
    from lifting.runtime import open_network
    from realtime.openmmlab import export
    from realtime.openmmlab.model import open_model

    model = open_model(config, checkpoint(config))
    export.check_exportable(model)
    export._write(model, folder / "net.onnx")
    return model, open_network(folder / "net.onnx")


@inside
@pytest.mark.filterwarnings("ignore::FutureWarning")  # mmdet calls torch by names that torch has renamed
@pytest.mark.parametrize(("config", "joints"), [(TINY26, 26), (SMALL17, 17), (WHOLE133, 133)])
def test_the_fast_path_equals_mmpose_on_real_frames(
    config: str, joints: int, checkpoint: Callable[[str], Path], frames: list[Image], tmp_path: Path
) -> None:
    """Same weights: our crop, ONNX and decoding against `inference_topdown`, to a tenth of a pixel."""
    from realtime.detectors.boxes import region_from_box
    from realtime.detectors.mmpose import body21_source
    from realtime.detectors.rtmpose import RtmPose
    from realtime.openmmlab.absent import mmpose_apis

    model, network = simcc(config, checkpoint, tmp_path)
    assert len(model.keypoints) == joints
    source = body21_source(model.keypoints)
    known = source >= 0
    for image in frames:
        for box in BOXES:
            (sample,) = mmpose_apis().inference_topdown(model.network, image, np.array([box], np.float32))
            expected = np.asarray(sample.pred_instances.keypoints)[0][source]
            scores = np.asarray(sample.pred_instances.keypoint_scores)[0][source]
            got = RtmPose(network, lambda _: []).estimate(image, region_from_box(box, model.size))
            assert np.linalg.norm(got.points_px - expected, axis=1)[known].max() <= TOLERANCE_PX
            seen = got.confidence > 0
            assert got.confidence[seen] == pytest.approx(np.clip(scores, 0, 1)[seen], abs=1e-3)


@inside
def test_the_crop_equals_mmposes(checkpoint: Callable[[str], Path], frames: list[Image]) -> None:
    """Pixel for pixel what mmpose's pipeline cuts, to one grey level of rounding."""
    from realtime.detectors.boxes import region_from_box
    from realtime.detectors.crop import crop_rgb, picture_from_crop
    from realtime.openmmlab.model import open_model

    model = open_model(TINY26, checkpoint(TINY26))
    from mmengine.dataset import Compose

    pipeline = Compose(model.network.cfg.test_dataloader.dataset.pipeline)
    for box in BOXES:
        info = {"img": frames[0], "bbox": np.array([box], np.float32), "bbox_score": np.ones(1, np.float32)}
        theirs = pipeline(info | dict(model.network.dataset_meta))["inputs"].numpy()[::-1].transpose(1, 2, 0)
        ours = crop_rgb(
            frames[0], picture_from_crop(region_from_box(box, model.size), model.size), model.size
        )
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


@inside
@pytest.mark.parametrize("config", [TINY26, SMALL17])
def test_the_exported_network_equals_torch(
    config: str, checkpoint: Callable[[str], Path], frames: list[Image], tmp_path: Path
) -> None:
    """Outputs within 1e-4 on crops of real frames, one picture and several at once."""
    from realtime.openmmlab import export

    model, network = simcc(config, checkpoint, tmp_path)
    crops = [(image, Region(800.0, 580.0, 760.0)) for image in frames]
    assert export.compare(model, network, crops).output <= 1e-4
    (name,) = network.inputs
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(4, 3, 256, 192)).astype(np.float32)
    together = network(**{name: batch})
    for i in range(4):
        for key, value in network(**{name: batch[i : i + 1]}).items():
            assert together[key][i] == pytest.approx(value[0], abs=1e-4)


@inside
def test_the_command_exports_and_the_file_explains_itself(
    checkpoint: Callable[[str], Path],
    frames: list[Image],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`sealcap models export-mmpose`: a file with its origin, which `models add` and the detector take."""
    import hashlib
    import json

    from lifting.runtime import open_network
    from realtime.cli import main
    from realtime.detectors.factory import open_detector

    out = tmp_path / "tiny.onnx"
    weights = checkpoint(TINY26)
    assert main(["models", "export-mmpose", TINY26, str(weights), str(out)]) == 0
    assert "--detector rtmpose --detector.model" in capsys.readouterr().err
    notes = open_network(out).metadata
    assert notes["sealcap.checkpoint_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert len(notes["sealcap.config_sha256"]) == 64
    assert json.loads(notes["sealcap.keypoints"])[20] == "left_big_toe"
    assert str(tmp_path) not in "".join(notes.values())
    detector = open_detector("rtmpose", model=str(out))
    assert detector.estimate(frames[0], Region(800, 580, 760)).points_px.shape == (21, 2)


@inside
@pytest.mark.parametrize("config", [TINY26, HEATMAP])
def test_the_detector_runs_in_the_live_pipeline(
    config: str, checkpoint: Callable[[str], Path], frames: list[Image], tmp_path: Path
) -> None:
    """`sealcap run --detector mmpose` on the demo clip, SimCC and heatmaps alike; the poses are written."""
    from realtime.cli import main

    assert frames
    command = ["run", "demo", "--headless", "--detector", "mmpose", "--mmpose-config", config]
    command += ["--mmpose-checkpoint", str(checkpoint(config)), "--max-speed", "--frames", "8"]
    command += ["--poses-out", str(tmp_path / "poses.npz")]
    assert main(command) == 0
    assert (tmp_path / "poses.npz").is_file()


@inside
def test_heatmaps_are_refused_by_the_export(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    """They run as they are, and the error says how."""
    from realtime.openmmlab.export import export_model
    from realtime.openmmlab.model import open_model

    model = open_model(HEATMAP, checkpoint(HEATMAP))
    with pytest.raises(ConfigError, match="heatmap heads run as they are"):
        export_model(model, tmp_path / "x.onnx", [])
    assert not list(tmp_path.iterdir())


@inside
@pytest.mark.parametrize(("change", "complaint"), [
    ({"head": {"decoder": {"use_dark": True}}}, "DARK"),
    ({"head": {"decoder": {"simcc_split_ratio": 3.0}}}, "split_ratio"),
    ({"data_preprocessor": {"bgr_to_rgb": False}}, "BGR pictures"),
    ({"data_preprocessor": {"mean": [0, 0, 0]}}, "another mean"),
])  # fmt: skip
def test_what_the_fast_path_would_do_otherwise_is_refused(
    change: dict[str, Any], complaint: str, checkpoint: Callable[[str], Path]
) -> None:
    """Before anything is exported."""
    from realtime.openmmlab.export import check_exportable
    from realtime.openmmlab.model import open_model

    model = open_model(TINY26, checkpoint(TINY26))
    model.network.cfg.merge_from_dict({"model": change})
    with pytest.raises(ConfigError, match=complaint):
        check_exportable(model)


@inside
def test_weights_of_another_configuration(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    """Other shapes, and too few weights, are said."""
    import torch

    from realtime.openmmlab.model import open_model

    with pytest.raises(ModelError, match="does not fit"):
        open_model(TINY26, checkpoint(SMALL17))
    state = torch.load(checkpoint(TINY26), weights_only=True)["state_dict"]
    torch.save({k: v for k, v in state.items() if "head" not in k}, tmp_path / "part.pth")
    with pytest.raises(ModelError, match="weights are missing, such as head"):
        open_model(TINY26, tmp_path / "part.pth")


@inside
def test_one_stage_models_are_refused(tmp_path: Path) -> None:
    """RTMO is no top-down model, and needs what this environment leaves out."""
    import torch

    from realtime.openmmlab.model import open_model

    torch.save({"w": torch.ones(1)}, tmp_path / "any.pth")
    with pytest.raises(ConfigError, match=r"Only top-down|top-down mmpose model|leaves out"):
        open_model(BOTTOM_UP, tmp_path / "any.pth")


@inside
def test_a_configuration_of_ones_own(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    """A file that builds upon a packaged one; and one that is no configuration at all."""
    from realtime.openmmlab.configs import find_config
    from realtime.openmmlab.model import open_model

    own = tmp_path / "own.py"
    own.write_text(f"_base_ = [{str(find_config(TINY26))!r}]\n")
    assert open_model(str(own), checkpoint(TINY26)).size == (192, 256)
    for text in ("surprise = 1\n", "raise RuntimeError('boom')\n", "def broken(:\n"):
        own.write_text(text)
        with pytest.raises(ConfigError, match="no configuration of a top-down mmpose model"):
            open_model(str(own), checkpoint(TINY26))


@pytest.fixture(scope="module")
def rtmdet() -> Any:
    """mmdetection's RTMDet-nano for people, random weights, with a plain suppression of overlapping boxes."""
    import warnings

    import torch

    from realtime.openmmlab.absent import mmpose_apis
    from realtime.openmmlab.configs import packaged_configs

    mmpose_apis()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mmdet.apis import init_detector
        from mmdet.models.dense_heads import base_dense_head

        torch.manual_seed(3)
        model = init_detector(str(packaged_configs().parent / RTMDET), None, device="cpu")
    for level in range(3):  # boxes of some size, and scores on both sides of the threshold
        torch.nn.init.constant_(model.bbox_head.rtm_reg[level].bias, 2.5)
        torch.nn.init.normal_(model.bbox_head.rtm_cls[level].weight, std=0.2)
    for module in model.modules():  # random weights alone fade out on the way
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    model.train()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.bbox_head(model.extract_feat(torch.rand(4, 3, 320, 320) * 4 - 2))
    model.eval()

    def batched_nms(boxes: Any, scores: Any, _labels: Any, settings: Any) -> tuple[Any, Any]:
        """Stands for the compiled operator: keep the best, drop what overlaps it."""
        order, keep = scores.argsort(descending=True), []
        while len(order):
            keep.append(int(order[0]))
            best, others = boxes[order[0]], boxes[order[1:]]
            low, high = torch.maximum(best[:2], others[:, :2]), torch.minimum(best[2:], others[:, 2:])
            common = (high - low).clamp(min=0).prod(1)
            area = (others[:, 2:] - others[:, :2]).prod(1) + (best[2:] - best[:2]).prod()
            order = order[1:][common / (area - common) <= settings["iou_threshold"]]
        return torch.cat([boxes[keep], scores[keep, None]], 1), torch.tensor(keep, dtype=torch.long)

    base_dense_head.batched_nms = batched_nms
    return model


@inside
@pytest.mark.filterwarnings("ignore:checkpoint is None")
def test_rtmdet_equals_mmdetection(rtmdet: Any, frames: list[Image]) -> None:
    """What the network is shown, and boxes in the picture, on real frames of three shapes."""
    import warnings

    import torch
    from mmengine.dataset import Compose

    from realtime.detectors.rtmdet import MIN_SCORE, RtmDet

    steps = [dict(step) for step in rtmdet.cfg.test_dataloader.dataset.pipeline]
    steps[0]["type"] = "mmdet.LoadImageFromNDArray"
    pipeline = Compose(steps)
    shapes = [
        frames[0],
        np.ascontiguousarray(frames[1][:, 500:1000]),
        np.ascontiguousarray(frames[2][:333, :1111]),
    ]
    for image in shapes:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            item = pipeline({"img": image, "img_id": 0})
            data = rtmdet.data_preprocessor(
                {"inputs": [item["inputs"]], "data_samples": [item["data_samples"]]}, False
            )
            feats = rtmdet.extract_feat(data["inputs"])
            raw, scaled = (
                rtmdet.bbox_head.predict(feats, data["data_samples"], rescale=rescale)[0]
                for rescale in (False, True)
            )
        outputs = {
            "dets": torch.cat([raw.bboxes, raw.scores[:, None]], 1)[None].numpy(),
            "labels": raw.labels[None].numpy(),
        }
        shown: list[np.ndarray] = []

        class Network:
            inputs = {"input": (1, 3, 320, 320)}  # noqa: RUF012
            metadata: dict[str, str] = {}  # noqa: RUF012

            def __call__(self, outputs: Any = outputs, shown: Any = shown, **arrays: Any) -> Any:
                shown.append(arrays["input"])
                return outputs

        boxes, scores = RtmDet(Network()).boxes(image)
        assert np.abs(shown[0] - data["inputs"].numpy()).max() <= 1e-5
        sure = scaled.scores.numpy() >= MIN_SCORE
        limit = np.tile(np.array(image.shape[1::-1]), 2)
        expected = np.clip(scaled.bboxes.numpy()[sure], 0, limit)
        wide = (expected[:, 2:] - expected[:, :2]).min(1, initial=np.inf) >= 2
        assert wide.sum() >= 3
        assert len(boxes) == wide.sum()
        assert np.abs(boxes - expected[wide]).max() <= 0.01
        assert scores == pytest.approx(scaled.scores.numpy()[sure][wide])
