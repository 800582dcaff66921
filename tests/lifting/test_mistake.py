"""pydantic's and the system's findings in our own words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lifting.mistake import first_mistake, unread


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("give an even number.")
    return value


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    share: float = Field(default=0.5, ge=0, le=1)
    pairs: Annotated[int, AfterValidator(_even)] = 2


class _Outer(BaseModel):
    name: str = Field(pattern="^[a-z]$")
    inner: _Inner = _Inner()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "name is missing"),
        ({"name": "a", "inner": {"share": 3}}, "inner.share should be less than or equal to 1, not 3"),
        ({"name": "a", "inner": {"pairs": 3}}, "inner.pairs: give an even number"),
        ({"name": "a", "inner": {"shore": 3}}, "inner.shore: Extra inputs are not permitted"),
        ({"name": "A"}, "name cannot be 'A'"),
        (7, "it should be a valid dictionary or instance of _Outer, not 7"),
    ],
)
def test_place_and_value_are_named(values: Any, told: str) -> None:
    """What is wrong, where, and what was given; no stop, for the sentence goes on."""
    with pytest.raises(ValidationError) as caught:
        _Outer.model_validate(values)
    assert first_mistake(caught.value) == told


def test_what_came_from_elsewhere_is_cut() -> None:
    """Values and names of any length make a short line."""
    for value in ("x" * 10**6, 10**5000):
        with pytest.raises(ValidationError) as caught:
            _Inner.model_validate({"share": value})
        assert len(first_mistake(caught.value)) < 250


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Not there, a folder, or what the system says."""
    said = []
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(OSError) as caught:
            path.read_bytes()
        said.append(unread(path, caught.value))
    assert said == [f"There is no file {tmp_path / 'gone'}", f"{tmp_path} is a folder"]
    (file := tmp_path / "mine").touch()
    refused = PermissionError(13, "Permission denied")
    assert unread(file, refused) == f"{file} cannot be read: Permission denied"
