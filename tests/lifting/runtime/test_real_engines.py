"""Real engines by TensorRT for RTX, which builds without a GPU; `make trt-env` brings it.

It lives in an environment of its own, so each test hands a few lines to that Python and reads what it prints.
Without a GPU nothing is executed here; the engines' numbers are those of the graphs that went in, which
test_precision.py holds to ONNX Runtime.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.rtmpose_size import rtmpose_size
from realtime.detectors.device_graph import with_crop_and_peaks
from tests.lifting.runtime.conftest import dense_model, make_model

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-trt" / "bin" / "python"
BUILD = """
from lifting.runtime.trt_library import load_tensorrt
from lifting.runtime.engine_cache import EngineCache, engines_dir
from lifting.runtime.tensorrt import EngineBuilder, engine_key, read_model
from lifting.runtime.compare import sample_inputs
from lifting.runtime.onnx import OnnxNetwork
from lifting.errors import SealcapError

def samples(model, precision):
    if precision != "int8":
        return []
    return list(sample_inputs(model, OnnxNetwork(model.name, data=model.data).dtypes, [1, 2] * 8))

trt, cache, model, steps = load_tensorrt(), EngineCache(engines_dir()), read_model(Path(file)), []
key = engine_key(model, trt, precision, capability=(8, 9))
try:
    given = samples(model, precision)
    builder = EngineBuilder(trt, model, precision, given, lambda what, share: steps.append(share))
    plan = builder.build(key, cache, (8, 9))
    cache.store(key, plan, model.name)
    out = {"bytes": len(plan), "kept": cache.load(key) == plan, "profile": key.profile, "last": max(steps)}
except SealcapError as error:
    out = {"error": str(error)}
"""

pytestmark = pytest.mark.real


@pytest.fixture
def in_trt(tmp_path: Path) -> Any:
    """Runs lines in the environment with tensorrt_rtx; they leave their answer in `out`."""
    if not PYTHON.exists():
        pytest.skip("make trt-env brings tensorrt_rtx")
    env = os.environ | {"PYTHONPATH": str(ROOT), "SEALCAP_CACHE": str(tmp_path / "cache")}

    def run(code: str, **values: object) -> Any:
        given = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        program = f"import json\nfrom pathlib import Path\n{given}{code}\nprint('OUT' + json.dumps(out))"
        done = subprocess.run(
            [PYTHON, "-c", program], capture_output=True, text=True, env=env, timeout=200, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.rpartition("OUT")[2])

    return run


@pytest.fixture
def rtmpose(tmp_path: Path) -> Path:
    """A network of RTMPose's build."""
    path = tmp_path / "rtmpose.onnx"
    path.write_bytes(rtmpose_size("t"))
    return path


def fixed(path: Path, people: int) -> Path:
    """The same for exactly so many people."""
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = people
    out = path.with_name(f"fixed{people}.onnx")
    onnx.save(model, out)
    return out


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_lifter_becomes_an_engine(in_trt: Any, lifter_path: Path, precision: str) -> None:
    """For 1 to 16 rows; fp16 halves the weights; the cache gives it back; progress reaches the end."""
    got = in_trt(BUILD, file=str(lifter_path), precision=precision)
    assert got["kept"]
    assert got["profile"] == "keypoints 1|16×9×21×3; gravity 1|16×4"
    assert got["last"] == 1.0
    assert got["bytes"] < {"fp16": 12, "fp32": 20}[precision] << 20


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("form", ["dynamic", "static", "with crop and peaks"])
def test_rtmpose_becomes_an_engine(in_trt: Any, rtmpose: Path, form: str, precision: str) -> None:
    """For any number of people, for one, and with everything around it in the graph."""
    if form == "static":
        rtmpose = fixed(rtmpose, 1)
    elif form != "dynamic":
        rtmpose.write_bytes(with_crop_and_peaks(rtmpose.read_bytes()))
    got = in_trt(BUILD, file=str(rtmpose), precision=precision)
    assert got.get("kept"), got
    assert ("1|16" in got["profile"]) is (form != "static")


