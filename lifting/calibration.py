"""Calibration files: what `sealcap calibrate` measured of one camera, as a few lines of YAML.

    version: 1
    made: '2026-01-31T12:00:00+00:00'
    image_size: [1280, 720]            # width, height of the pictures it was made from
    camera_matrix:                     # pixels; (0, 0) is the middle of the first pixel
    - [905.1, 0.0, 640.2]
    - [0.0, 904.8, 358.9]
    - [0.0, 0.0, 1.0]
    lens: brown                        # or fisheye; formulas in lifting/lens.py, the same as OpenCV's
    distortion: [0.1, -0.2, 0.0, 0.0, 0.0]
    rms_px: 0.21
    focal_std_px: 0.9
    views: 28
    board: charuco 7x10

A file may come from elsewhere, so reading is careful: at most 16 KiB, plain values only, every number
finite and possible.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from lifting.camera import Intrinsics
from lifting.errors import ConfigError
from lifting.lens import COEFFICIENTS, Lens, LensModel
from lifting.mistake import first_mistake
from lifting.plain_yaml import parse_yaml, problem

MAX_BYTES = 16 << 10
SAME_ASPECT = 0.005
"""Relative difference of the two scales up to which a picture counts as the same one, scaled."""
FOV_DEG = (10.0, 170.0)
"""What a lens can see along the longer side; anything else is a mistake."""

Side = Annotated[int, Field(ge=16, le=32768, strict=True)]
Coefficient = Annotated[FiniteFloat, Field(ge=-1000, le=1000)]
Row = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class Calibration(BaseModel):
    """One camera at one picture size. Validation raises pydantic's ValidationError."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    version: Literal[1] = 1
    made: Annotated[str, Field(max_length=40)] = ""
    """Date and time, ISO 8601."""
    image_size: tuple[Side, Side]
    """Width and height in pixels."""
    camera_matrix: tuple[Row, Row, Row]
    """K = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels."""
    lens: LensModel = "brown"
    distortion: tuple[Coefficient, ...] = Field(max_length=8)
    """k1 k2 p1 p2 k3 [k4 k5 k6], or k1..k4 of a fisheye."""
    rms_px: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    """Root mean square distance between seen and computed corners."""
    focal_std_px: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    """Standard deviation of fx."""
    views: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Pictures used."""
    board: Annotated[str, Field(max_length=100)] = ""
    """What was filmed."""

    @model_validator(mode="after")
    def _possible(self) -> Calibration:
        (fx, skew, cx), (zero, fy, cy), bottom = self.camera_matrix
        width, height = self.image_size
        if (skew, zero, *bottom) != (0.0, 0.0, 0.0, 0.0, 1.0):
            raise ValueError("camera_matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
        if fx <= 0 or fy <= 0 or not 0.5 < fx / fy < 2:
            raise ValueError(f"focal lengths must be positive and alike, got fx {fx:g}, fy {fy:g}")
        if not (0 <= cx < width and 0 <= cy < height):
            raise ValueError(f"the optical axis ({cx:g}, {cy:g}) must meet the picture of {width} x {height}")
        if len(self.distortion) not in COEFFICIENTS[self.lens]:
            valid = " or ".join(map(str, COEFFICIENTS[self.lens]))
            raise ValueError(f"a {self.lens} lens has {valid} distortion coefficients")
        self._check_lens()
        return self

    def _check_lens(self) -> None:
        size = np.array(self.image_size)
        points = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 2), axis=-1) * size - 0.5
        points = (points - self._centre) / self._focal
        straight = self._lens.straighten(points)
        astray = np.abs(self._lens.bend(straight) - points).max()
        if astray > 1e-6 or np.linalg.norm(points, axis=-1).max() > self._lens.reach:
            raise ValueError("the distortion folds the picture over before its corners are reached")
        if not FOV_DEG[0] <= self.fov_deg <= FOV_DEG[1]:
            raise ValueError(
                f"the field of view would be {self.fov_deg:.0f} degrees; {FOV_DEG[0]:.0f} to "
                f"{FOV_DEG[1]:.0f} are possible"
            )

    @property
    def fov_deg(self) -> float:
        """Angle seen along the longer side of the picture, through its optical axis, distortion included."""
        along = int(np.argmax(self.image_size))
        ends = np.tile(self._centre, (2, 1))
        ends[:, along] = (-0.5, self.image_size[along] - 0.5)
        angles = np.arctan(self._lens.undistort((ends - self._centre) / self._focal)[:, along])
        return float(np.degrees(angles[1] - angles[0]))

    def intrinsics(self, width: int, height: int) -> Intrinsics:
        """The camera for pictures of this size. Raises ConfigError where it cannot be known."""
        made_for, scale = self.image_size, (width / self.image_size[0], height / self.image_size[1])
        if abs(scale[0] / scale[1] - 1) > SAME_ASPECT:
            raise ConfigError(_other_shape(made_for, (width, height)))
        focal, centre = self._focal * scale, (self._centre + 0.5) * scale - 0.5
        return Intrinsics(
            float(focal[0]), float(focal[1]), float(centre[0]), float(centre[1]), width, height, self._lens
        )

    @property
    def _focal(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([self.camera_matrix[0][0], self.camera_matrix[1][1]])

    @property
    def _centre(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([self.camera_matrix[0][2], self.camera_matrix[1][2]])

    @property
    def _lens(self) -> Lens:
        return Lens(self.lens, tuple(self.distortion))


def _other_shape(made_for: tuple[int, int], size: tuple[int, int]) -> str:
    turned = abs(size[0] * made_for[0] / (size[1] * made_for[1]) - 1) < SAME_ASPECT
    what = "is turned by 90 degrees" if turned else "has another shape"
    return (
        f"The calibration was made with pictures of {made_for[0]} x {made_for[1]}, but this one is "
        f"{size[0]} x {size[1]} and {what}: how the camera crops it cannot be known. Set the camera to "
        f"{made_for[0]} x {made_for[1]} or the same shape, or calibrate again in the size you use."
    )


def now() -> str:
    """The date for `Calibration.made`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write the file. Raises OSError."""
    values = calibration.model_dump(mode="json")
    text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=100)
    path.write_text(f"# Camera calibration for sealcap run --calibration\n{text}", encoding="utf-8")


def load_calibration(path: Path) -> Calibration:
    """Read and check a file. Raises ConfigError saying what is wrong with it."""
    if not path.is_file():
        raise ConfigError(
            f"There is no calibration file {path}. Make one with: sealcap calibrate --out {path}"
        )
    values = _read_yaml(path)
    if not isinstance(values, dict):
        raise ConfigError(f"{path} is no calibration file. Make one with: sealcap calibrate --out {path}")
    try:
        return Calibration.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{path} is no valid calibration: {first_mistake(error)}.") from error


def _read_yaml(path: Path) -> object:
    """Plain values of a small YAML file: no aliases, which can make a few lines explode."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{path} is larger than 16 KiB; a calibration is a few lines of YAML.")
        return parse_yaml(raw.decode("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {problem(error)}.") from error
