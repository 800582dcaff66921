"""Tab: takes, recorded and listed."""

from __future__ import annotations

import threading
import time
from html import escape
from typing import Any

from realtime.cockpit.recording import Recording, Take
from realtime.web.panel import add_button, note
from realtime.web.theme import STYLE

SHOWN = 8
LOOK_S = 1.0
"""Between two looks into the folder, which may hold thousands."""
START, STOP = "Record (R)", "Stop (R)"


class RecordPanel:
    """Record, stop, and what there is already."""

    title = "Record"

    def __init__(self, recording: Recording, first_name: str = "take-001") -> None:
        self._recording = recording
        self._first_name = first_name
        self._name: Any = None
        self._video: Any = None
        self._button: Any = None
        self._list: Any = None
        self._looked_name, self._look_again_s = "", 0.0
        self._shown: tuple[object, ...] = ()
        self._pressed = threading.Lock()

    def lay_out(self, server: Any) -> None:
        """Make the controls."""
        gui, recording = server.gui, self._recording
        first = self._first_name if not recording.name else recording.name
        if not recording.name and recording.taken(first):
            first = recording.next_name(first)
        self._name = gui.add_text(
            "Take", first, hint="Name of the take: letters, digits and . _ - ; counts up by itself."
        )
        self._video = gui.add_checkbox(
            "With video", initial_value=False, hint="Put the camera's pictures into the take as well."
        )
        self._button = add_button(
            gui, START, "Start or stop recording; the R key does the same.", color="red"
        )
        self._button.on_click(lambda _event: self._press())
        key = gui.add_command("Record or stop", description="Start or stop a take", hotkey="R")
        key.on_trigger(lambda _event: self._press())
        self._list = gui.add_html("")

    def refresh(self) -> None:
        """Button and list; a banner says what went wrong."""
        recording = self._recording
        running = bool(recording.name)
        self._button.label = STOP if running else START
        self._name.disabled = self._video.disabled = running
        if self._looked_name == recording.name and time.monotonic() < self._look_again_s:
            return
        self._looked_name, self._look_again_s = recording.name, time.monotonic() + LOOK_S
        takes = recording.takes()
        if (now := (recording.name, round(recording.seconds), *takes[:SHOWN])) != self._shown:
            self._shown = now
            self._list.content = takes_html(takes, recording, time.time())

    def _press(self) -> None:
        if not self._pressed.acquire(blocking=False):  # the last press is still at work
            return
        try:
            if self._recording.name:
                name = self._recording.stop()
                self._name.value = self._recording.next_name(name)
            else:
                self._recording.start(self._name.value.strip(), video=self._video.value)
        finally:
            self._pressed.release()
        self.refresh()


def takes_html(takes: list[Take], recording: Recording, wall_s: float) -> str:
    """The newest takes as a table."""
    folder = escape(str(recording.folder))
    if not takes:
        return note(f"No takes in {recording.folder} yet.")
    rows = "".join(_row(take, recording, wall_s) for take in takes[:SHOWN])
    more = f" ({len(takes) - SHOWN} more)" if len(takes) > SHOWN else ""
    head = "<tr><th>take</th><th class=n>length</th><th class=n>size</th><th class=n>age</th></tr>"
    return (
        f'{STYLE}<div class="sc"><table>{head}{rows}</table><span class="dim">in {folder}{more}</span></div>'
    )


def _row(take: Take, recording: Recording, wall_s: float) -> str:
    now = take.name == recording.name
    seconds = recording.seconds if now else take.seconds
    length = "–" if seconds is None else clock(seconds)
    name = f'<span class="rec">●</span> {escape(take.name)}' if now else escape(take.name)
    if not take.whole and not now:
        name += ' <span class="warn">cut off</span>'
    age = "now" if now else _age(max(0.0, wall_s - take.wall_s))
    size = f"{take.bytes / 1e6:.1f} MB" if take.bytes >= 1e6 else f"{take.bytes / 1e3:.0f} kB"
    return f"<tr><td>{name}</td><td class=n>{length}</td><td class=n>{size}</td><td class=n>{age}</td></tr>"


def clock(seconds: float) -> str:
    """75 → 1:15."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return "new"
