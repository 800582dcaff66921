"""Which joints belong together in the detector model, and how much worse some are than others: data tables.

All are in BODY21 order unless said otherwise; masks are (21,) booleans.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lifting.skeleton import BODY21, SEALCAP26
from training.joint_offsets import FRAMES, frame_of


def mask(*parts: str) -> Tensor:
    """(21,) True for joints whose name is one of `parts` or ends with one of them."""
    return torch.tensor([name in parts or name.partition("_")[2] in parts for name in BODY21.joints])


def side_mask(side: str, *parts: str) -> Tensor:
    """(21,) the same on one side, "left" or "right"."""
    return torch.tensor([name.startswith(side) for name in BODY21.joints]) & mask(*parts)


BODY21_IN_26 = SEALCAP26.indices(*BODY21.joints)
"""Where each BODY21 joint stands in SEALCAP26."""
TWIN = torch.from_numpy(BODY21.mirrored.copy())
"""The joint on the other side."""
HIPS, SHOULDERS = BODY21.indices("left_hip", "right_hip"), BODY21.indices("left_shoulder", "right_shoulder")
EARS = BODY21.indices("left_ear", "right_ear")
FEET = [BODY21.indices(*(f"{s}_{p}" for p in ("knee", "ankle", "heel", "toe"))) for s in ("left", "right")]
JOINTS_OF_FRAME = [[i for i, j in enumerate(BODY21.joints) if frame_of(j) == f] for f in range(len(FRAMES))]
IS_RIGHT = torch.tensor([name.startswith("right_") for name in BODY21.joints])
IS_FOOT = mask("heel", "toe")
_VAGUE_OF = {"hip": 1.5, "heel": 2.5, "toe": 2.5, "nose": 1.6, "eye": 1.6, "ear": 1.6}
VAGUE = torch.tensor([_VAGUE_OF.get(name.rpartition("_")[2], 1.0) for name in BODY21.joints])
"""Factor of the random offset of the definition: hips lie under clothes, feet in shoes, ears under hair."""
_LEG = ("knee", "ankle", "heel", "toe")
_JITTER_OF = {
    "nose": 0.9,
    "eye": 0.9,
    "ear": 0.9,
    "shoulder": 0.7,
    "wrist": 1.4,
    "hip": 1.2,
    "heel": 1.2,
    "toe": 1.2,
}
JITTER = torch.tensor([_JITTER_OF.get(name.rpartition("_")[2], 1.0) for name in BODY21.joints])
"""Factor of the jitter, from BlazePose heavy and MoveNet Thunder on the open clips."""
LIMB_END = torch.tensor(
    [BODY21.index(f"{s}_{p}") for p in ("elbow", "wrist", "knee", "ankle") for s in ("left", "right")]
)
"""Ends of upper arms, forearms, thighs, shanks, left and right in turn; below, where they start."""
LIMB_START = torch.tensor(
    [BODY21.index(f"{s}_{p}") for p in ("shoulder", "elbow", "hip", "knee") for s in ("left", "right")]
)
SWAPPED = torch.stack(
    [torch.ones(len(BODY21), dtype=torch.bool), mask("hip", *_LEG), mask("shoulder", "elbow", "wrist")]
)
"""(3,21) what is exchanged when sides are mixed up: everything, the legs, the arms."""
COVERED = torch.stack(
    [
        *(
            side_mask(s, *parts)
            for s in ("left", "right")
            for parts in (
                ("elbow", "wrist"),
                ("wrist",),
                _LEG,
                ("ankle", "heel", "toe"),
                ("shoulder", "elbow", "wrist"),
                ("hip", *_LEG),
            )
        ),
        mask("nose", "eye", "ear"),
        mask("hip"),
        mask("shoulder"),
        mask(*_LEG),
        mask("hip", *_LEG),
        mask("heel", "toe"),
        mask("heel", "toe", "ankle"),
    ]
)
"""(19,21) body parts that are covered together."""
GROUPS = {
    "ears": mask("ear"),
    "face": mask("nose", "eye", "ear"),
    "feet": mask("heel", "toe"),
}
"""(21,) masks of joints that some detectors never report."""
