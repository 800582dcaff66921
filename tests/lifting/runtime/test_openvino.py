"""OpenVINO: ONNX Runtime's numbers in float32, near them in bfloat16, and errors in our own words."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rtmpose_size import rtmpose_size
from lifting.errors import ConfigError, MissingExtra, ModelError
from lifting.runtime import Falling, fine, open_network, openvino
from lifting.runtime.engine_cache import EngineCache, engines_dir
from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.openvino import OpenVinoNetwork, _Compiler, computes_bf16

RNG = np.random.default_rng(3)
PEOPLE = (1, 3)


@pytest.fixture
def detector_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network of a detector's size, and a cache of engines that is empty."""
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "detector.onnx"
    path.write_bytes(rtmpose_size())
    return path


def picture(network: OpenVinoNetwork) -> dict[str, np.ndarray]:
    """Noise of the shape that it takes."""
    (name, shape), *_ = network.inputs.items()
    return {name: RNG.normal(size=[d if isinstance(d, int) else 1 for d in shape]).astype(np.float32)}


def lifter_input(people: int) -> dict[str, np.ndarray]:
    """What the packaged lifter takes, for so many people."""
    keypoints = RNG.normal(size=(people, 9, 21, 3)).astype(np.float32)
    return {"keypoints": keypoints, "gravity": RNG.normal(size=(people, 4)).astype(np.float32)}


@pytest.mark.parametrize("people", PEOPLE)
def test_float32_is_what_onnx_runtime_computes(lifter_path: Path, people: int) -> None:
    """The packaged lifter, alone and for several at once, to a tenth of a millimetre."""
    arrays = lifter_input(people)
    ours = OpenVinoNetwork(lifter_path, precision="fp32")(**arrays)
    theirs = OnnxNetwork(lifter_path)(**arrays)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, atol=1e-4)


def test_bfloat16_is_near_and_is_bfloat16(detector_path: Path) -> None:
    """A detector's network moves by some percent of its range; not at all would mean float32 was used."""
    exact = OpenVinoNetwork(detector_path, precision="fp32")
    shown = picture(exact)
    fast = OpenVinoNetwork(detector_path, precision="bf16")(**shown)
    for key, values in exact(**shown).items():
        off = np.abs(fast[key] - values).max() / np.ptp(values)
        assert off < 0.1
        assert (off > 1e-5) == computes_bf16()


def test_what_was_compiled_is_kept(detector_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start compiles nothing and answers the same."""
    first = OpenVinoNetwork(detector_path, precision="fp32")
    shown = picture(first)
    monkeypatch.setattr(_Compiler, "_compile", lambda _self: pytest.fail("compiled again"))
    second = OpenVinoNetwork(detector_path, precision="fp32")
    for name, values in first(**shown).items():
        np.testing.assert_array_equal(second(**shown)[name], values)


@pytest.mark.parametrize("signed", [False, True])
def test_a_kept_form_that_is_damaged_is_made_anew(
    detector_path: Path, monkeypatch: pytest.MonkeyPatch, signed: bool
) -> None:
    """Whether the cache notices it, or only OpenVINO does."""
    OpenVinoNetwork(detector_path, precision="fp32")
    cache = EngineCache(engines_dir())
    (stored,) = cache.listing()
    if signed:
        cache.store(stored.key, b"nothing that OpenVINO knows", stored.model)
    else:
        path = cache.path(stored.key)
        path.write_bytes(path.read_bytes()[:-100])
    again = OpenVinoNetwork(detector_path, precision="fp32")
    again(**picture(again))
    assert abs(cache.listing()[0].bytes - stored.bytes) < 1000


@pytest.mark.parametrize(
    ("able", "precision", "engine"),
    [(True, None, OpenVinoNetwork), (True, "fp32", OnnxNetwork), (False, None, OnnxNetwork)],
)
def test_auto_takes_openvino_where_it_pays(
    dense_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool, precision: str | None, engine: type
) -> None:
    """On processors that compute in bf16, for networks that may be in it."""
    monkeypatch.setattr(openvino, "computes_bf16", lambda: able)
    network = open_network(dense_path, backend="auto", precision=precision)
    assert isinstance(network.network if isinstance(network, Falling) else network, engine)


def test_bfloat16_is_the_default_only_where_there_are_units_for_it(dense_path: Path) -> None:
    """Elsewhere it would be slower than float32."""
    assert OpenVinoNetwork(dense_path).precision == ("bf16" if computes_bf16() else "fp32")


def test_answers_stay(dense_path: Path) -> None:
    """The next call does not write into what the last one returned."""
    network = OpenVinoNetwork(dense_path, precision="fp32")
    first = network(x=np.ones((1, 6), np.float32))["y"]
    kept = first.copy()
    network(x=np.full((1, 6), 7.0, np.float32))
    np.testing.assert_array_equal(first, kept)


def test_arrays_that_do_not_fit(dense_path: Path) -> None:
    """Names and shapes are checked, and the network can be used afterwards."""
    network = OpenVinoNetwork(dense_path)
    with pytest.raises(ModelError, match="takes x, not z"):
        network(z=np.ones((1, 6), np.float32))
    with pytest.raises(ModelError, match=r"takes x .*, not \(1, 5\)"):
        network(x=np.ones((1, 5), np.float32))
    assert network(x=np.ones((2, 6), np.float32))["y"].shape == (2, 3)


def test_precisions_that_it_has_not(dense_path: Path) -> None:
    """fp16 and int8 are other engines' words."""
    with pytest.raises(ConfigError, match="bf16 or fp32 here, not int8"):
        OpenVinoNetwork(dense_path, precision="int8")


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    """One sentence with its name."""
    path = tmp_path / "noise.onnx"
    path.write_bytes(b"\x00\x01 not a model")
    with pytest.raises(ModelError, match=r"noise\.onnx"):
        OpenVinoNetwork(path)


def test_without_the_package_the_processor_goes_on(
    dense_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ONNX Runtime takes over, and the log says what to install."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtra, match=r"sealcap\[cpu\]"):
        OpenVinoNetwork(dense_path)
    with caplog.at_level(logging.WARNING):
        network = open_network(dense_path, backend="openvino")
    assert isinstance(network, OnnxNetwork)
    assert "in place of OpenVINO" in caplog.text
    assert isinstance(open_network(dense_path, backend="auto"), OnnxNetwork)


def test_the_lifter_is_never_bfloat16() -> None:
    """Its answers are metres: steps of a percent would be centimetres."""
    assert fine("openvino", None) == fine("openvino", "bf16") == fine("auto", None) == "fp32"
    assert fine("tensorrt", "int8") is None
    assert fine("tensorrt", "fp16") == "fp16"
