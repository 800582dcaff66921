"""How TensorRT is asked for a plan: what must live how long, and what is told of its failures. No GPU."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lifting.errors import ModelError
from lifting.runtime.model_file import ModelFile, read_model
from lifting.runtime.trt_builder import build_plan
from lifting.runtime.trt_library import TensorRt


class FakeBuilder:
    """TensorRT's builder, config, network and parser, strict about lives and order."""

    def __init__(self, *, good_timings: bytes = b"", plan: bytes | None = b"plan") -> None:
        self.good_timings, self.plan = good_timings, plan
        self.parser: weakref.ref[Any] = lambda: None  # type: ignore[assignment]
        self.timings: Any = None
        self.flags = -1

    def library(self) -> TensorRt:
        """`tensorrt` 11, without the flags that it has lost."""
        outer = self

        class Parser:
            num_errors = 0

            def __init__(self, *_: object) -> None:
                outer.parser = weakref.ref(self)

            def parse(self, _data: bytes) -> bool:
                return True

        module = SimpleNamespace(
            Builder=lambda _logger: self,
            OnnxParser=Parser,
            MemoryPoolType=SimpleNamespace(WORKSPACE=0),
            BuilderFlag=SimpleNamespace(TF32=7),
            NetworkDefinitionCreationFlag=SimpleNamespace(),
        )
        return TensorRt(module, "tensorrt", "11.4.0")

    def create_network(self, flags: int) -> object:
        self.flags = flags
        return object()

    def create_builder_config(self) -> FakeBuilder:
        return self

    def create_optimization_profile(self) -> FakeBuilder:
        return self

    def set_memory_pool_limit(self, *_: object) -> None:
        """Config."""

    clear_flag = set_shape = add_optimization_profile = set_memory_pool_limit

    def create_timing_cache(self, data: bytes) -> object:
        return SimpleNamespace(serialize=lambda: b"learned") if data in (b"", self.good_timings) else None

    def set_timing_cache(self, timings: object, ignore_mismatch: bool) -> None:
        assert timings is not None
        assert not ignore_mismatch
        self.timings = timings

    def build_serialized_network(self, *_: object) -> bytes | None:
        assert self.parser() is not None, "the network's weights lie in the parser"
        return self.plan


@pytest.fixture
def model(dense_path: Path) -> ModelFile:
    """A small one."""
    return read_model(dense_path)


@pytest.mark.parametrize("timings", [b"", b"of this version", b"cut off"])
def test_a_plan_comes_whatever_timings_are_there(model: ModelFile, timings: bytes) -> None:
    """Damaged ones, or another version's, count as none; what is learned comes back for the next build."""
    builder = FakeBuilder(good_timings=b"of this version")
    assert build_plan(builder.library(), model, timing_cache=timings) == (b"plan", b"learned")
    assert builder.flags == 0
    assert builder.timings is not None


def test_no_plan_is_an_error(model: ModelFile) -> None:
    """With what the library complained about last."""
    builder = FakeBuilder(plan=None)
    trt = builder.library()
    builder.build_serialized_network = lambda *_: trt.complaints.append("no tactic for conv_3")  # type: ignore[method-assign,func-returns-value,assignment]
    with pytest.raises(ModelError, match=r"could not build an engine of dense\.onnx: no tactic for conv_3"):
        build_plan(trt, model)
