"""NPZ: everything of a take as arrays, for Python.

All arrays are plain (`numpy.load` needs no pickle). World axes: X the person's left when facing +Z, Y up from
the floor, right-handed, metres; rotations xyzw, local to the parent bone, relative to the T-pose.

    joints_world (N,26,3)  confidence (N,26)  observed (N,26) bool  joint_names (26)  joint_parents (26)
    bone_rotations (N,21,4)  bone_names (21)  bone_parents (21)  rest_joints (26,3)  rest_heads (21,3)
    contacts (N,4)  contact_names (4)  state (N)  present (N) bool, False in gaps  time_s (N)
    fps  captured_fps  start_wall_ns  height_m  person_id  name  version: single values

In gaps the motion is interpolated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lifting.skeleton import BONES, CONTACTS, SEALCAP26
from realtime.takes.take import Take
from realtime.takes.whole_file import whole_file

VERSION = 1


def write_npz(take: Take, path: Path) -> None:
    """Write one take. Raises SinkError."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_arrays(take))


def _arrays(take: Take) -> dict[str, Any]:
    return {
        "joints_world": take.joints_world,
        "confidence": take.confidence.astype(np.float32),
        "observed": take.observed,
        "joint_names": np.array(SEALCAP26.joints),
        "joint_parents": np.array(SEALCAP26.parents),
        "bone_rotations": take.bone_rotations,
        "bone_names": np.array(BONES.joints),
        "bone_parents": np.array(BONES.parents),
        "rest_joints": take.rest_joints,
        "rest_heads": take.rest_heads,
        "contacts": take.contacts.astype(np.float32),
        "contact_names": np.array(CONTACTS),
        "state": np.array(take.states),
        "present": take.present,
        "time_s": take.times_s,
        "fps": np.array(take.fps),
        "captured_fps": np.array(take.captured_fps),
        "start_wall_ns": np.array(take.start_wall_ns, np.int64),
        "height_m": np.array(take.height_m),
        "person_id": np.array(take.person_id, np.int64),
        "name": np.array(take.name),
        "version": np.array(VERSION),
    }
