"""The web page: video with overlay, the 3D figure on its floor, and how well it goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lifting.errors import SinkError
from realtime.data import Image, Motion
from realtime.exposure import Listener, is_loopback, own_address
from realtime.web.chooser import Choose, Chooser
from realtime.web.overlay import draw_overlay, shrink
from realtime.web.palette import BACKDROP, LEFT
from realtime.web.status import Facts, Rolling, status_html

if TYPE_CHECKING:
    from realtime.avatar.model import AvatarModel
    from realtime.web.scene import Scene
    from realtime.web.server import PageServer

SCENE_PERIOD_NS = 1_000_000_000 // 30
VIDEO_PERIOD_NS = 1_000_000_000 // 15
STATUS_PERIOD_NS = 1_000_000_000 // 4
EARLY_NS = 4_000_000
"""An update this much before its turn goes out all the same: frames at 30 fps jitter around the period."""
VIDEO_WIDTH_PX = 640
ALIGN_HINT = (
    "Stand where you want to be and look straight ahead: avatars go to the middle, VRChat turns with you."
)
JPEG_QUALITY = 72


class WebPage:
    """Sink that shows the run in a browser. Works only while somebody looks."""

    queue = 1

    def __init__(
        self,
        port: int = 8080,
        *,
        host: str = "127.0.0.1",
        title: str = "Sealcap",
        source: str = "",
        facts: Callable[[], Facts] = Facts,
        choose: Choose | None = None,
        align: Callable[[], None] | None = None,
        avatar: AvatarModel | None = None,
    ) -> None:
        """Port 0 lets the system choose one. `source` names the camera or file; `facts` is asked four
        times a second for counters and assumptions, from the sink's own thread. `choose` is told, from a
        thread of the page's, where in the frame the user clicked to follow somebody else; `align`, that
        avatars are to be put where the person stands. `avatar` is a character to move beside them."""
        self._host, self._port, self._title = host, port, title
        self._source, self._facts, self._choose = source, facts, choose
        self._avatar = avatar
        self._align = align
        self._chooser: Chooser | None = None
        self._server: PageServer | None = None
        self._scene: Scene | None = None
        self._video: Any = None
        self._status: Any = None
        self._rolling = Rolling()
        self._last: Motion | None = None
        self._due_ns = dict.fromkeys(("scene", "video", "status"), 0)
        self._drawing = threading.Lock()

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"page {self.url}"

    @property
    def url(self) -> str:
        """Where the page is, or will be once open."""
        return self._server.url if self._server else f"http://localhost:{self._port}"

    @property
    def link(self) -> str:
        """`url` with the token that a page beyond this machine asks for; for the user's eyes alone."""
        return self._server.link if self._server else self.url

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The page, when other machines can reach it."""
        if self._server is None or is_loopback(self._host):
            return ()
        link = self._server.link.replace("//localhost:", f"//{own_address()}:")
        where = f"{self._host}:{self._server.port}"
        return (Listener("page", where, "who has this link, with its token", link),)

    @property
    def watched(self) -> bool:
        """True while a browser shows the page."""
        return self._server is not None and self._server.watched

    def open(self) -> None:
        """Listen and lay out the page; nothing when open already. Raises SinkError when the port is taken."""
        if self._server is not None:
            return
        from realtime.web.scene import Scene
        from realtime.web.server import PageServer

        server = PageServer(self._host, self._port, self._title)
        self._server = server
        self._scene = Scene(server.viser, self._avatar)
        self._lay_out(server.viser)
        server.viser.on_client_connect(self._greet)

    def write(self, motion: Motion) -> None:
        """Show one frame, as far as its parts are due. Raises SinkError when the page is not open."""
        if self._server is None:
            raise SinkError("The web page is closed; open() it before writing.")
        self._rolling.add(motion)
        self._last = motion
        if self._server.watched:
            with self._drawing:
                self._draw(motion, time.monotonic_ns())

    def close(self) -> None:
        """Stop listening; browsers are cut off."""
        server, self._server = self._server, None
        if server is not None:
            with self._drawing:
                server.close()
                self._scene = None

    def _lay_out(self, viser: Any) -> None:
        viser.gui.configure_theme(
            dark_mode=True,
            control_width="large",
            show_logo=False,
            show_share_button=False,
            brand_color=LEFT,
        )
        viser.gui.main_panel.dock_right()
        viser.gui.set_panel_label(self._title)
        self._video = viser.gui.add_image(_blank(), format="jpeg", jpeg_quality=JPEG_QUALITY)
        self._status = viser.gui.add_html(status_html(self._source, None, self._rolling, Facts()))
        centre = viser.gui.add_button("Centre the view", color="gray")
        centre.on_click(self._recentre)
        if self._align is not None:
            align, told = (
                viser.gui.add_button("Align avatars in 5 s", color="gray", hint=ALIGN_HINT),
                self._align,
            )
            align.on_click(lambda _event: told())
        if self._choose is not None:
            self._chooser = Chooser(viser, self._choose)

    def _draw(self, motion: Motion, now_ns: int) -> None:
        server, scene = self._server, self._scene
        if server is None or scene is None:
            return
        with server.viser.atomic():
            if self._is_due("scene", SCENE_PERIOD_NS, now_ns):
                scene.show(motion.people, motion.frame.capture_time_ns)
            if self._is_due("video", VIDEO_PERIOD_NS, now_ns):
                self._video.image = picture = _picture(motion)
                if self._chooser is not None:
                    self._chooser.show(picture, motion.frame.size)
            if self._is_due("status", STATUS_PERIOD_NS, now_ns):
                self._status.content = status_html(self._source, motion, self._rolling, self._facts())

    def _is_due(self, part: str, period_ns: int, now_ns: int) -> bool:
        due_ns = self._due_ns[part]
        if now_ns < due_ns - EARLY_NS:
            return False
        # From the planned time, not from now, so that the rate does not sag; after a pause from now.
        self._due_ns[part] = max(due_ns, now_ns - period_ns) + period_ns
        return True

    def _greet(self, _client: Any) -> None:
        """Show a newcomer where things stand, also when no frame comes any more."""
        motion = self._last
        if motion is not None:
            with self._drawing:
                self._due_ns = dict.fromkeys(self._due_ns, 0)
                self._draw(motion, time.monotonic_ns())

    def _recentre(self, _event: Any) -> None:
        with self._drawing:
            if self._scene is not None:
                self._scene.recentre()


def _picture(motion: Motion) -> Image:
    """The frame with its figures, small, RGB."""
    image = draw_overlay(*shrink(motion.frame.image, motion.keypoints, VIDEO_WIDTH_PX))
    rgb: Image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _blank() -> Image:
    return np.full((9 * 35, 16 * 35, 3), BACKDROP, np.uint8)
