"""A robot's model file as text that MuJoCo can read, its meshes found or left out.

URDF and MJCF come from the user, so nothing is opened outside the folders that belong to the model: its own,
the one above (`../meshes`), and for `package://NAME/...` a folder NAME at most five levels above.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from lifting.errors import ConfigError, MissingExtra

MAX_MODEL_BYTES = 16 << 20
MAX_LEVELS_UP = 5
MESH_FORMATS = (".stl", ".obj", ".msh")
"""What MuJoCo reads; other meshes (Collada) are left out."""


@dataclass(frozen=True)
class ModelSource:
    """One model file, read."""

    path: Path
    root: ElementTree.Element
    """Of the XML: `robot` (URDF) or `mujoco` (MJCF)."""

    @property
    def is_urdf(self) -> bool:
        """URDF, else MJCF."""
        return self.root.tag == "robot"

    def velocities(self) -> dict[str, float]:
        """Joint → greatest speed, of the joints whose URDF says one."""
        found = {}
        for joint in self.root.iter("joint") if self.is_urdf else ():
            limit = joint.find("limit")
            speed = _number(limit.get("velocity") if limit is not None else None)
            if speed is not None and speed > 0:
                found[str(joint.get("name"))] = speed
        return found

    def mesh_path(self, reference: str, mesh_dir: str = "") -> Path | None:
        """The file of a mesh as the model names it; None where it is missing, outside, or of a format that
        MuJoCo cannot read."""
        for path, inside in self._candidates(reference, mesh_dir):
            place = path.resolve()
            known = place.suffix.lower() in MESH_FORMATS
            if known and place.is_relative_to(inside.resolve()) and place.is_file():
                return place
        return None

    def _candidates(self, reference: str, mesh_dir: str) -> list[tuple[Path, Path]]:
        """(file, folder it must lie in)."""
        folder = self.path.resolve().parent
        name = reference.removeprefix("file://")
        if name.startswith("package://"):
            package, _, rest = name.removeprefix("package://").partition("/")
            above = [folder, *folder.parents][: MAX_LEVELS_UP + 1]
            return [(up / package / rest, up / package) for up in above if package not in ("", ".", "..")]
        return [(folder / mesh_dir / name, folder.parent), (folder / name, folder.parent)]


def read_model(path: Path) -> ModelSource:
    """Read a URDF or MJCF file. Raises ConfigError when it is neither, too large, or includes others."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"The robot's model {path} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_MODEL_BYTES:
        raise ConfigError(f"{path} is larger than 16 MiB; a URDF or MJCF file is a few thousand lines.")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ConfigError(f"{path} declares XML entities, which robot models do not need. Take them out.")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ConfigError(f"{path} is no XML: {error}. A robot's model is a URDF or MJCF file.") from error
    if root.tag not in ("robot", "mujoco"):
        raise ConfigError(f"{path} begins with <{root.tag}>; a URDF begins with <robot>, MJCF with <mujoco>.")
    return ModelSource(path, _in_one_file(root, path))


def _in_one_file(root: ElementTree.Element, path: Path) -> ElementTree.Element:
    """MuJoCo would open what these name, wherever it lies; meshes and pictures are taken out later."""
    for element in root.iter():
        if element.tag == "include" or (element.tag in ("model", "flexcomp") and element.get("file")):
            raise ConfigError(
                f"{path} includes {element.get('file')}. Give the model as one file, such as MuJoCo's "
                "`mj_saveLastXML` writes it."
            )
    return root


def locate_model(model: str, folder: Path) -> Path:
    """The file a robot's YAML means with `model:`. Raises ConfigError, MissingExtra."""
    package, colon, rest = model.partition(":")
    if colon and package == "example-robot-data":
        return _inside(_example_robots(), rest)
    if colon and package == "gymnasium":
        return _inside(_gymnasium(), rest)
    path = folder / model
    if not path.is_file():
        raise ConfigError(
            f"There is no robot model {path}. `model:` is a path relative to the YAML, "
            "or example-robot-data:PATH, or gymnasium:NAME."
        )
    return path


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ConfigError(f"There is no robot model {name} in {folder}.")
    return path


def _example_robots() -> Path:
    """Where pip's package keeps its robots: below `cmeel.prefix`, beside the Python packages."""
    try:
        files = importlib.metadata.distribution("example-robot-data")
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError(
            "example-robot-data, which holds this robot's model, is not installed. Install it with: "
            "pip install example-robot-data   (415 MB)"
        ) from None
    return Path(str(files.locate_file("cmeel.prefix/share/example-robot-data/robots")))


def _gymnasium() -> Path:
    spec = importlib.util.find_spec("gymnasium")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "gymnasium, which holds this robot's model, is not installed. Install it with: "
            "pip install gymnasium"
        )
    return Path(spec.origin).parent / "envs" / "mujoco" / "assets"


def _number(text: str | None) -> float | None:
    """None for what is missing, no number, or without end."""
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def missing_extra(error: ImportError) -> MissingExtra:
    """What to say when mujoco or mink is not there."""
    return MissingExtra(f"{(error.name or 'mujoco').split('.')[0]}, which moves robots,", "robot")
