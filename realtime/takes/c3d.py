"""C3D: joints as points over time, for biomechanics (Mokka, Visual3D, MOtoNMS, Vicon's tools).

Millimetres, X forward, Y left, Z up, which POINT:X_SCREEN and Y_SCREEN say, the floor z = 0. Frames inside
gaps carry residual -1, the format's word for a point that is not there. Written by ezc3d.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np

from lifting.errors import ConfigError, MissingExtra
from lifting.skeleton import SEALCAP26
from realtime.axes import ROS
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

MISSING = -1.0
MAX_FRAMES = 65535
"""The format counts frames in 16 bits."""


def write_c3d(take: Take, path: Path) -> None:
    """Write the 26 joints of one take.

    Raises SinkError, ConfigError when the take is too long for the format, MissingExtra without ezc3d.
    """
    if len(take) > MAX_FRAMES:
        raise ConfigError(
            f"A C3D file holds {MAX_FRAMES} frames, and here are {len(take)}. Write parts with --start and "
            "--end, take a lower --fps, or make a TRC or CSV file."
        )
    content = _content(take)
    with whole_file(path) as temporary:
        content.write(str(temporary))
        # ezc3d says nothing when the disk is full.
        if temporary.stat().st_size < 16 * len(SEALCAP26) * len(take):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _content(take: Take) -> Any:
    try:
        import ezc3d
    except ImportError as error:
        raise MissingExtra("ezc3d", "files") from error
    content = ezc3d.c3d()
    point = content["parameters"]["POINT"]
    point["RATE"]["value"] = [take.fps]
    point["UNITS"]["value"] = ["mm"]
    point["LABELS"]["value"] = list(SEALCAP26.joints)
    content.add_parameter("POINT", "X_SCREEN", ["+X"])
    content.add_parameter("POINT", "Y_SCREEN", ["+Z"])
    points_mm = np.ones((4, len(SEALCAP26), len(take)))
    points_mm[:3] = 1000 * np.transpose(ROS.points(take.joints_world), (2, 1, 0))
    points_mm[:3, :, ~take.present] = np.nan
    content["data"]["points"] = points_mm
    residuals = np.zeros((1, len(SEALCAP26), len(take)))
    residuals[:, :, ~take.present] = MISSING
    content["data"]["meta_points"]["residuals"] = residuals
    return content
