"""Single keys from a terminal, without Enter."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any


class Keys:
    """While open, keys are read as they are pressed. Without a terminal there are none."""

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

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._restore)

    def pressed(self, wait_s: float) -> str:
        """The next key, or nothing after `wait_s` seconds."""
        if sys.platform == "win32":
            return _pressed_windows(wait_s)
        if self._restore is None:
            time.sleep(wait_s)
            return ""
        import select

        ready, _, _ = select.select([sys.stdin], [], [], wait_s)
        return sys.stdin.read(1) if ready else ""


if sys.platform == "win32":

    def _pressed_windows(wait_s: float) -> str:
        import msvcrt

        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            if msvcrt.kbhit():
                return msvcrt.getwch()
            time.sleep(0.01)
        return ""
