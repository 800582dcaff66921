"""`sealcap compile` where it can do nothing: each reason in one sentence. Builds: test_real_engines.py."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.rtmpose_size import rtmpose_size
from lifting.errors import ConfigError
from lifting.runtime.trt_library import TensorRt
from realtime.cli import main
from realtime.commands import compile as command


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with TensorRT for RTX, no GPU, and nothing else."""

    class Rtx(TensorRt):
        def capability(self, wanted: tuple[int, int] | None) -> object:
            return wanted

    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path))
    monkeypatch.setattr(command, "load_tensorrt", lambda: Rtx(None, "tensorrt_rtx", "1.7"))
    monkeypatch.setattr(command, "_gpu", lambda _trt: (None, "No GPU."))


@pytest.mark.skipif(find_spec("tensorrt") is not None, reason="TensorRT is here")
def test_without_tensorrt(capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the extra."""
    assert main(["compile"]) == 1
    assert "sealcap[gpu]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--lifter", "none", "--detector", "none"], "nothing to build"),
        (["--lifter", "huge"], "no lifter 'huge'"),
        (["--detector", "mmpose"], "export-mmpose"),
        (["--detector", "yolo"], "no detector 'yolo'"),
        (["--detector", "none", "--capability", "ampere"], "MAJOR.MINOR"),
    ],
)
def test_wrong_usage(rtx: None, args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and what would be right."""
    assert main(["compile", *args]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_capability_is_two_numbers() -> None:
    """12.0 and 8.9, not 8 or 8.x."""
    assert command.parse_capability("12.0") == (12, 0)
    for wrong in ("8", "8.x", "8.9.1", "-1.0", "100000.1"):
        with pytest.raises(ConfigError):
            command.parse_capability(wrong)


def test_int8_is_for_the_detector_alone(rtx: None, tmp_path: Path) -> None:
    """Lifter and person search stay fp16; an RTMPose file is prepared to crop by itself."""
    path = tmp_path / "own.onnx"
    path.write_bytes(rtmpose_size("t"))
    (lifter,) = command._lifter_jobs("small", "int8")
    assert lifter.precision == "fp16"
    models = tmp_path / "models"
    models.mkdir()
    for name in ("blazepose-search",):
        from realtime.models.store import path_of

        path_of(name).write_bytes(b"x")
    jobs = {job.name: job for job in command._detector_jobs(str(path), None, "int8")}
    assert jobs["rtmpose"].precision == "int8"
    assert jobs["rtmpose"].prepare is not None
    assert jobs["blazepose-search"].precision == "fp16"


def test_a_network_that_fails_is_a_row(rtx: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others go on; the exit code says that not all is well."""
    path = tmp_path / "own.onnx"
    path.write_bytes(b"no model")
    assert main(["compile", "--detector", "none", "--lifter", str(path)]) == 1
    assert "not a usable ONNX model" in " ".join(capsys.readouterr().err.split())
