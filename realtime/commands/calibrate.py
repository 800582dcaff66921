"""`sealcap calibrate` and `sealcap calibrate print`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lifting.calibration import Calibration, now, save_calibration
from lifting.errors import ConfigError, SourceError
from realtime.calibrate.advice import improvements, missing_places, too_few, verdict
from realtime.calibrate.board import Board, BoardKind, parse_squares
from realtime.calibrate.board_pdf import Paper, board_pdf, fits, largest_square_mm
from realtime.calibrate.collect import Collection, Watch, collect
from realtime.calibrate.fit import MIN_VIEWS, Result
from realtime.calibrate.fit import calibrate as fit_views
from realtime.calibrate.images import ImageFolder
from realtime.commands.run import stop_on_signal
from realtime.sources import Source
from realtime.sources.factory import open_source

SQUARES = "7x10"


def print_board(
    out: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    board: BoardKind = "charuco",
    paper: Paper = "a4",
    squares: str = SQUARES,
    square: float | None = None,
) -> int:
    """Make a board as a PDF, to be printed at 100 % and glued to something flat.

    Args:
        out: The PDF file to write.
        board: charuco (may be partly hidden; better) or chessboard.
        paper: Size of the page.
        squares: Columns x rows of squares, not of inner corners.
        square: Side of a square in millimetres; the largest that fits on the page if empty.
    """
    columns, rows = parse_squares(squares)
    printed = Board(
        board, columns, rows, largest_square_mm(columns, rows, paper) if square is None else square
    )
    if not fits(printed, paper):
        raise ConfigError(
            f"{squares} squares of {printed.square_mm:g} mm do not fit on {paper}; "
            f"the largest are {largest_square_mm(columns, rows, paper):g} mm."
        )
    if out.suffix.lower() != ".pdf":
        raise ConfigError(f"{out}: the name must end in .pdf, such as {out.with_suffix('.pdf')}.")
    _check_folder(out)
    out.write_bytes(board_pdf(printed, paper))
    console = Console(stderr=True, highlight=False)
    console.print(
        f"Wrote [bold]{out}[/]: {printed.name}, squares of {printed.square_mm:g} mm.", soft_wrap=True
    )
    console.print(
        "Print it at 100 %, check that both thin lines are 100 mm long, glue it to card.", soft_wrap=True
    )
    options = "" if (board, squares) == ("charuco", SQUARES) else f" --board {board} --squares {squares}"
    console.print(f"Then: sealcap calibrate 0 --out camera.yaml{options}", soft_wrap=True)
    return 0


def calibrate(
    source: Annotated[str, tyro.conf.Positional] = "0",
    /,
    *,
    out: Path,
    board: BoardKind = "charuco",
    squares: str = SQUARES,
    square: float = 25.0,
    frames: int = 30,
    lens: Literal["auto", "brown", "fisheye"] = "auto",
) -> int:
    """Measure a camera's angles and lens with a printed board, for `sealcap run --calibration FILE`.

    Move the board slowly all over the picture, nearer and farther, tilted 20 to 45 degrees to every side.
    Ctrl-C ends looking and calibrates with what was seen. Make a board with `sealcap calibrate print`.

    Args:
        source: Camera number, video file, address or folder of photos, in the picture size used later.
        out: The calibration file to write, such as camera.yaml.
        board: Kind of board that is shown.
        squares: Columns x rows of its squares, not of inner corners.
        square: Side of a square in millimetres, noted in the file; neither angles nor lens depend on it.
        frames: Views to use; a camera is watched until there are so many.
        lens: brown (ordinary and wide lenses), fisheye, or whichever fits.
    """
    if not MIN_VIEWS <= frames <= 200:
        raise ConfigError(f"--frames {frames}: give {MIN_VIEWS} to 200 views; 30 are good.")
    shown = Board(board, *parse_squares(squares), square)
    _check_folder(out)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    found = _look(source, shown, frames, console)
    size, views = found.size, found.pool.best(frames)
    if size is None or len(views) < MIN_VIEWS:
        raise SourceError(too_few(found, shown))
    result = _fit(found, frames, None if lens == "auto" else lens, console)
    _report(result, found, size, console)
    if verdict(result, size) == "useless":
        raise SourceError(
            f"Nothing was written: the result is too uncertain. {_first(improvements(result, size))}"
        )
    save_calibration(_as_file(result, size, shown), out)
    camera = source if source.isdecimal() or "://" in source else "0"
    console.print(f"  wrote [bold]{out}[/]. Use it with: sealcap run {camera} --calibration {out}")
    return 0


def _look(spec: str, board: Board, wanted: int, console: Console) -> Collection:
    folder = Path(spec).expanduser()
    photos = folder.is_dir()
    source: Source = ImageFolder(folder) if photos else open_source(spec, paced=False)
    if source.live:
        console.print(f"Watching {source.name} for the {board.name} board. Ctrl-C ends looking.")
    stop = threading.Event()
    with stop_on_signal(stop), source, _bar(console) as bar:
        task = bar.add_task("Looking for the board", total=wanted if source.live else None)

        def watch(found: Collection) -> None:
            bar.update(task, completed=len(found.pool.views), description=_progress(found, source.live))

        watched: Watch = watch
        return collect(source, board, wanted, photos, stop, watched)


def _progress(found: Collection, live: bool) -> str:
    counts = f"{found.pictures} pictures, board in {found.with_board}, {len(found.pool.views)} views"
    if not live or found.size is None or len(found.pool.views) < 3:
        return counts
    places = missing_places(found.pool.views, found.size)
    return f"{counts}; {f'now {places[0]}' if places else 'now tilted, nearer, farther'}"


def _fit(
    found: Collection, frames: int, lens: Literal["brown", "fisheye"] | None, console: Console
) -> Result:
    assert found.size is not None
    with _bar(console) as bar:
        task = bar.add_task("Calibrating", total=1.0)
        views = found.pool.best(frames)
        result = fit_views(views, found.size, lens, lambda share: bar.update(task, completed=share))
    if result is None:
        raise SourceError(
            f"No camera explains these {len(views)} views. Tilt the board 20 to 45 degrees to every side, "
            "keep it flat, and show the same board in all pictures."
        )
    return result


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"))
    return Progress(*columns, TimeRemainingColumn(), console=console)


def _report(result: Result, found: Collection, size: tuple[int, int], console: Console) -> None:
    fit, word = result.fit, verdict(result, size)
    focal, std = fit.K[0, 0], result.focal_std_px
    colour = {"good": "green", "usable": "green", "poor": "yellow", "useless": "red"}[word]
    console.print(f"[bold {colour}]{word.capitalize()}[/] calibration for pictures of {size[0]} x {size[1]}")
    console.print(f"  views used {len(fit.views)}, dropped {result.dropped}, of {found.pictures} pictures")
    if found.other_size:
        console.print(f"  [yellow]{found.other_size} pictures of another size were left out[/]")
    console.print(f"  field of view {fit.calibration(size).fov_deg:.1f}° along the longer side")
    console.print(
        f"  focal length {focal:.1f} ± {std:.1f} px ({100 * std / focal:.2f} %), "
        f"axis at ({fit.K[0, 2]:.1f}, {fit.K[1, 2]:.1f}) ± {result.centre_std_px:.1f} px"
    )
    console.print(
        f"  reprojection error {fit.rms_px:.2f} px, {fit.lens} lens, {len(fit.distortion)} coefficients"
    )
    for advice in improvements(result, size):
        console.print(f"  [yellow]better:[/] {advice}")


def _as_file(result: Result, size: tuple[int, int], board: Board) -> Calibration:
    return result.fit.calibration(size).model_copy(
        update={
            "made": now(),
            "focal_std_px": round(result.focal_std_px, 3),
            "views": len(result.fit.views),
            "board": f"{board.name}, squares of {board.square_mm:g} mm",
        }
    )


def _first(advice: list[str]) -> str:
    return advice[0] if advice else "Show the board in more places, tilted more."


def _check_folder(path: Path) -> None:
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file in it.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(
            f"The folder {path.absolute().parent} does not exist; make it first, or name another."
        )
