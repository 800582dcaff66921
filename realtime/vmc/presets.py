"""Receivers of VMC and what suits them. A table; every value can be overridden on the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """What differs between receivers."""

    offsets: str
    """Default of --vmc-offsets."""
    centred: bool
    """True: the avatar starts in the middle of the stage; False: where the person stands in the room, whose
    origin is the floor below the camera."""
    rate_hz: float
    """Default of --vmc-rate."""
    why: str


PRESETS: dict[str, Preset] = {
    "generic": Preset(
        "rest",
        False,
        60.0,
        "EVMC4U and what is built on it: writes our bone positions into the avatar, all zeros collapse it; "
        "stops for good after one malformed message; drops when over 30 frames arrive per picture it draws.",
    ),
    "vseeface": Preset(
        "rest",
        True,
        60.0,
        "A stage with one avatar in its middle; knows no scale of the root, so none is sent; "
        "is said to crash at very high rates.",
    ),
    "warudo": Preset("rest", True, 60.0, "A stage; turns bones, and wants its own idle animation off."),
    "vnyan": Preset("rest", True, 60.0, "A stage; as generic otherwise."),
    "vmagicmirror": Preset(
        "rest",
        True,
        60.0,
        "A desk with one avatar; builds a skeleton of the positions sent and retargets from that, so they "
        "must be those of a real body: never `zero`.",
    ),
    "blender": Preset(
        "measured",
        False,
        60.0,
        "Takes are made here: the person's own proportions and place in the room are what is wanted.",
    ),
}
