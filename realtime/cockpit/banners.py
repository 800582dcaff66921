"""What is said when something is not as it should be: the worst first, each with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["error", "warn", "info"]

SILENT_S = 2.0
"""Without a frame for so long: no camera."""
LOST_S = 1.5
"""Without a person for so long: lost."""
SLOW_SHARE = 0.72
"""A camera that gives less than this share of its rate is held up by something, nearly always the light."""
DARK = 70.0
"""Mean brightness, 0 to 255, of a picture that is called dark."""
DISK_WARN_BYTES, DISK_FULL_BYTES = 2_000_000_000, 200_000_000
DROP_SHARE = 0.15
"""An output that lost more of the last frames is too slow."""


@dataclass(frozen=True)
class Banner:
    """One message at the top of the page."""

    kind: Kind
    title: str
    text: str


@dataclass(frozen=True)
class Signs:
    """What can be told from frames and counters at one moment."""

    source: str = ""
    live: bool = True
    over: bool = False
    """The run is over; only the page still stands."""
    opening: bool = False
    """Another source is being opened."""
    switch_error: str = ""
    """Why the last switch of the source failed."""
    silent_s: float = 0.0
    """Since the last frame, or since the beginning."""
    camera_fps: float | None = None
    """Pictures per second that the camera took lately."""
    nominal_fps: float | None = None
    """What it promised."""
    brightness: float | None = None
    """Mean of the picture, 0 to 255."""
    alone_s: float = 0.0
    """Since somebody was seen."""
    focal_ratio: float | None = None
    """Assumed over true focal length, where that is far from 1 (`FovCheck`)."""
    disk_free: int | None = None
    failing: tuple[tuple[str, str], ...] = ()
    """Outputs that do not work, and why."""
    slow: tuple[tuple[str, float], ...] = ()
    """Outputs that lose frames, and which share."""
    recording_failure: str = ""
    estop: bool = False
    """A robot is in emergency stop."""


def banners(signs: Signs) -> list[Banner]:
    """What to say now; empty when all is well."""
    if signs.over:
        return [Banner("info", "The run is over", "Start it again in the terminal.")]
    found = [*_source(signs), *_outputs(signs), *_disk(signs)]
    if signs.silent_s < SILENT_S and not signs.opening:
        found += [*_light(signs), *_person(signs), *_lens(signs)]
    return sorted(found, key=lambda banner: ("error", "warn", "info").index(banner.kind))


def _source(signs: Signs) -> list[Banner]:
    if signs.opening:
        return [Banner("info", "Opening the camera", "This may take some seconds.")]
    found = []
    if signs.switch_error:
        found.append(Banner("error", "The camera was not switched", signs.switch_error))
    if signs.silent_s >= SILENT_S:
        found.append(_silence(signs))
    return found


def _silence(signs: Signs) -> Banner:
    if not signs.live:
        text = f"{signs.source} has stopped. Restart it, or choose another source."
        return Banner("error", "No new pictures", text)
    text = "Is it plugged in, and does no other program use it? Restart it, or choose another."
    return Banner("error", "No picture from the camera", f"{signs.source}: {text}")


def _outputs(signs: Signs) -> list[Banner]:
    found = [
        Banner("error", f"Output failed: {name}", f"{why} Switch it off and on to try again.")
        for name, why in signs.failing
    ]
    if signs.recording_failure:
        found.append(Banner("error", "Not recording", signs.recording_failure))
    found += [
        Banner("warn", f"Output too slow: {name}", f"It lost {100 * share:.0f} % of the last frames.")
        for name, share in signs.slow
    ]
    if signs.estop:
        found.append(
            Banner("error", "Robot: emergency stop", "Make sure that nobody is near, then press Reset.")
        )
    return found


def _disk(signs: Signs) -> list[Banner]:
    free = signs.disk_free
    if free is None or free >= DISK_WARN_BYTES:
        return []
    kind: Kind = "error" if free < DISK_FULL_BYTES else "warn"
    return [Banner(kind, "The disk is nearly full", f"{free / 1e9:.1f} GB are left for takes.")]


def _light(signs: Signs) -> list[Banner]:
    rate, nominal = signs.camera_fps, signs.nominal_fps
    if not signs.live or rate is None or nominal is None or rate >= SLOW_SHARE * nominal:
        return []
    dark = signs.brightness is not None and signs.brightness < DARK
    cause = "The picture is dark." if dark else "Too little light is the usual cause."
    text = f"{rate:.0f} of {nominal:.0f} pictures per second. {cause} Add light, or shorten the exposure."
    return [Banner("warn", "The camera is slow", text)]


def _person(signs: Signs) -> list[Banner]:
    if signs.alone_s < LOST_S:
        return []
    return [Banner("warn", "Nobody is seen", "Step into the picture, from head to feet, in good light.")]


def _lens(signs: Signs) -> list[Banner]:
    if signs.focal_ratio is None:
        return []
    long, wide = ("long", "narrow") if signs.focal_ratio > 1 else ("short", "wide")
    text = (
        f"Steps towards the camera come out too {long}: the assumed angle is too {wide}. Give the true one "
        "(--fov), or measure it: sealcap calibrate."
    )
    return [Banner("warn", "The field of view is probably wrong", text)]
