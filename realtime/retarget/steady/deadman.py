"""Who has armed the output, and whether they are still there.

Arming gives a token. Only messages with that token count as heartbeats; without one for LIMIT_S nobody is
there. Times are those of the tick's clock; a beat "from the future" (a clock that jumped) counts as none.
"""

from __future__ import annotations

import secrets

LIMIT_S = 0.3


class Deadman:
    """Holds the token of who armed last, and when they were heard."""

    def __init__(self) -> None:
        self._token: str | None = None
        self._heard_ns = 0

    def take(self, now_ns: int) -> str:
        """Somebody arms: a new token, and its first beat. The old token is worth nothing any more."""
        self._token, self._heard_ns = secrets.token_hex(16), now_ns
        return self._token

    def beat(self, token: str, now_ns: int) -> bool:
        """A heartbeat; False when the token is not the one that counts, or came too late to keep it."""
        if not self.holds(token) or not self.live(now_ns):
            return False
        self._heard_ns = now_ns
        return True

    def holds(self, token: str) -> bool:
        """True for the token that armed."""
        return self._token is not None and secrets.compare_digest(self._token.encode(), token.encode())

    def live(self, now_ns: int) -> bool:
        """Whether a heartbeat was heard within LIMIT_S."""
        return self._token is not None and abs(now_ns - self._heard_ns) < LIMIT_S * 1e9

    def drop(self) -> None:
        """Nobody holds it."""
        self._token = None


class AlwaysThere(Deadman):
    """For simulations: nobody needs to hold anything."""

    def live(self, now_ns: int) -> bool:  # noqa: ARG002 - the clock does not matter
        """Always."""
        return True
