"""Pitch and roll of a camera from all that shows them: lines of the picture, people and where they walk."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lifting.plumb_lines import PlumbLines
from lifting.running import RunningEstimate
from lifting.tilt_grid import FAR_DEG, Tilt, TiltGrid
from lifting.tilt_probe import TiltProbe

Float64 = NDArray[np.float64]

LIFTED_SD_DEG, LIFTED_ROLL_SD_DEG = 12.0, 4.0
"""Standard deviations of pitch and roll read off lifted bodies when nobody asked the lifter for them."""
GIVEN_SD_DEG = 0.5
ALONE_FAR_DEG, ALONE = 30.0, 1.4
"""Lines that nobody's posture confirms are sometimes not vertical at all: the error grows by this factor."""


class TiltEvidence:
    """What `probe` and `lines` have seen of a camera of which pitch and roll may be given."""

    def __init__(self, pitch_deg: float | None, roll_deg: float | None, gravity_cam: Float64) -> None:
        """`gravity_cam` (3,): where gravity is assumed until something is seen."""
        self._pitch_deg = pitch_deg
        self.all_given = pitch_deg is not None and roll_deg is not None
        self._grid = TiltGrid(pitch_deg, roll_deg)
        self.probe, self.lines = TiltProbe(), PlumbLines(self._grid)
        self._lifted = RunningEstimate(-gravity_cam, memory_s=20, clip=0.15, start_s=0.3)

    def learn_lifted(self, up_cam: Float64, dt_s: float) -> None:
        """ "Up" (3,) of a standing body as it was lifted: better than nothing."""
        if self.probe.up is None:
            self._lifted.add(up_cam, dt_s)

    def best(self, focal_sd: float, floor_roll: tuple[float, float] | None = None) -> Tilt:
        """What follows; `focal_sd`: standard deviation of the logarithm of the focal length; `floor_roll`:
        roll and its standard deviation in degrees as the floor tells them (`lifting.level_floor`)."""
        lines, up = self.lines.evidence, self.probe.up
        seen = np.zeros_like(self._grid.before) if lines is None else lines
        if up is not None:
            seen = seen + self._grid.of_up(up, self.probe.sd_deg, self.probe.roll_sd_deg)
        elif lines is not None:
            seen = seen + self._grid.of_cameras()
        else:
            seen = self._grid.of_up(self._lifted.value, LIFTED_SD_DEG, LIFTED_ROLL_SD_DEG)
        if floor_roll is not None:
            seen = seen + self._grid.of_roll(*floor_roll)
        tilt = self._grid.best(seen, FAR_DEG if up is not None else ALONE_FAR_DEG)
        if self._pitch_deg is not None:
            return tilt._replace(pitch_sd_deg=GIVEN_SD_DEG)
        if up is None and lines is None:
            return tilt._replace(pitch_sd_deg=LIFTED_SD_DEG)
        if lines is None:
            return tilt
        # Slopes of lines are proportional to the focal length times the tangent of the pitch.
        stretch_deg = 0.5 * math.degrees(focal_sd) * math.sin(math.radians(2 * tilt.pitch_deg))
        lines_sd_deg = tilt.pitch_sd_deg * (ALONE if up is None else 1.0)
        return tilt._replace(pitch_sd_deg=math.hypot(lines_sd_deg, stretch_deg))
