"""Run by Blender: two armatures that follow anyone, through pauses; says whom they had and recorded.

Usage: blender --background --factory-startup --python inside_pauses.py -- ADDON_FOLDER ANSWER.json
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

ADDONS, ANSWER = sys.argv[sys.argv.index("--") + 1 :][:2]
sys.path.insert(0, ADDONS)

import sealcap_blender  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

sealcap_blender.register()

from sealcap_blender.live import live  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
from sealcap_blender.own_armature import (  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
    make_armature,
)
from sealcap_blender.person import Person  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
from sealcap_blender.settings import find_and_set  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

FRAME_S = 1 / 60


class Port:
    """In place of the receiver: gives what was put into it."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def drain(self) -> list[Any]:
        """As the receiver's."""
        came, self.waiting = self.waiting, []
        return came

    def close(self) -> None:
        """Nothing to close."""


def frame(number: int, received_s: float) -> Any:
    """Somebody who stands upright."""
    return Person(number, "tracking", received_s, received_s, (number, 0.9, 0.0), {"Hips": (0, 0, 0, 1)})


def flow(port: Port, people: tuple[int, ...], frames: int) -> None:
    """Frames as they come from a sender, everybody's packet by itself."""
    for _ in range(frames):
        for number in people:
            port.waiting = [frame(number, time.monotonic())]
            live.pump()
        time.sleep(FRAME_S)


def following(rigs: list[Any]) -> list[int | None]:
    """Whom each armature has."""
    return [live.person_for(rig) for rig in rigs]


def main() -> None:
    """Two come; Blender is busy; the network is silent; one goes; somebody else comes."""
    rigs = [make_armature(None, name, figure=False) for name in "AB"]
    for rig in rigs:
        find_and_set(rig)
        rig.sealcap.enabled, rig.sealcap.person = True, -1
    port = Port()
    live.receiver = port
    answer: dict[str, Any] = {}
    flow(port, (0, 1), 3)
    answer["begin"] = following(rigs)
    live.start_recording("take", 1)
    busy_s = time.monotonic()
    time.sleep(1.2)
    port.waiting = [frame(number, busy_s + k * FRAME_S) for k in range(72) for number in (0, 1)]
    live.pump()
    answer["busy"] = following(rigs)
    time.sleep(0.8)
    live.pump()
    flow(port, (0, 1), 5)
    answer["silence"] = following(rigs)
    tracks = live.recording.tracks
    answer["recorded"] = [sorted({person.id for person in tracks[rig.name].people}) for rig in rigs]
    flow(port, (0,), 40)
    answer["one went"] = following(rigs)
    flow(port, (0, 2), 2)
    answer["another came"] = following(rigs)
    Path(ANSWER).write_text(json.dumps(answer))


main()
