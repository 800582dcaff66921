"""Reading of YAML files that people write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lifting.errors import ConfigError
from lifting.mistake import unread
from lifting.plain_yaml import parse_yaml, problem


def read_yaml(path: Path, what: str, example: str) -> dict[str, Any]:
    """The keys and values of `path`. Raises ConfigError, which calls the file `what` and shows `example`."""
    try:
        raw = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{unread(path, error)}. Give a {what}, such as {example}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path} is not valid YAML: {problem(error)}.") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} must hold keys and values, like {example}.")
    return raw
