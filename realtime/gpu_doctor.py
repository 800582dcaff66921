"""What `sealcap doctor` says about the GPU: what is here, and which engine a run would get, and why."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from lifting.errors import MissingExtra, SealcapError
from lifting.runtime import onnx
from lifting.runtime.cuda import Cuda
from lifting.runtime.engine_cache import EngineCache, engines_dir
from lifting.runtime.trt_library import load_tensorrt

Step = tuple[str, str]
"""Name of an engine; why it cannot be used, empty where it can."""


def describe_gpu() -> str:
    """GPU, driver and CUDA, or why nothing is known of one."""
    try:
        gpu = Cuda().gpu()
    except MissingExtra:
        return "NVIDIA GPU not looked for (cuda-bindings is missing: sealcap[gpu])"
    except SealcapError:
        return "no usable NVIDIA GPU"
    major, minor = gpu.capability
    memory = f"{gpu.memory_bytes / 2**30:.0f} GiB"
    speaks = f"driver for CUDA {_cuda(gpu.driver)}, runtime {_cuda(gpu.runtime)}"
    return f"{gpu.name}, compute capability {major}.{minor}, {memory}, {speaks}"


def chain() -> list[Step]:
    """The engines from fast to slow, each with what stands against it here."""
    return [
        ("TensorRT", _obstacle(_tensorrt)),
        ("torch with CUDA", _obstacle(_torch)),
        ("ONNX Runtime with CUDA", _obstacle(lambda: _provider(onnx.CUDA))),
        ("ONNX Runtime on the processor", _obstacle(lambda: _provider(onnx.CPU))),
    ]


def describe_chain(steps: list[Step]) -> str:
    """One line: what a run with --backend tensorrt would use, and why not what is faster."""
    usable = [name for name, obstacle in steps if not obstacle]
    against: dict[str, list[str]] = {}
    for name, obstacle in steps:
        if obstacle:
            against.setdefault(obstacle.rstrip("."), []).append(name)
    reasons = "; ".join(f"not {', '.join(names)}: {obstacle}" for obstacle, names in against.items())
    best = usable[0] if usable else "nothing"
    return f"fastest engine here: {best}" + (f" ({reasons})" if reasons else "")


def describe_engines() -> str:
    """How many built engines there are, and of what."""
    try:
        stored = EngineCache(engines_dir()).listing()
    except SealcapError as error:
        return str(error)
    if not stored:
        return "no engines built yet (sealcap compile)"
    kinds = sorted({f"{s.model} {s.key.precision} for {s.key.gpu} by {s.key.library}" for s in stored})
    return f"{len(stored)} engines built: " + ", ".join(kinds[:6]) + (" ..." if len(kinds) > 6 else "")


def _obstacle(look: Callable[[], str]) -> str:
    try:
        return look()
    except SealcapError as error:
        return str(error)


def _tensorrt() -> str:
    load_tensorrt()
    Cuda()
    return ""


def _torch() -> str:
    """Asked of its name and version first: importing torch takes seconds."""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    try:
        number = version("torch")
    except PackageNotFoundError:
        number = ""
    if "+cpu" in number:
        return f"this torch ({number}) is built without CUDA"
    try:
        Cuda()
    except MissingExtra:  # torch can do without the bindings: then only itself can tell
        if not importlib.import_module("torch").cuda.is_available():
            return "torch sees no NVIDIA GPU"
    return ""


def _provider(provider: str) -> str:
    name = provider.removesuffix("ExecutionProvider")
    if provider not in onnx.providers():
        return f"the installed ONNX Runtime knows no {name}"
    if provider == onnx.CUDA:
        onnx.OnnxNetwork("probe", provider=provider, data=_smallest_model())  # its libraries may be missing
    return ""


def _smallest_model() -> bytes:
    """y = x."""
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "probe", [x], [y])
    opset = helper.make_opsetid("", 17)
    model: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return model


def _cuda(number: int) -> str:
    """13020 → 13.2."""
    return f"{number // 1000}.{number % 1000 // 10}"
