"""Keys from a terminal, without Enter."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from types import TracebackType
from typing import Any

MOST_BYTES = 1024
"""Taken at a time."""


class Keys:
    """While open, keys are read as they are pressed. Without a terminal there are none."""

    gone = False
    """True once the terminal was closed: nobody can press anything any more."""

    def __enter__(self) -> Keys:
        self._restore: list[Any] | None = None
        if sys.platform != "win32" and sys.stdin.isatty():
            import termios
            import tty

            self._restore = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if sys.platform != "win32" and self._restore is not None:
            import termios

            with contextlib.suppress(termios.error):  # it is gone, and nothing is left to restore
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._restore)

    def pressed(self, wait_s: float) -> str:
        """All keys since the last call, in order; nothing when none came within `wait_s` seconds.

        All, because a hand that falls on the keyboard presses several at once.
        """
        if sys.platform == "win32":
            return _pressed_windows(wait_s)
        if self._restore is None or self.gone:
            time.sleep(wait_s)
            return ""
        return self._typed(wait_s)

    def _typed(self, wait_s: float) -> str:
        """Past Python's own buffer: what that has taken in, `select` does not see."""
        import select

        ready, _, _ = select.select([sys.stdin], [], [], wait_s)
        if not ready:
            return ""
        try:
            data = os.read(sys.stdin.fileno(), MOST_BYTES)
        except OSError:  # what a terminal that hung up says on some systems
            data = b""
        self.gone = not data
        return data.decode(errors="replace")


if sys.platform == "win32":

    def _pressed_windows(wait_s: float) -> str:
        import msvcrt

        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            typed = ""
            while msvcrt.kbhit() and len(typed) < MOST_BYTES:
                typed += msvcrt.getwch()
            if typed:
                return typed
            time.sleep(0.01)
        return ""
