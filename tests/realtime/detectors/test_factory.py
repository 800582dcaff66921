"""Names of detectors, and the real networks on a real picture where they have been pulled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifting.errors import ConfigError, ModelError
from lifting.skeleton import BODY21
from realtime.data import Frame
from realtime.detectors import Detector
from realtime.detectors.factory import KINDS, detector_models, open_detector
from realtime.models.store import clip_path, is_pulled
from realtime.openmmlab import absent
from realtime.tracking import Tracker

NAMES = [(kind, variant) for kind, k in KINDS.items() for variant in k.variants]


def test_unknown_detector() -> None:
    """The error lists the detectors there are."""
    with pytest.raises(ConfigError, match="blazepose, movenet, rtmpose, mmpose"):
        open_detector("openpose")


def test_unknown_variant() -> None:
    """The error lists the variants of that detector."""
    with pytest.raises(ConfigError, match="heavy, full, lite"):
        open_detector("blazepose", "thunder")


def test_rtmpose_needs_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is pulled: the error says how to get the one that is recommended."""
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="sealcap models pull rtmpose-m"):
        open_detector("rtmpose")


def test_mmpose_needs_a_configuration_and_weights() -> None:
    """The error shows both options."""
    with pytest.raises(ConfigError, match="--mmpose-config NAME and --mmpose-checkpoint FILE"):
        open_detector("mmpose")
    with pytest.raises(ConfigError, match="need --detector mmpose, not rtmpose"):
        open_detector("rtmpose", mmpose_config="rtmpose-m")


def test_mmpose_without_torch_names_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of `make demo` has neither: a sentence, not a traceback."""
    monkeypatch.setattr(absent.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="make mmpose"):
        open_detector("mmpose", mmpose_config="rtmpose-m", mmpose_checkpoint=Path("m.pth"))


def test_movenet_takes_no_search() -> None:
    """It looks for people itself."""
    with pytest.raises(ConfigError, match=r"leave out --detector\.search"):
        open_detector("movenet", search="rtmdet-nano")


@pytest.mark.parametrize(("arguments", "names"), [
    (("blazepose",), ["blazepose-search", "blazepose-heavy"]),
    (("movenet",), ["movenet-thunder"]),
    (("rtmpose",), ["blazepose-search", "rtmpose-m"]),
    (("rtmpose", "t", None, "rtmdet-nano"), ["rtmdet-nano", "rtmpose-t"]),
    (("rtmpose", None, __file__, __file__), []),
    (("mmpose",), ["blazepose-search"]),
    (("mmpose", None, None, "rtmdet-m"), ["rtmdet-m"]),
])  # fmt: skip
def test_the_models_that_will_be_asked_for(arguments: tuple[str, ...], names: list[str]) -> None:
    """Names of the store only, without what the user gives as files."""
    assert detector_models(*arguments) == names


def test_unknown_model() -> None:
    """A name that is neither a file nor in the store is refused by the store."""
    with pytest.raises(ConfigError, match="nosuchmodel"):
        open_detector("movenet", model="nosuchmodel")


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    """A path is opened as it is, and a broken file is named."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        open_detector("movenet", model=str(path))


def opened(kind: str, variant: str) -> Detector:
    """The detector, if its networks are here."""
    needed = [f"{kind}-{variant}", *(["blazepose-search"] if kind == "blazepose" else [])]
    if missing := [name for name in needed if not is_pulled(name)]:
        pytest.skip(f"not pulled: {', '.join(missing)}")
    return open_detector(kind, variant)


def demo_frames(first: int, count: int) -> list[Frame]:
    """Frames of the demo clip; skips where it has not been pulled."""
    cv2 = pytest.importorskip("cv2")
    try:
        path = clip_path()
    except ModelError:
        pytest.skip("the demo clip has not been pulled")
    if not path.is_file():
        pytest.skip("the demo clip has not been pulled")
    video = cv2.VideoCapture(str(path))
    frames = []
    for index in range(first + count):
        ok, image = video.read()
        assert ok
        if index >= first:
            frames.append(Frame(image, index, index * 33_333_333, 0, 0))
    video.release()
    return frames


@pytest.mark.models
@pytest.mark.parametrize(("kind", "variant"), NAMES)
def test_real_networks_find_the_person_of_the_demo(kind: str, variant: str) -> None:
    """An upright walker: found, head above hips above ankles, joints within the picture, nearly still."""
    detector = opened(kind, variant)
    frames = demo_frames(80, 4)
    tracker = Tracker(detector)
    results = [tracker.update(frame) for frame in frames]
    assert all(len(r) == 1 for r in results[1:])
    points, confidence = results[-1][0].points_px, results[-1][0].confidence
    assert (confidence > 0.3).sum() >= 12
    heights = [points[BODY21.indices(f"left_{j}", f"right_{j}"), 1].mean() for j in ("ear", "hip", "ankle")]
    assert heights == sorted(heights)
    moved = np.linalg.norm(points - results[-2][0].points_px, axis=1)[confidence > 0.5]
    assert np.median(moved) < 15


@pytest.mark.models
@pytest.mark.parametrize(("kind", "variant"), [("blazepose", "heavy"), ("movenet", "thunder")])
def test_real_networks_are_mirror_symmetric(kind: str, variant: str) -> None:
    """The mirrored picture gives the mirrored joints, left and right exchanged, within a few pixels."""
    detector = opened(kind, variant)
    (frame,) = demo_frames(80, 1)
    width = frame.size[0]
    (a,) = Tracker(detector).update(frame)
    image = np.ascontiguousarray(frame.image[:, ::-1])
    (b,) = Tracker(detector).update(Frame(image, 0, 0, 0, 0))
    mirrored = b.points_px[BODY21.mirrored] * (-1, 1) + (width - 1, 0)
    sure = (a.confidence > 0.8) & (b.confidence[BODY21.mirrored] > 0.8)
    assert sure.sum() >= 6
    size = np.ptp(a.points_px[sure], axis=0).max()
    assert np.median(np.linalg.norm(mirrored - a.points_px, axis=1)[sure]) < 0.05 * size


@pytest.mark.models
@pytest.mark.parametrize(("kind", "variant"), NAMES)
def test_real_networks_find_nobody_in_noise(kind: str, variant: str) -> None:
    """Three frames of noise: no keypoints."""
    tracker = Tracker(opened(kind, variant))
    rng = np.random.default_rng(0)
    for index in range(3):
        image = rng.integers(0, 256, (240, 320, 3)).astype(np.uint8)
        assert tracker.update(Frame(image, index, index * 33_333_333, 0, 0)) == []
