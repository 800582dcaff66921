"""What a user reads of an error that nobody foresaw: one line, not a traceback."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

MAX_CHARS = 300


def last_words(error: BaseException) -> str:
    """Kind and message of an error, on one line of bounded length."""
    message = " ".join(str(error).split())
    if len(message) > MAX_CHARS:
        message = message[: MAX_CHARS - 1] + "…"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


@contextmanager
def threads_end_in_one_line(*, debug: bool) -> Iterator[None]:
    """An error that ends a thread is logged in one line inside the block; with `debug` Python tells all."""
    before = threading.excepthook
    if not debug:
        threading.excepthook = _log_end
    try:
        yield
    finally:
        threading.excepthook = before


def _log_end(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or isinstance(args.exc_value, SystemExit):
        return
    name = "a thread" if args.thread is None else f"the thread '{args.thread.name}'"
    log.error("Unforeseen, in %s: %s. Add --debug to see where.", name, last_words(args.exc_value))
