"""ONNX Runtime's GPU providers: quiet when they do not start, told apart from wrong arrays when they fail."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from lifting.errors import DeviceError, ModelError
from lifting.runtime import onnx
from lifting.runtime.onnx import OnnxNetwork


def test_a_provider_that_does_not_start_is_one_sentence(
    dense_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Libraries of packages are loaded first; nothing is printed or logged; the log is as before then."""
    real, said = onnxruntime.InferenceSession, []

    def session(model: bytes, options: object, providers: list[str]) -> object:
        said.append(tuple(providers))
        print("EP Error")  # noqa: T201 - as it does
        return real(model, options, providers=[onnx.CPU])

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [onnx.CUDA, onnx.CPU])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: said.append("libraries"), raising=False)
    monkeypatch.setattr(onnxruntime, "set_default_logger_severity", said.append)
    with pytest.raises(DeviceError, match="could not start CUDA"):
        OnnxNetwork(dense_path, provider=onnx.CUDA)
    exact = (onnx.CUDA, {"use_tf32": "0"})
    assert said == [onnx.FATAL, "libraries", (exact, onnx.CPU), onnx.WARNING]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "on_gpu", "kind"),
    [
        ("InvalidArgument", True, ModelError),
        ("RuntimeException", True, DeviceError),
        ("RuntimeException", False, ModelError),
    ],
)
def test_failures_of_the_gpu_are_not_the_arrays(
    dense_path: Path, name: str, on_gpu: bool, kind: type[ModelError]
) -> None:
    """Only the first may be answered by another engine."""
    failure = type(name, (Exception,), {"__module__": "onnxruntime.capi.onnxruntime_pybind11_state"})

    def run(*_: object) -> None:
        raise failure("BFCArena: failed to allocate memory")

    network = OnnxNetwork(dense_path)
    network._on_gpu, network._session = on_gpu, SimpleNamespace(run=run)
    with pytest.raises(ModelError, match=r"dense\.onnx could not run: BFCArena") as caught:
        network(x=np.zeros((1, 6), np.float32))
    assert type(caught.value) is kind
