"""`sealcap calibrate`, as a user calls it: from a video to a file, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lifting.calibration import load_calibration
from lifting.camera_estimate import Source
from lifting.errors import ConfigError
from realtime.build import build_pipeline, open_camera
from realtime.calibrate.board import Board
from realtime.cli import main
from realtime.config import CameraConfig, RunConfig
from tests.realtime.calibrate.photos import Camera, photograph, poses
from tests.realtime.sources.videos import write_video

BOARD = Board("charuco", 7, 10, 25.0)
TRUTH = Camera((1280, 720), (940.0, 943.0), (651.0, 352.0), (-0.25, 0.09, 0.001, -0.0015, 0.0))
SMALL = Camera((640, 480), (520.0, 520.0), (320.0, 240.0), (0.0,) * 5)


def colour(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)


def photos(
    board: Board, camera: Camera, count: int, tilt_deg: float = 40.0, *, near: float = 0.9, apart: float = 0.3
) -> list[np.ndarray]:
    every = enumerate(poses(board, camera, count, tilt_deg, near=near, apart=apart))
    return [colour(photograph(board, camera, pose, seed=i)) for i, pose in every]


def video(path: Path, pictures: list[np.ndarray]) -> str:
    """Five pictures a second, so that each is looked at."""
    return str(write_video(path, pictures, [200 * i for i in range(len(pictures))]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration made by the command from a compressed video of 20 views with noise and blur."""
    folder = tmp_path_factory.mktemp("calibrate")
    film = video(folder / "board.mp4", photos(BOARD, TRUTH, 20))
    assert main(["calibrate", film, "--out", str(folder / "camera.yaml"), "--frames", "20"]) == 0
    return folder / "camera.yaml"


def test_the_true_camera_comes_out(made: Path) -> None:
    """fx, fy, cx, cy within 0.5 %, and rays within a milliradian all over the picture."""
    found = load_calibration(made)
    K = np.array(found.camera_matrix)
    for place in ((0, 0), (1, 1), (0, 2), (1, 2)):
        assert K[place] == pytest.approx(TRUTH.K[place], rel=0.005)
    assert found.image_size == TRUTH.size
    assert found.rms_px < 0.5
    assert found.views >= 14
    rays = found.intrinsics(*TRUTH.size).rays(np.stack(np.meshgrid(*map(np.arange, TRUTH.size)), axis=-1))
    truth = TRUTH.rays[:, :2].reshape(720, 1280, 2)
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(rays[inner] - truth[inner]).max() < 0.003
    assert np.abs(rays[inner] - truth[inner]).mean() < 0.001


def test_a_run_takes_the_file_as_given(made: Path) -> None:
    """The camera estimate has the lens, in any size of the same shape, and counts the angle as given."""
    calibration = load_calibration(made)
    camera = open_camera(CameraConfig(calibration=made), None, 640, 360, calibration=calibration)
    assert camera.intrinsics.lens is not None
    assert camera.intrinsics.fx == pytest.approx(470, rel=0.005)
    assert camera.sources["fov"] == Source.GIVEN
    with pytest.raises(ConfigError, match="1280 x 720"):
        open_camera(CameraConfig(calibration=made), None, 640, 480, calibration=calibration)


def test_angle_and_file_exclude_each_other(made: Path) -> None:
    """Said before anything is opened."""
    both = RunConfig(source="synthetic", camera=CameraConfig(fov=60, calibration=made))
    with pytest.raises(ConfigError, match="--fov and --calibration exclude each other"):
        build_pipeline(both)
    missing = RunConfig(source="synthetic", camera=CameraConfig(calibration=Path("no.yaml")))
    with pytest.raises(ConfigError, match="There is no calibration"):
        build_pipeline(missing)


