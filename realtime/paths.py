"""Where things are kept: packaged configuration, packaged weights, the user's cache and keys."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_HERE = Path(__file__).resolve().parent


def config_dir() -> Path:
    """The folder of packaged YAML files: `configs/` of a checkout, `realtime/_configs/` of a wheel."""
    packaged = _HERE / "_configs"
    return packaged if packaged.is_dir() else _HERE.parent / "configs"


def cache_dir() -> Path:
    """The user's cache for models and clips; SEALCAP_CACHE overrides it. Not created here."""
    chosen = os.environ.get("SEALCAP_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("sealcap", appauthor=False)).expanduser()


def keys_dir() -> Path:
    """The user's folder of keys; SEALCAP_KEYS overrides it. Not created here."""
    chosen = os.environ.get("SEALCAP_KEYS")
    return Path(
        chosen or Path(platformdirs.user_config_dir("sealcap", appauthor=False)) / "keys"
    ).expanduser()


def weights_dir() -> Path:
    """The folder of the lifter's weights."""
    return _HERE.parent / "lifting" / "weights"
