"""In place of detector and tracker where a session without video is processed again."""

from __future__ import annotations

from typing import Protocol

from realtime.data import Frame, Keypoints


class PersonTracker(Protocol):
    """Tells who is where in each frame."""

    def update(self, frame: Frame) -> list[Keypoints]:
        """Joints of everybody followed who is seen in `frame`, by person number."""

    def choose(self, x_px: float, y_px: float) -> None:
        """Follow whoever stands at this place of the picture; from any thread."""

    def restart(self) -> None:
        """The next frame comes from elsewhere: forget everybody."""


class RecordedTracker:
    """Hands on the 2D joints that frames of a session carry, of everybody who was followed back then."""

    def update(self, frame: Frame) -> list[Keypoints]:
        """By person number; empty for frames that carry none."""
        return sorted(frame.recorded or (), key=lambda k: k.person_id)

    def choose(self, x_px: float, y_px: float) -> None:
        """Nobody else was followed, so there is no one to choose."""

    def restart(self) -> None:
        """Nothing is remembered."""
