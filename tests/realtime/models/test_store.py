"""The store, filled by the real pip from a folder of this test's own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lifting.errors import ConfigError, DownloadError, ModelError
from realtime.models import catalogue as catalogue_module
from realtime.models import store

CLIP, NOTES = b"moving pictures" * 100, b"notes"
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Shop:
    """A package with two files, and the catalogue that names them."""

    configs: Path
    cache: Path
    wheel: Path

    def list(self, **hashes: str) -> None:
        """Write the catalogue; `hashes` replace the right ones."""
        true = {"clip": CLIP, "notes": NOTES}
        models = {
            name: {
                "what": name,
                "kind": "clip",
                "licence": "MIT",
                "package": "tiny",
                "members": {f"tiny/{name}.bin": hashes.get(name, hashlib.sha256(data).hexdigest())},
                "convert": "none",
            }
            for name, data in true.items()
        }
        package = {"registry": "pypi", "name": "tiny", "version": "1.0", "bytes": 1000}
        text = yaml.safe_dump({"packages": {"tiny": package}, "models": models})
        (self.configs / "models.yaml").write_text(text, "utf-8")
        catalogue_module.catalogue.cache_clear()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """pip finds the package `tiny` and nothing else; store and catalogue lie in `tmp_path`."""
    for name in ("index", "configs"):
        (tmp_path / name).mkdir()
    wheel = tmp_path / "index" / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as bundle:
        bundle.writestr("tiny/clip.bin", CLIP)
        bundle.writestr("tiny/notes.bin", NOTES)
        bundle.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        bundle.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        bundle.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue_module, "config_dir", lambda: tmp_path / "configs")
    shop = Shop(tmp_path / "configs", tmp_path / "cache", wheel)
    shop.list()
    yield shop
    catalogue_module.catalogue.cache_clear()


class Ears:
    """Remembers what a pull reported."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.notes: list[str] = []
        self.done: list[int] = []

    def start(self, what: str, total_bytes: int) -> None:
        """A download begins."""
        self.started.append(f"{what} {total_bytes}")

    def advance(self, done_bytes: int) -> None:
        """So much of it is there."""
        self.done.append(done_bytes)

    def note(self, text: str) -> None:
        """Another step."""
        self.notes.append(text)


def test_pull_fetches_a_package_once_and_leaves_only_what_was_asked(shop: Shop) -> None:
    """Two files of one package: one download; afterwards two files and nothing else."""
    assert not store.is_pulled("clip")
    with pytest.raises(ModelError, match="Type: sealcap models pull clip"):
        store.model_path("clip")
    ears = Ears()
    store.pull(["clip", "notes", "clip"], ears)
    assert ears.started == ["tiny 1.0 1000"]
    assert ears.notes == ["clip", "notes"]
    assert ears.done[-1] == max(ears.done) == 1000
    assert store.model_path("clip").read_bytes() == CLIP
    assert len(list((shop.cache / "models").iterdir())) == 2
    assert {row.name: row.bytes for row in store.listing()} == {"clip": len(CLIP), "notes": len(NOTES)}


def test_what_is_there_needs_no_network(shop: Shop) -> None:
    """`ensure` pulls what is missing, and the second time nothing, also without the package."""
    assert store.ensure(["clip"]) == ["clip"]
    shop.wheel.unlink()
    assert store.ensure(["clip"]) == []
    with pytest.raises(DownloadError, match=r"Cannot fetch pypi tiny 1\.0"):
        store.ensure(["clip", "notes"])


def test_a_wrong_hash_installs_nothing(shop: Shop) -> None:
    """Both hashes are said; also the right files of the same package stay out."""
    shop.list(notes="0" * 64)
    with pytest.raises(DownloadError, match=hashlib.sha256(NOTES).hexdigest()) as caught:
        store.pull(["clip", "notes"])
    assert "0" * 64 in str(caught.value)
    assert list((shop.cache / "models").iterdir()) == []


def test_a_killed_pull_leaves_nothing_half_made(shop: Shop) -> None:
    """The process dies at the worst moment: no name in the store; the next pull works and tidies up."""
    code = (
        "import os, sys; from pathlib import Path; from realtime.models import catalogue, store\n"
        "catalogue.config_dir = lambda: Path(sys.argv[1])\n"
        "store.os.replace = lambda *a: os._exit(9)\n"
        "store.pull(['clip'])"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(shop.configs)], cwd=ROOT, check=False)
    assert killed.returncode == 9
    (left,) = (shop.cache / "models").iterdir()
    assert left.name.startswith(".pull-")
    assert not store.is_pulled("clip")
    long_ago = time.time() - 2 * store.STALE_AFTER_S
    os.utime(left, (long_ago, long_ago))
    store.pull(["clip"])
    assert [p for p in (shop.cache / "models").iterdir()] == [store.model_path("clip")]


def test_unknown_names_list_the_known_ones(shop: Shop) -> None:
    """A typo is bad usage, and fetches nothing of the rest."""
    for name, told in (
        ("clipp", r"no model 'clipp'\. Did you mean clip\?"),
        ("zzz", r"no model 'zzz'\. Choose one of: clip, notes\."),
        ("my/net.onnx", r"no file my/net\.onnx\. Give the path"),
    ):
        with pytest.raises(ConfigError, match=told):
            store.pull(["clip", name])
    assert not (shop.cache / "models").exists()
