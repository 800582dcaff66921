"""C3D: joints as points over time, for biomechanics (Mokka, Visual3D, MOtoNMS, Vicon's tools).

Millimetres, X forward, Y left, Z up, which POINT:X_SCREEN and Y_SCREEN say, the floor z = 0. Frames inside
gaps carry residual -1, the format's word for a point that is not there. Written by ezc3d.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from lifting.errors import MissingExtra
from lifting.skeleton import SEALCAP26
from realtime.axes import ROS
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

MISSING = -1.0


def write_c3d(take: Take, path: Path) -> None:
    """Write the 26 joints of one take. Raises SinkError; MissingExtra without ezc3d."""
    content = _content(take)
    with whole_file(path) as temporary:
        try:
            content.write(str(temporary))
        except (RuntimeError, ValueError) as error:  # its own word for what the system refused
            raise OSError(0, str(error)) from error
        if temporary.stat().st_size < 16 * len(SEALCAP26) * len(take):  # ezc3d does not notice a full disk
            raise OSError(0, os.strerror(28))


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
