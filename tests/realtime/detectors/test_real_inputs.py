"""What int8 is calibrated on: the arrays of a run over a video with people."""

from __future__ import annotations

import pytest

from lifting.runtime.onnx import OnnxNetwork
from lifting.runtime.quantise import FEWEST_SAMPLES
from realtime.detectors.factory import SEARCH
from realtime.detectors.real_inputs import SAMPLES, real_inputs
from realtime.models.store import CLIP, is_pulled, model_path

NEEDED = ("blazepose-full", SEARCH, CLIP)


@pytest.mark.models
@pytest.mark.skipif(not all(map(is_pulled, NEEDED)), reason=f"sealcap models pull {' '.join(NEEDED)}")
def test_they_are_crops_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough of them, all different, and the network sees somebody in most."""
    monkeypatch.setattr("realtime.detectors.real_inputs.SAMPLES", FEWEST_SAMPLES)
    path = model_path("blazepose-full")
    given = real_inputs("blazepose", path)
    assert len(given) == FEWEST_SAMPLES <= SAMPLES
    network = OnnxNetwork(path)
    seen = [float(network(**sample)["presence"].squeeze()) for sample in given]
    assert sum(value > 0.5 for value in seen) > FEWEST_SAMPLES // 2
    assert len({array.tobytes() for sample in given for array in sample.values()}) == FEWEST_SAMPLES