def test_an_unknown_operator_is_named(in_trt: Any, tmp_path: Path) -> None:
    """Not a crash, and not a list of C++ lines: the operator."""
    path = tmp_path / "m.onnx"
    onnx.save(make_model([helper.make_node("Det", ["x"], ["y"])], {"x": [3, 3]}, {"y": []}), path)
    assert "Det" in in_trt(BUILD, file=str(path), precision="fp32")["error"]


def test_a_shape_that_cannot_be_is_an_error(in_trt: Any, tmp_path: Path) -> None:
    """A graph that parses nowhere."""
    model = dense_model()
    model.graph.initializer[1].dims[0] = 3
    model.graph.initializer[1].raw_data = model.graph.initializer[1].raw_data[: 3 * 3 * 4]
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    assert "cannot read m.onnx" in in_trt(BUILD, file=str(path), precision="fp32")["error"]


def test_weights_outside_never_reach_the_parser(in_trt: Any, tmp_path: Path) -> None:
    """It would open any file that the model names."""
    model = dense_model()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/hostname")
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    code = """
from lifting.runtime.model_file import read_model
from lifting.errors import ModelError
try:
    read_model(Path(file))
except ModelError as error:
    out = str(error)
"""
    assert "one piece" in in_trt(code, file=str(path))


def test_a_generation_that_rtx_does_not_know(in_trt: Any) -> None:
    """Hopper is one; the known ones are listed."""
    code = """
from lifting.runtime.trt_library import load_tensorrt
from lifting.errors import ConfigError
try:
    load_tensorrt().capability((9, 0))
except ConfigError as error:
    out = str(error)
"""
    assert "9.0" in in_trt(code)
    assert "8.9" in in_trt(code)


def test_without_a_driver_a_run_goes_on(in_trt: Any, dense_path: Path) -> None:
    """tensorrt_rtx is there, no driver is: the processor answers, and the steps down are said."""
    code = """
import logging, numpy as np
from lifting.runtime import open_network
from lifting.runtime.cuda import Cuda
from lifting.errors import SealcapError
said = []
handler = logging.Handler(); handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("lifting.runtime").addHandler(handler)
try:
    Cuda(); gpu = True
except SealcapError:
    gpu = False
network = open_network(Path(file), backend="tensorrt")
out = {"gpu": gpu, "said": said, "shape": network(x=np.zeros((2, 6), np.float32))["y"].shape}
"""
    got = in_trt(code, file=str(dense_path))
    assert got["shape"] == [2, 3]
    if got["gpu"]:
        pytest.skip("there is a GPU here")
    assert "nvidia-smi" in got["said"][0]
    assert len(got["said"]) == 2


def test_a_damaged_plan_is_an_error(in_trt: Any) -> None:
    """Handed to the library itself, past the cache's own check; it returns nothing and does not crash."""
    code = """
from lifting.runtime.trt_library import load_tensorrt
trt = load_tensorrt()
engine = trt.module.Runtime(trt.logger).deserialize_cuda_engine(b"no plan" * 1000)
out = {"engine": engine is None, "complaint": trt.take_complaint("")}
"""
    got = in_trt(code)
    assert got["engine"]
    assert got["complaint"]


def test_compile_says_built_not_executed(in_trt: Any) -> None:
    """The command, the lifter alone; without a GPU it names the generation it built for."""
    code = """
import io, contextlib
from realtime.cli import main
with contextlib.redirect_stderr(io.StringIO()) as text:
    code = main(["compile", "--detector", "none", "--capability", "8.6"])
out = {"code": code, "text": text.getvalue()}
"""
    got = in_trt(code)
    assert got["code"] == 0, got["text"]
    assert "built, not executed" in got["text"] or "runs here" in got["text"]
