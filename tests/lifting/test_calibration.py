"""Calibration files: what is written is read, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from lifting.calibration import Calibration, load_calibration, save_calibration
from lifting.errors import ConfigError

GOOD = Calibration(
    made="2026-01-31T12:00:00+00:00",
    image_size=(1280, 720),
    camera_matrix=((905.0, 0.0, 640.2), (0.0, 904.0, 358.0), (0.0, 0.0, 1.0)),
    distortion=(0.1, -0.2, 0.001, 0.002, 0.0),
    rms_px=0.2,
    focal_std_px=0.9,
    views=28,
    board="charuco 7x10",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "camera.yaml"
    save_calibration(GOOD, path)
    return path


def test_round_trip(file: Path) -> None:
    """Written and read: the same, in a file that safe_load understands and a person can read."""
    assert load_calibration(file) == GOOD
    assert yaml.safe_load(file.read_text())["image_size"] == [1280, 720]
    assert file.stat().st_size < 600


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("905.0", ".nan", "finite"),
        ("905.0", "1e999", "finite"),
        ("905.0", "-905.0", "positive"),
        ("905.0", "9.0", "alike"),
        ("905.0", "'much'", "number"),
        ("905.0", "0x" + "f" * 9000, "number"),
        ("905.0", "9" * 9000, "YAML"),
        ("640.2", "2000", "optical axis"),
        ("[0.0, 0.0, 1.0]", "[0.0, 0.1, 1.0]", "camera_matrix"),
        ("[0.1, -0.2, 0.001, 0.002, 0.0]", "[0.1, -0.2]", "5 or 8"),
        ("[0.1, -0.2, 0.001, 0.002, 0.0]", "[0.1, -0.2, 0, 0, 0, 0, 0, 0, 0]", "8"),
        ("[0.1, -0.2, 0.001, 0.002, 0.0]", "[-0.9, -0.2, 0, 0, 0]", "folds"),
        ("[0.1, -0.2, 0.001, 0.002, 0.0]", "[0, 0, 5, 5, 0]", "folds"),
        ("[0.1, -0.2, 0.001, 0.002, 0.0]", "[1.0e+300, 0, 0, 0, 0]", "distortion"),
        ("1280, 720", "1280, -720", "image_size"),
        ("1280, 720", "99999999, 720", "image_size"),
        ("version: 1", "version: 2", "version"),
        ("lens: brown", "lens: glass", "lens"),
        ("views: 28", "views: 28\nevil: 1", "evil"),
        ("views: 28", "views: &a 28\nboard: *a", "aliases"),
        ("views: 28", "views: !!python/object/apply:os.getcwd []", "YAML"),
        ("views: 28", "made: 2026-13-45", "YAML"),
    ],
)
def test_a_wrong_value_is_named(file: Path, old: str, new: str, word: str) -> None:
    """One sentence, short, with the place or the reason; no traceback, no warning, no huge echo."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as error:
        load_calibration(file)
    assert word in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    "content",
    [b"", b"[1, 2]", b"\x00\xff\xfe", b"[" * 16000, b"a" * 20000, b"a: [", b"? [a, b]\n: 1", b"{a: b}"],
)
def test_something_else_is_refused(file: Path, content: bytes) -> None:
    """Empty, cut off, binary, nested without end, too large: always a ConfigError."""
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"camera\.yaml"):
        load_calibration(file)


def test_every_truncation_is_refused_or_harmless(file: Path) -> None:
    """A file cut anywhere never gives another camera."""
    whole = file.read_bytes()
    for end in range(0, len(whole), 7):
        file.write_bytes(whole[:end])
        try:
            read = load_calibration(file)
        except ConfigError:
            continue
        assert read.camera_matrix == GOOD.camera_matrix


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    """The next command to type."""
    with pytest.raises(ConfigError, match="sealcap calibrate --out"):
        load_calibration(tmp_path / "no.yaml")


@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (854, 480)])
def test_another_size_of_the_same_shape_is_scaled(size: tuple[int, int]) -> None:
    """The same place in the picture has the same ray."""
    whole, scaled = GOOD.intrinsics(1280, 720), GOOD.intrinsics(*size)
    spot = np.array([[300.0, 200.0], [1200.0, 700.0]])
    there = (spot + 0.5) * (size[0] / 1280, size[1] / 720) - 0.5
    np.testing.assert_allclose(scaled.rays(there), whole.rays(spot), atol=1e-5)


@pytest.mark.parametrize(("size", "word"), [((640, 480), "another shape"), ((720, 1280), "turned")])
def test_another_shape_is_refused(size: tuple[int, int], word: str) -> None:
    """With both sizes and what to do."""
    with pytest.raises(ConfigError, match=word) as error:
        GOOD.intrinsics(*size)
    assert "1280 x 720" in str(error.value)
    assert f"{size[0]} x {size[1]}" in str(error.value)


def test_the_field_of_view_counts_the_distortion() -> None:
    """A pinhole has the textbook's angle, a barrel lens of the same focal length sees more."""
    plain = GOOD.model_copy(update={"distortion": (0.0,) * 5})
    assert plain.fov_deg == pytest.approx(2 * np.degrees(np.arctan(640 / 905)), abs=0.01)
    barrel = GOOD.model_copy(update={"distortion": (-0.2, 0.0, 0.0, 0.0, 0.0)})
    assert barrel.fov_deg > plain.fov_deg + 3
