"""The solver's options at the page, and measuring anew."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from lifting.camera_estimate import Source
from realtime.control import Relearn, Tune
from realtime.pipeline import Pipeline
from realtime.solve.body import SolverOptions
from realtime.solve.feet import FootMode

STAND_S = 4.0
"""How long somebody stands still for the floor to be measured."""
FOOT_MODES: tuple[FootMode, ...] = ("auto", "always", "ground", "never")


class Tuning:
    """Reads the options as they are, and wishes for others."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @property
    def options(self) -> SolverOptions:
        """As they are now, a frame after the last wish."""
        return self._pipeline.options

    def set(self, **options: float | str | bool | None) -> None:
        """Wish for options by their names in SolverOptions. Raises ValueError for one that cannot be."""
        SolverOptions(**options)  # type: ignore[arg-type]  # refuses here what the pipeline must not meet
        self._pipeline.control.wish(Tune(dict(options)))

    def measure(self, told: Callable[[str], None]) -> threading.Timer:
        """Learn floor, tilt and bodies anew; `told` hears after `STAND_S` how it went."""
        self._pipeline.control.wish(Relearn())
        timer = threading.Timer(STAND_S, lambda: told(self.floor()))
        timer.daemon = True
        timer.start()
        return timer

    def floor(self) -> str:
        """What is known of the floor, in a sentence."""
        camera = self._pipeline.camera
        if camera is None or camera.sources["camera_height"] is Source.ASSUMED:
            return "No feet were seen. Step back until both feet are in the picture, and stand still."
        height_m, down = camera.camera_height_m, float(camera.gravity_cam[2])
        tilt = f"looks {'down' if down >= 0 else 'up'} {abs(math.degrees(math.asin(down))):.0f}°"
        if camera.sources["pitch"] is Source.ASSUMED:
            tilt = "its tilt is not known yet: walk a few steps"
        return f"The camera is {height_m:.2f} m above the floor and {tilt}."