def test_a_folder_of_photos_of_a_chessboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Broken files and photos of another size are left out."""
    board, folder = Board("chessboard", 7, 10, 25.0), tmp_path / "photos"
    folder.mkdir()
    for i, picture in enumerate(photos(board, SMALL, 16, tilt_deg=35, near=1.3, apart=0.2)):
        cv2.imwrite(str(folder / f"{i:02}.png"), picture)
    (folder / "99.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "98.png"), np.zeros((100, 100, 3), np.uint8))
    out = tmp_path / "camera.yaml"
    assert main(["calibrate", str(folder), "--out", str(out), "--board", "chessboard"]) == 0
    assert load_calibration(out).camera_matrix[0][0] == pytest.approx(520, rel=0.005)
    assert "another size" in capsys.readouterr().err


def failing(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 1) -> str:
    assert main(["calibrate", *arguments]) == code
    return " ".join(capsys.readouterr().err.split())


def test_a_board_is_a_pdf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name without .pdf would open in no program; nothing is written."""
    assert "such as" in failing(["print", str(tmp_path / "board")], capsys, 2)
    assert not list(tmp_path.iterdir())


def test_one_view_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All pictures alike: what was seen, and what to do."""
    film = video(tmp_path / "still.mp4", photos(BOARD, SMALL, 1) * 12)
    said = failing([film, "--out", str(tmp_path / "c.yaml")], capsys)
    assert "seen in 12 of 12 pictures, but always in the same place" in said
    assert "tilt it" in said
    assert not (tmp_path / "c.yaml").exists()


def test_no_tilt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A board always held square to the camera is no calibration, or a poor one that says so."""
    film = video(tmp_path / "flat.mp4", photos(BOARD, SMALL, 10, tilt_deg=0.5))
    code = main(["calibrate", film, "--out", str(tmp_path / "c.yaml")])
    said = capsys.readouterr().err
    assert code == 1 or "Poor calibration" in said
    assert "ilt the board" in said


def test_a_chessboard_that_is_partly_hidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That it must be seen whole is said."""
    board = Board("chessboard", 7, 10, 25.0)
    film = video(tmp_path / "board.mp4", photos(board, SMALL, 10, tilt_deg=30))
    said = failing([film, "--out", str(tmp_path / "c.yaml"), "--board", "chessboard"], capsys)
    assert "whole chessboard" in said


def test_no_board(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What to check, and how to print one."""
    film = video(tmp_path / "wall.mp4", [np.full((480, 640, 3), 20, np.uint8)] * 5)
    said = failing([film, "--out", str(tmp_path / "c.yaml")], capsys)
    assert "No charuco 7x10 board was seen in 5 pictures" in said
    assert "very dark" in said
    assert "sealcap calibrate print" in said


@pytest.mark.parametrize(
    ("shown", "options", "mirrored", "word"),
    [
        (Board("chessboard", 7, 10, 25.0), [], False, "Add: --board chessboard"),
        (BOARD, ["--board", "chessboard"], False, "Add: --board charuco"),
        (Board("charuco", 5, 7, 25.0), [], False, "Give the squares of your print"),
        (BOARD, [], True, "mirrored"),
    ],
)
def test_a_wrong_board(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    shown: Board,
    options: list[str],
    mirrored: bool,
    word: str,
) -> None:
    """The message says what is in the picture instead."""
    pictures = photos(shown, SMALL, 4, tilt_deg=15)
    pictures = [np.ascontiguousarray(p[:, ::-1]) for p in pictures] if mirrored else pictures
    film = video(tmp_path / "board.mp4", pictures)
    assert word in failing([film, "--out", str(tmp_path / "c.yaml"), *options], capsys)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["no.mp4", "--out", "c.yaml"], 1, "no file"),
        (["no.mp4", "--out", "no/c.yaml"], 2, "does not exist"),
        (["no.mp4", "--out", "c.yaml", "--frames", "2"], 2, "--frames"),
        (["no.mp4", "--out", "c.yaml", "--squares", "ten"], 2, "--squares 7x10"),
        (["print", "b.pdf", "--square", "50"], 2, "do not fit"),
        (["print", "no/b.pdf"], 2, "does not exist"),
    ],
)
def test_bad_usage(
    arguments: list[str],
    code: int,
    word: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One sentence and the right exit code."""
    monkeypatch.chdir(tmp_path)
    assert word in failing(arguments, capsys, code)


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which kinds of files are looked for."""
    assert ".jpg" in failing([str(tmp_path), "--out", str(tmp_path / "c.yaml")], capsys)


def test_the_print_says_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A PDF, and the command that goes with it."""
    out = tmp_path / "board.pdf"
    assert main(["calibrate", "print", str(out), "--board", "chessboard", "--paper", "letter"]) == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert "--board chessboard" in capsys.readouterr().err
