"""Where 2D detectors put their joints, compared with the corpus's joint centres: a table of data.

A detector's hip is not the anatomical hip. These differences are the same in every frame, so no averaging
over time removes them, and a lifter that does not expect them reads them as a tilt of the body. Offsets are
(left, up, forward) in millimetres for a person of 1.70 m, in the frame named beside the joint; for right
joints `left` means away from the middle of the body on their side (outward).
"""

from __future__ import annotations

from typing import NamedTuple

from lifting.skeleton import BODY21

Offset = tuple[float, float, float]

FRAMES = ("trunk", "head", "left_foot", "right_foot")


class Profile(NamedTuple):
    """One family of detectors."""

    offsets_mm: dict[str, Offset]
    """(outward, up, forward) per joint without its side; joints not named have none."""
    feet: bool
    """Whether heels and toes are seen at all."""
    confidence: tuple[float, float]
    """Range of the typical confidence of clearly visible joints."""


PROFILES: dict[str, Profile] = {
    # BlazePose's ears lie 13 mm further in (a quarter of the head's width, on every clip), so that the head
    # seems further away than it is. Its "foot index" lies on top of the toes, well behind their tip. Both
    # look as if the camera were lower than it is.
    "blazepose": Profile(
        {
            "nose": (0.0, 14.0, 0.0),
            "ear": (-13.0, 0.0, 0.0),
            "hip": (2.0, -14.0, 0.0),
            "knee": (-4.0, 0.0, 0.0),
            "ankle": (0.0, 12.0, 0.0),
            "heel": (-4.0, 5.0, 0.0),
            "toe": (-8.0, 28.0, -45.0),
        },
        feet=True,
        confidence=(0.9, 1.0),
    ),
    "coco": Profile(
        {
            "nose": (0.0, 14.0, 0.0),
            "ear": (4.0, 0.0, 0.0),
            "hip": (5.0, 8.0, 0.0),
            "shoulder": (6.0, 12.0, 0.0),
        },
        feet=False,
        confidence=(0.8, 1.0),
    ),
    # RTMPose with 26 points (Halpe-26): COCO's joints by COCO's definition, the feet by the corpus's own. No
    # weights could be had where this table was made, so its feet are the definition, not a measurement.
    "halpe": Profile(
        {
            "nose": (0.0, 14.0, 0.0),
            "ear": (4.0, 0.0, 0.0),
            "hip": (5.0, 8.0, 0.0),
            "shoulder": (6.0, 12.0, 0.0),
        },
        feet=True,
        confidence=(0.8, 1.0),
    ),
}
"""blazepose and coco: measured on the open evaluation clips, detector against triangulated truth, and against
the corpus's heads and feet seen from the same side."""


def frame_of(joint: str) -> int:
    """Index into FRAMES of the body part a BODY21 joint moves with."""
    side, _, part = joint.partition("_")
    if joint == "nose" or part in ("eye", "ear"):
        return FRAMES.index("head")
    return FRAMES.index(f"{side}_foot") if part in ("heel", "toe", "ankle") else FRAMES.index("trunk")


def offset_rows(profile: Profile) -> list[Offset]:
    """(21) offsets in metres as (left, up, forward) in BODY21 order."""
    rows = []
    for joint in BODY21.joints:
        side, _, part = joint.partition("_")
        outward, up, forward = profile.offsets_mm.get(part or joint, (0.0, 0.0, 0.0))
        rows.append((1e-3 * outward * (-1 if side == "right" else 1), 1e-3 * up, 1e-3 * forward))
    return rows
