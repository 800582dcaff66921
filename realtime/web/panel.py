"""The shape of a panel, a tab at the side of the page. The page knows no more of panels than this."""

from __future__ import annotations

from html import escape
from typing import Any, Protocol

from realtime.web.theme import STYLE

TIP_DELAY_S = 0.5
QUIET = (71, 85, 105)
"""Colour of ordinary buttons; white on it can be read in both themes."""


class Panel(Protocol):
    """One tab."""

    title: str

    def lay_out(self, server: Any) -> None:
        """Make the controls, inside the tab, which is open for it."""

    def refresh(self) -> None:
        """Show how things are now; four times a second while somebody looks, in the page's own thread."""


class Shown:
    """A control for a value that others may change as well.

    It is written to only when that value changed: what a viewer has just set is still on its way to its
    owner, and would be taken back.
    """

    def __init__(self, control: Any, value: object) -> None:
        self.control = control
        self._last: tuple[object, int] = (value, 0)

    def follow(self, value: object, tries: int = 0) -> None:
        """Show `value`; `tries`: to change it so far, as one that failed leaves it as it was."""
        if (value, tries) != self._last:
            self._last = (value, tries)
            if self.control.value != value:
                self.control.value = value


def add_button(
    gui: Any, label: str, hint: str, *, color: Any = QUIET, above: bool = False, **options: Any
) -> Any:
    """A button with a tooltip, below or above it: viser shows them on all controls but buttons."""
    button = gui.add_button(label, hint=hint, color=color, **options)
    side = "bottom" if above else "top"
    box = f'div:has(> button[id="{button._impl.uuid}"])'
    text = hint.replace("\\", "").replace('"', "'")
    gui.add_html(
        f"<style>{box}{{position:relative}}"
        f'{box}::after{{content:"{text}";position:absolute;left:12px;right:12px;{side}:100%;z-index:60;'
        "background:#1e293b;color:#f8fafc;border:1px solid #475569;border-radius:6px;padding:6px 9px;"
        "font:12.5px/1.35 sans-serif;opacity:0;pointer-events:none;transition:opacity .1s}"
        f"{box}:hover::after,{box}:has(:focus-visible)::after{{opacity:1;transition-delay:{TIP_DELAY_S}s}}"
        "</style>"
    )
    return button


def note(text: str, kind: str = "dim") -> str:
    """A line of text as HTML; `kind`: dim, good, warn or bad."""
    return f'{STYLE}<div class="sc"><span class="{kind}">{escape(text)}</span></div>' if text else ""
