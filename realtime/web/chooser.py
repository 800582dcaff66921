"""Choosing whom to follow: the video hangs in the 3D view of whoever asks, and a click on a person counts.

The panel's own picture takes no clicks in viser, pictures in the scene do. A scene picture lies in the
plane z = 0 of its own axes, x to the right and y down, as a camera's picture does: hung up with the
viewer's own orientation, it faces them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.data import Image
from realtime.web.panel import add_button

AHEAD_M = 1.0
"""Distance of the picture from the viewer."""
SHARE = 0.9
"""Of the view that the picture fills."""
ASK, ASKED = "Follow somebody else", "Click on the person (here: cancel)"
HINT = "Click on the person to follow."
Choose = Callable[[float, float], None]
"""Takes the place clicked, in pixels of the frame."""


class Chooser:
    """A button in the panel, and a picture for each viewer who pressed it until they have clicked."""

    def __init__(self, server: Any, choose: Choose) -> None:
        self._choose = choose
        self._hung: dict[int, Any] = {}
        self._image: Image | None = None
        self._size = (1, 1)
        self._button = add_button(server.gui, ASK, HINT)
        self._button.on_click(self._pressed)
        server.on_client_disconnect(lambda client: self._forget(client.client_id))

    def show(self, image: Image, size: tuple[int, int]) -> None:
        """The newest picture (H,W,3) RGB, shrunk from a frame of `size` (width, height)."""
        self._image, self._size = image, size
        for picture in list(self._hung.values()):
            picture.image = image

    def _pressed(self, event: Any) -> None:
        client = event.client
        if client is None or self._image is None:
            return
        if client.client_id in self._hung:
            self._take_down(client.client_id)
            return
        camera, height_px, width_px = client.camera, *self._image.shape[:2]
        width, height = fitting(camera.fov, camera.aspect, width_px / height_px)
        turn = rotation(np.asarray(camera.wxyz))
        place = np.asarray(camera.position) + turn[:, 2] * AHEAD_M
        picture = client.scene.add_image(
            "/choose", self._image, width, height, format="jpeg", wxyz=camera.wxyz, position=place,
            cast_shadow=False, receive_shadow=False,
        )  # fmt: skip

        def clicked(click: Any) -> None:
            hit = hit_m(np.array(click.ray_origin), np.array(click.ray_direction), turn, place)
            self._take_down(client.client_id)
            if hit is not None:
                x, y = hit[0] / width + 0.5, hit[1] / height + 0.5
                self._choose(x * self._size[0], y * self._size[1])

        picture.on_click(clicked)
        self._hung[client.client_id] = picture
        self._button.label = ASKED

    def _take_down(self, client_id: int) -> None:
        if (picture := self._forget(client_id)) is not None:
            picture.remove()

    def _forget(self, client_id: int) -> Any:
        """Their picture, if there is one, which goes by itself with the viewer."""
        picture = self._hung.pop(client_id, None)
        self._button.label = ASKED if self._hung else ASK
        return picture


def fitting(fov_rad: float, view_aspect: float, picture_aspect: float) -> tuple[float, float]:
    """Metres (width, height) of a picture that fills its share of a view `AHEAD_M` away."""
    height = 2 * AHEAD_M * math.tan(fov_rad / 2) * SHARE
    height = min(height, height * view_aspect / picture_aspect)
    return height * picture_aspect, height


def rotation(wxyz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Unit quaternion (4,) to matrix (3,3)."""
    w, x, y, z = wxyz / np.linalg.norm(wxyz)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def hit_m(
    origin: NDArray[np.floating],
    direction: NDArray[np.floating],
    turn: NDArray[np.floating],
    place: NDArray[np.floating],
) -> tuple[float, float] | None:
    """Where a ray meets the picture's plane, metres right and down of its middle; None where it does not."""
    start, along = turn.T @ (origin - place), turn.T @ direction
    if abs(along[2]) < 1e-9:
        return None
    x, y, _ = start - along * (start[2] / along[2])
    return float(x), float(y)
