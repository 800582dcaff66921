"""How well each 3D joint is seen, from the confidences of the 2D joints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifting.skeleton import BODY21, SEALCAP26

Floats = NDArray[np.floating]
Float64 = NDArray[np.float64]

SEEN = 0.3
"""2D confidence from which a joint counts as observed."""

_HIPS, _SHOULDERS = ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
# Joints no detector reports hang between these.
_NEIGHBOURS = {
    "pelvis": _HIPS, "spine": _HIPS + _SHOULDERS, "chest": _SHOULDERS + _HIPS, "neck": _SHOULDERS,
    "head": _FACE,
}  # fmt: skip


def _weights() -> Float64:
    """(26,21) every 3D joint as a mean of 2D joints; usually of the one with its name."""
    out = np.zeros((len(SEALCAP26), len(BODY21)))
    for j, name in enumerate(SEALCAP26.joints):
        sources = BODY21.indices(*_NEIGHBOURS.get(name, (name,)))
        out[j, sources] = 1.0 / len(sources)
    return out


_WEIGHTS = _weights()


def joint_confidence(confidence: Floats) -> Float64:
    """(21,) of BODY21 → (26,) of SEALCAP26, clipped to 0..1; inner joints get their neighbours' mean."""
    return np.asarray(_WEIGHTS @ np.minimum(np.maximum(confidence, 0.0), 1.0))
