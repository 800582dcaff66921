"""The list of models."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lifting.errors import ModelError
from realtime.models import catalogue as module
from realtime.models.catalogue import Added, Entry, added_models, added_yaml, catalogue
from realtime.paths import config_dir

ENTRY = {
    "what": "a thing",
    "kind": "clip",
    "licence": "MIT",
    "package": "p",
    "members": {"a/b.mp4": "0" * 64},
    "convert": "none",
}


def test_packaged_catalogue_is_complete() -> None:
    """The names that other parts of the project use exist; every network can be checked."""
    models = catalogue().models
    assert {f"blazepose-{v}" for v in ("heavy", "full", "lite", "search")} <= set(models)
    assert {"movenet-thunder", "movenet-lightning", "demo-clip"} <= set(models)
    assert catalogue().default_names() == ["blazepose-heavy", "blazepose-search", "demo-clip"]
    for name, entry in models.items():
        assert len(entry.members) == (2 if entry.convert == "tfjs" else 1), name
        assert set(entry.fingerprint) == set(entry.outputs.values()), name


def test_every_key_of_the_yaml_is_explained() -> None:
    """The head of the file has a comment for each key of an entry."""
    text = (config_dir() / "models.yaml").read_text("utf-8")
    keys = {key for entry in yaml.safe_load(text)["models"].values() for key in entry}
    for key in keys:
        assert f"\n#   {key} " in text, key


@pytest.mark.parametrize(
    "member", ["../x", "a/../../x", "/etc/passwd", "C:/x", "a\\..\\x", "", ".", "a/./b", "~/../x"]
)
def test_members_stay_inside_their_archive(member: str) -> None:
    """A path that could leave the archive is refused before anything is fetched."""
    with pytest.raises(ValueError, match="leaves its archive"):
        Entry.model_validate(ENTRY | {"members": {member: "0" * 64}})


@pytest.mark.parametrize(("change", "message"), [
    ({"surprise": 1}, "models.m.surprise"),              # unknown key
    ({"members": {"a": "123"}}, "members.a cannot be '123'"),              # no SHA-256
    ({"package": "other"}, "unknown packages: other"),
    ({"convert": "caffe"}, "'tflite', 'tfjs' or 'none'"),
])  # fmt: skip
def test_wrong_entries_are_explained(
    change: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the file, the place and the rule."""
    package = {"registry": "pypi", "name": "p", "version": "1", "bytes": 1}
    content = {"packages": {"p": package}, "models": {"m": ENTRY | change}}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(content), "utf-8")
    monkeypatch.setattr(module, "config_dir", lambda: tmp_path)
    with pytest.raises(ModelError, match=r"models\.yaml") as caught:
        catalogue.__wrapped__()
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["--index-url=evil", "a b", "@x", "../up"])
def test_package_names_cannot_be_options(name: str) -> None:
    """What goes to npm or pip as an argument is a package name and nothing else."""
    with pytest.raises(ValueError):
        module.Package.model_validate({"registry": "npm", "name": name, "version": "1", "bytes": 1})


def test_file_names_follow_the_content() -> None:
    """Another hash or another conversion is another file, so nothing stale is ever used."""
    names = {
        Entry.model_validate(ENTRY | change).file_name("m")
        for change in ({}, {"members": {"a/b.mp4": "1" * 64}}, {"outputs": {0: "x"}}, {"convert": "tflite"})
    }
    assert len(names) == 4


def test_added_models_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own list survives writing and reading; a damaged one is an error."""
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path))
    assert added_models() == {}
    own = {"mine": Added(kind="rtmpose", keypoints=26, width=192, height=256, sha256="a" * 64)}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "added.yaml").write_text(added_yaml(own), "utf-8")
    assert added_models() == own
    (tmp_path / "models" / "added.yaml").write_text("{", "utf-8")
    with pytest.raises(ModelError, match="not valid YAML"):
        added_models()
