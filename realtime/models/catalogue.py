"""Which models there are: those of `configs/models.yaml`, and those that the user added."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lifting.errors import ModelError
from lifting.mistake import first_mistake
from lifting.plain_yaml import parse_yaml, problem
from realtime.paths import cache_dir, config_dir

CONVERTER_VERSION = 1
"""Raised whenever the converters' output changes, so that networks converted before are made anew."""
MAX_YAML_BYTES = 1 << 20
T = TypeVar("T", bound=BaseModel)
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def _inside(path: str) -> str:
    parts = path.split("/")
    if not path or "\\" in path or ":" in path or path.startswith("/") or ".." in parts or "." in parts:
        raise ValueError(f"{path!r} leaves its archive")
    return path


Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Member = Annotated[str, AfterValidator(_inside)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Package(_Strict):
    """An archive in a package registry."""

    registry: Literal["npm", "pypi"]
    name: Annotated[str, Field(pattern=r"^(@[a-z0-9-]+/)?[a-z0-9][a-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+-]*$")]
    bytes: Annotated[int, Field(gt=0)]
    """Size of the download."""

    def __str__(self) -> str:
        return f"{self.registry} {self.name} {self.version}"


class Archive(_Strict):
    """A zip archive at a maker's own site, which no registry vouches for."""

    registry: Literal["https"]
    address: Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:\d{1,5})?/[A-Za-z0-9._/+-]+\.zip$")]
    bytes: Annotated[int, Field(gt=0)]
    """Roughly; the download may be twice as large and no more."""

    def __str__(self) -> str:
        return self.address.split("/")[2]


class Entry(_Strict):
    """A network or clip that a package holds."""

    what: str
    kind: Literal["detector", "person-search", "clip", "lifter"]
    licence: str
    package: str
    members: dict[Member, Sha256 | None] = Field(min_length=1)
    """Files inside the package and their SHA-256; None where it is pinned at the first use."""
    pin: Literal["hash", "first-use"] = "hash"
    """first-use: the SHA-256 is shown and accepted at the first pull, and held from then on."""
    convert: Literal["tflite", "tfjs", "none"]
    outputs: dict[int, str] = {}
    planar: tuple[str, ...] = ()
    fingerprint: dict[str, tuple[float, ...]] = {}
    """Per output, a few values for the test picture."""
    default: bool = False

    @model_validator(mode="after")
    def _hashes_fit_pin(self) -> Entry:
        if any((sha is None) != (self.pin == "first-use") for sha in self.members.values()):
            raise ValueError("members need a SHA-256 each, or none of them with pin: first-use")
        return self

    def file_name(self, name: str) -> str:
        """Name in the store; changes with everything that the file's content depends on."""
        recipe = repr((CONVERTER_VERSION, self.members, self.convert, self.outputs, self.planar))
        tag = hashlib.sha256(recipe.encode()).hexdigest()[:8]
        suffix = ".onnx" if self.convert != "none" else Path(next(iter(self.members))).suffix
        return f"{name}-{tag}{suffix}"


class Catalogue(_Strict):
    """`configs/models.yaml`."""

    packages: dict[str, Annotated[Package | Archive, Field(discriminator="registry")]]
    models: dict[Name, Entry]

    @model_validator(mode="after")
    def _packages_exist(self) -> Catalogue:
        missing = {e.package for e in self.models.values()} - set(self.packages)
        if missing:
            raise ValueError(f"models name unknown packages: {', '.join(sorted(missing))}")
        for name, entry in self.models.items():
            if isinstance(self.packages[entry.package], Archive) != (entry.pin == "first-use"):
                raise ValueError(
                    f"{name}: pin: first-use belongs to packages of an https address, and to them only"
                )
        return self

    def default_names(self) -> list[str]:
        """What is fetched when nothing is named."""
        return [name for name, entry in self.models.items() if entry.default]


class Added(_Strict):
    """A network that the user registered with `sealcap models add`."""

    kind: Literal["rtmpose"]
    keypoints: Literal[17, 26, 133]
    width: Annotated[int, Field(gt=0, le=4096)]
    height: Annotated[int, Field(gt=0, le=4096)]
    sha256: Sha256

    def file_name(self, name: str) -> str:
        """Name in the store."""
        return f"{name}-{self.sha256[:8]}.onnx"


class _AddedFile(_Strict):
    models: dict[Name, Added] = {}


def models_dir() -> Path:
    """The folder of the store."""
    return cache_dir() / "models"


def added_file() -> Path:
    """The list of the user's own models."""
    return models_dir() / "added.yaml"


@functools.cache
def catalogue() -> Catalogue:
    """The packaged catalogue. Raises ModelError when it is damaged."""
    return _load(config_dir() / "models.yaml", Catalogue)


def added_models() -> dict[str, Added]:
    """The user's own models by name. Raises ModelError when their list is damaged."""
    return dict(_load(added_file(), _AddedFile).models) if added_file().is_file() else {}


def added_yaml(models: dict[str, Added]) -> str:
    """Text of the list of the user's own models."""
    return yaml.safe_dump(_AddedFile(models=models).model_dump(), sort_keys=True)


def _load(path: Path, kind: type[T]) -> T:
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise ModelError(f"{path} is too large to be a list of models.")
        return kind.model_validate(parse_yaml(path.read_text("utf-8")) or {})
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror}.") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{path} is not valid YAML: {problem(error)}.") from error
    except ValidationError as error:
        raise ModelError(f"{path}: {first_mistake(error)}.") from error
