"""Hashes that the user accepted at a first pull. From then on the same address must give the same file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import platformdirs
import yaml
from pydantic import BaseModel, ConfigDict, Field

from lifting.errors import DownloadError
from lifting.plain_yaml import parse_yaml
from realtime.models.catalogue import MAX_YAML_BYTES, Name, Sha256


class Pin(BaseModel):
    """What came from where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    sha256: Sha256
    """Of the file inside the archive."""


class _PinsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pins: Annotated[dict[Name, Pin], Field(default_factory=dict)]


@dataclass(frozen=True, slots=True)
class FirstUse:
    """A file that nobody has vouched for yet."""

    name: str
    address: str
    sha256: str
    bytes: int


def pins_file() -> Path:
    """The user's list of accepted hashes; SEALCAP_PINS overrides it. Not created here."""
    chosen = os.environ.get("SEALCAP_PINS")
    folder = Path(platformdirs.user_config_dir("sealcap", appauthor=False))
    return Path(chosen).expanduser() if chosen else folder / "pins.yaml"


def read_pins() -> dict[str, Pin]:
    """Accepted hashes by model. Raises DownloadError when the list is damaged: then nothing is trusted."""
    path = pins_file()
    if not path.exists():
        return {}
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise DownloadError(f"{path} is too large to be a list of accepted hashes.")
        return dict(_PinsFile.model_validate(parse_yaml(path.read_text("utf-8")) or {}).pins)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DownloadError(
            f"{path}, the list of hashes accepted at first pulls, cannot be read. Repair it, or remove it "
            "to be asked again."
        ) from error


def accept(first: FirstUse) -> None:
    """Record the hash, whole or not at all. Raises DownloadError where it cannot be written."""
    pins = read_pins() | {first.name: Pin(address=first.address, sha256=first.sha256)}
    path = pins_file()
    text = yaml.safe_dump(_PinsFile(pins=pins).model_dump(), sort_keys=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pins-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            draft.write_text(text, "utf-8")
            os.replace(draft, path)
    except OSError as error:
        raise DownloadError(f"Cannot write {path}: {error.strerror}. Set SEALCAP_PINS.") from error


def check(first: FirstUse) -> bool:
    """Whether this very file was accepted before. Raises DownloadError when another one was."""
    known = read_pins().get(first.name)
    if known is None:
        return False
    if known.sha256 != first.sha256:
        raise DownloadError(
            f"{first.name} has the SHA-256 {first.sha256}, but {known.sha256} was accepted at the first "
            f"pull. The file at {first.address} has been changed; nothing was installed. If its maker says "
            f"why, remove {first.name} from {pins_file()} and pull again."
        )
    return True
