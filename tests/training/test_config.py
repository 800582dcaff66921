"""Training configurations: the shipped ones parse, and mistakes get messages that say what is valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifting.errors import ConfigError
from lifting.models.ray_lifter import RayLifter
from training.config import config_record, load_config, parse_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize("name", ["lifter.yaml", "lifter_tiny.yaml", "seal.yaml"])
def test_shipped_configurations_build(name: str) -> None:
    """Every shipped configuration parses, and its network can be built."""
    config = load_config(CONFIGS / name)
    RayLifter(config.model.backbone, config.model.window, config.model.options)
    assert config.corpus.folder.parts[-1] == "motion"


def test_shipped_configuration_has_a_comment_per_key() -> None:
    """Every line of lifter.yaml that sets something says why, on the line or above it."""
    lines = (CONFIGS / "lifter.yaml").read_text().splitlines()
    for i, line in enumerate(lines):
        if ":" in line and not line.lstrip().startswith("#"):
            assert "#" in line or lines[i - 1].lstrip().startswith("#"), line


@pytest.mark.parametrize(
    ("section", "key", "message"),
    [
        (None, "speed", "speed.*Valid keys: name, seed"),
        ("optimiser", "step", "optimiser.step:.*Valid keys: steps, batch"),
        ("camera", "fov", "camera.fov:.*Valid keys: height_m"),
        ("losses", "joints", "no loss is called joints; there are joint, "),
    ],
)
def test_unknown_keys(settings: dict[str, Any], section: str | None, key: str, message: str) -> None:
    """An unknown key is named together with the keys that exist."""
    target = settings if section is None else settings.setdefault(section, {})
    target[key] = 1
    with pytest.raises(ConfigError, match=message):
        parse_config(settings, "here.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: [", "not valid YAML"), ("- 1", "keys and values"), ("name: x", "corpus is missing")],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    """Broken, foreign and incomplete files."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is a configuration error."""
    with pytest.raises(
        ConfigError, match=r"There is no file .*absent\.yaml\. Give a training configuration, such as configs"
    ):
        load_config(tmp_path / "absent.yaml")


def test_the_beginning_is_found_beside_the_configuration(tmp_path: Path) -> None:
    """Wherever it is read from; what is kept of a training names no folder of the machine."""
    path = tmp_path / "second.yaml"
    text = (CONFIGS / "lifter.yaml").read_text(encoding="utf-8")
    path.write_text(f"start_from: ../runs/first/checkpoint.safetensors\n{text}", encoding="utf-8")
    config = load_config(path)
    assert config.start_from == tmp_path / "../runs/first/checkpoint.safetensors"
    assert config_record(config)["start_from"] == "first/checkpoint.safetensors"
    assert str(tmp_path) not in str(config_record(config))
