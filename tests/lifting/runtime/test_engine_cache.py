"""The cache of engines: what comes back is what was stored, and only from a place that is ours alone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lifting.errors import ModelError
from lifting.runtime.engine_cache import EngineCache, EngineKey, engines_dir

KEY = EngineKey("ab" * 32, "fp16", "x 1|1|16×6", "tensorrt 11.4", "NVIDIA H200, 9.0", "13000")
PLAN = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    """With one engine in it."""
    cache = EngineCache(tmp_path / "engines")
    cache.store(KEY, PLAN, "lifter.onnx")
    return cache


def test_what_is_stored_comes_back(cache: EngineCache) -> None:
    """And is listed, with nothing left beside it, in a folder for this user only."""
    assert cache.load(KEY) == PLAN
    assert [(s.key, s.model, s.bytes) for s in cache.listing()] == [(KEY, "lifter.onnx", len(PLAN))]
    assert [p.name for p in cache.folder.iterdir()] == [cache.path(KEY).name]
    assert cache.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["model_sha256", "precision", "profile", "library", "gpu", "cuda"])
def test_anything_else_is_another_engine(cache: EngineCache, name: str) -> None:
    """Another GPU, version, model, profile or precision finds nothing, and the engine stays."""
    assert cache.load(replace(KEY, **{name: "other"})) is None
    assert cache.load(replace(KEY, recipe=99)) is None
    assert cache.load(KEY) == PLAN


@pytest.mark.parametrize("where", [0, 3, 9, 40, 600, -1])
def test_damage_is_found_and_thrown_away(cache: EngineCache, where: int) -> None:
    """One changed byte in mark, length, header or plan; the file is gone then, to be built again."""
    path = cache.path(KEY)
    data = bytearray(path.read_bytes())
    data[where] ^= 0x10
    path.write_bytes(data)
    assert cache.load(KEY) is None
    assert not path.exists()


@pytest.mark.parametrize("length", [0, 5, 11, 100, 5000])
def test_a_cut_file_is_thrown_away(cache: EngineCache, length: int) -> None:
    """As a full disk or a killed process leaves it."""
    path = cache.path(KEY)
    path.write_bytes(path.read_bytes()[:length])
    assert cache.load(KEY) is None
    assert cache.listing() == []


def test_an_engine_under_another_name_is_not_believed(cache: EngineCache) -> None:
    """The header repeats the key: a file moved to another key's place does not load."""
    other = replace(KEY, gpu="NVIDIA L4, 8.9")
    os.replace(cache.path(KEY), cache.path(other))
    assert cache.load(other) is None


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o711])
def test_a_folder_that_others_may_enter_is_refused(cache: EngineCache, mode: int) -> None:
    """A plan is native code: whoever can write it runs it."""
    cache.folder.chmod(mode)
    with pytest.raises(ModelError, match="Others may change"):
        cache.load(KEY)
    with pytest.raises(ModelError, match="chmod"):
        cache.store(KEY, PLAN, "m")


def test_a_file_that_others_may_write_is_refused(cache: EngineCache) -> None:
    """Even in a folder that is closed now."""
    cache.path(KEY).chmod(0o666)
    with pytest.raises(ModelError, match="Others may change"):
        cache.load(KEY)


def test_links_are_not_followed(cache: EngineCache, tmp_path: Path) -> None:
    """Neither for the file nor for the folder."""
    path = cache.path(KEY)
    os.replace(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="Cannot read the engine"):
        cache.load(KEY)
    link = tmp_path / "link"
    link.symlink_to(cache.folder)
    with pytest.raises(ModelError, match="not a link"):
        EngineCache(link).load(KEY)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners here")
def test_another_users_folder_is_refused(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner is looked at before anything is read."""
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(ModelError, match="another user"):
        cache.load(KEY)


def test_a_refusal_is_remembered(cache: EngineCache) -> None:
    """With its reason, for this key only."""
    cache.refuse(KEY, "differs by 0.5")
    assert cache.refused(KEY) == "differs by 0.5"
    assert cache.refused(replace(KEY, precision="fp32")) is None


def test_timings_are_kept_by_library_and_gpu(cache: EngineCache) -> None:
    """What one GPU learned says nothing about another."""
    cache.store_timings("tensorrt 11 H200", b"t")
    assert cache.load_timings("tensorrt 11 H200") == b"t"
    assert cache.load_timings("tensorrt 11 L4") == b""


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """Says so instead of crashing."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="Cannot keep engines"):
        EngineCache(tmp_path / "file" / "engines").store(KEY, PLAN, "m")


def test_the_cache_lies_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEALCAP_CACHE moves it."""
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path))
    assert engines_dir() == tmp_path / "engines"
