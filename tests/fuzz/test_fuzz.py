"""Hostile input, a little of it; `make fuzz` feeds much more. Every parser answers or says what is wrong."""

from __future__ import annotations

import json
import random
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.limits import TooSlowError, capped
from tests.fuzz.mutate import MAX_BYTES, mutated
from tests.fuzz.parsers import BY_NAME, PARSERS
from tests.fuzz.run import Finding, check, fuzz, fuzz_apart

RUNS = 60
BY_BYTES = [parser.name for parser in PARSERS if not parser.native]
fuzzed = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
trees = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner)
)


@pytest.mark.parametrize("name", BY_BYTES)
def test_damaged_bytes(name: str) -> None:
    """Flipped, cut, inserted and repeated bytes: never another error, a hang, much memory or a stray file."""
    count, findings = fuzz(BY_NAME[name], RUNS, seed=1)
    assert findings == []
    assert count > 5


def test_damaged_networks(tmp_path: Path) -> None:
    """A damaged ONNX file ends in a message, not in the end of the process that reads it."""
    pytest.importorskip("onnxruntime")
    _, findings = fuzz_apart(BY_NAME["lifter-onnx"], RUNS, 1, tmp_path)
    assert findings == []


@fuzzed
@given(st.dictionaries(st.sampled_from(["v", "seq", "persons", "fps", "joints", "id", "p", "q", "x"]), trees))
def test_messages_of_any_content(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]
) -> None:
    """Well-formed MessagePack that means nothing is refused."""
    folder = tmp_path_factory.mktemp("in")
    try:
        data = msgspec.msgpack.encode(content)
    except (OverflowError, UnicodeEncodeError):
        return
    for name in ("wire-pose", "wire-meta", "wire-keypoints"):
        assert check(BY_NAME[name], data, folder) is None


@fuzzed
@given(
    st.dictionaries(
        st.sampled_from(["detector", "person", "solve", "out", "camera", "lens", "frames"]), trees
    )
)
def test_settings_of_any_content(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]
) -> None:
    """Well-formed YAML of any shape is obeyed or refused by name."""
    folder = tmp_path_factory.mktemp("in")
    data = yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "replace")
    for name in ("config", "robot", "calibration"):
        assert check(BY_NAME[name], data, folder) is None


@fuzzed
@given(st.randoms(use_true_random=False), st.sampled_from(["osc", "blender", "vrm-skeleton", "bvh", "asf"]))
def test_damage_that_hypothesis_chooses(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random, name: str
) -> None:
    """The same damage under hypothesis, which makes what fails small."""
    folder = tmp_path_factory.mktemp("made")
    sample = BY_NAME[name].samples(folder)[0]
    assert check(BY_NAME[name], mutated(sample, rng), tmp_path_factory.mktemp("in")) is None


def test_the_fuzzer_finds_things(tmp_path: Path) -> None:
    """A parser that raises, hangs, takes memory, or writes elsewhere is told; a good one is not."""
    import dataclasses

    folder = tmp_path / "in"
    folder.mkdir()
    base = dataclasses.replace(BY_NAME["osc"], name="bad")

    def look(feed: object) -> Finding | None:
        return check(dataclasses.replace(base, feed=feed), b"", folder)  # type: ignore[arg-type]

    assert look(lambda *_: 1) is None
    assert "KeyError" in str(look(lambda *_: {}["x"]))
    assert "MemoryError" in str(look(lambda *_: bytearray(1 << 33)))
    assert "outside" in str(look(lambda _, place: (place.parent / "escaped").touch()))
    with pytest.raises(TooSlowError), capped(seconds=0.2):
        _for_ever()


def _for_ever() -> None:
    while True:
        pass


def test_mutations_are_bounded_and_repeatable() -> None:
    """The same seed gives the same bytes; they differ from the sample and stay within the limit."""
    sample = json.dumps({"a": [1, 2, 3]}).encode() * 20
    made = [mutated(sample, random.Random(i)) for i in range(200)]
    assert made == [mutated(sample, random.Random(i)) for i in range(200)]
    assert sum(data != sample for data in made) > 150
    assert max(map(len, made)) <= MAX_BYTES
