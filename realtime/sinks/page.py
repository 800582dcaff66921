"""The web page: video with overlay, the 3D figure on its floor, how well it goes, and what can be done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lifting.errors import SinkError
from realtime.cockpit.banners import Banner
from realtime.data import Image, Motion
from realtime.exposure import Listener, is_loopback, own_address
from realtime.web.chooser import Chooser
from realtime.web.overlay import draw_overlay, shrink
from realtime.web.palette import BACKDROP
from realtime.web.panel import Panel, add_button
from realtime.web.panel_health import HealthPanel
from realtime.web.status import Facts, Rolling, banners_html, headline_html
from realtime.web.theme import DARK, LIGHT, apply

if TYPE_CHECKING:
    from realtime.avatar.model import AvatarModel
    from realtime.retarget.robot_model import RobotModel
    from realtime.retarget.robot_pose import RobotCommand
    from realtime.web.scene import Scene
    from realtime.web.server import PageServer

    RobotToShow = tuple[RobotModel, Callable[[], RobotCommand | None]]

SCENE_PERIOD_NS = 1_000_000_000 // 30
VIDEO_PERIOD_NS = 1_000_000_000 // 15
STATUS_S = 0.25
"""Period of everything that is text: it goes on when no frame comes, to say so."""
EARLY_NS = 4_000_000
"""An update this much before its turn goes out all the same: frames at 30 fps jitter around the period."""
VIDEO_WIDTH_PX = 640
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
        source: Callable[[], str] | str = "",
        facts: Callable[[], Facts] = Facts,
        warnings: Callable[[], Sequence[Banner]] = tuple,
        recording: Callable[[], str] = str,
        seen: Callable[[Motion], None] | None = None,
        panels: Sequence[Panel] = (),
        avatar: AvatarModel | None = None,
    ) -> None:
        """Port 0 lets the system choose one. `source` names the camera or file. What is called four times a
        second, from a thread of the page's own: `facts` for counters and assumptions, `warnings` for what is
        wrong, `recording` for the take that is being made. `seen` gets every frame, in the sink's thread.
        `panels` become tabs. `avatar` is a character to move beside the first person."""
        self._host, self._port, self._title = host, port, title
        self._source = source
        self._warnings, self._recording, self._seen = warnings, recording, seen
        self._avatar = avatar
        self._robot: RobotToShow | None = None
        self._rolling = Rolling()
        self._health = HealthPanel(self._rolling, facts)
        self._panels: tuple[Panel, ...] = (*panels, self._health)
        self._chooser: Chooser | None = None
        self._server: PageServer | None = None
        self._scene: Scene | None = None
        self._banners: Any = None
        self._video: Any = None
        self._headline: Any = None
        self._light_viewers: set[int] = set()
        self._last: Motion | None = None
        self._due_ns = dict.fromkeys(("scene", "video"), 0)
        self._drawing = threading.Lock()
        self._closing = threading.Event()
        self._ticker: threading.Thread | None = None

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
        server.viser.on_client_disconnect(lambda client: self._light_viewers.discard(client.client_id))
        self._closing.clear()
        self._ticker = threading.Thread(target=self._tick, name="page", daemon=True)
        self._ticker.start()

    def extend(
        self,
        panels: Sequence[Panel],
        robot: RobotToShow | None = None,
    ) -> None:
        """Once the run is there: more tabs, before the one that is always there, and a robot to show beside
        the person, with where its newest command is found."""
        with self._drawing:
            self._panels = (*panels, *self._panels)
            self._robot = robot
            if self._server is not None:
                self._add_tabs(self._server.viser)
                self._show_robot()

    def write(self, motion: Motion) -> None:
        """Show one frame, as far as its parts are due. Raises SinkError when the page is not open."""
        if self._server is None:
            raise SinkError("The web page is closed; open() it before writing.")
        self._rolling.add(motion)
        self._last = motion
        if self._seen is not None:
            self._seen(motion)
        if self._server.watched:
            with self._drawing:
                self._draw(motion, time.monotonic_ns())

    def close(self) -> None:
        """Stop listening; browsers are cut off."""
        server, self._server = self._server, None
        if server is not None:
            self._closing.set()
            with self._drawing:
                server.close()
                self._scene = None

    def _lay_out(self, viser: Any) -> None:
        apply(viser.gui, DARK)
        viser.gui.main_panel.dock_right()
        viser.gui.set_panel_label(self._title)
        self._banners = viser.gui.add_html("")
        self._video = viser.gui.add_image(_blank(), format="jpeg", jpeg_quality=JPEG_QUALITY)
        self._headline = viser.gui.add_html(headline_html(self._named(), None, self._rolling))
        self._tabs: Any = None
        self._add_tabs(viser)
        self._show_robot()
        for title, key, act in (
            ("Centre the view", "C", self._recentre),
            ("Light or dark", "L", self._repaint),
        ):
            command = viser.gui.add_command(title, hotkey=key)
            command.on_trigger(act)

    def _add_tabs(self, viser: Any) -> None:
        """All tabs anew: one made later would stand last."""
        if self._tabs is not None:
            self._tabs.remove()
        self._tabs = viser.gui.add_tab_group()
        for panel in self._panels:
            with self._tabs.add_tab(panel.title):
                panel.lay_out(viser)
                if panel is self._health:
                    self._lay_out_view(viser.gui)
            self._chooser = getattr(panel, "chooser", None) or self._chooser

    def _lay_out_view(self, gui: Any) -> None:
        centre = add_button(gui, "Centre the view (C)", "Look at the person from the front.")
        centre.on_click(self._recentre)
        paint = add_button(gui, "Light or dark (L)", "Change the colours of the page, for you alone.")
        paint.on_click(self._repaint)

    def _show_robot(self) -> None:
        if self._robot is not None and self._scene is not None:
            self._scene.add_robot(*self._robot)

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

    def _is_due(self, part: str, period_ns: int, now_ns: int) -> bool:
        due_ns = self._due_ns[part]
        if now_ns < due_ns - EARLY_NS:
            return False
        # From the planned time, not from now, so that the rate does not sag; after a pause from now.
        self._due_ns[part] = max(due_ns, now_ns - period_ns) + period_ns
        return True

    def _tick(self) -> None:
        """Until the page closes: everything that is text."""
        while not self._closing.wait(STATUS_S):
            self._health.note(self._last, time.monotonic())
            if self.watched:
                with self._drawing:
                    self._refresh()

    def _refresh(self) -> None:
        server = self._server
        if server is None:
            return
        with server.viser.atomic():
            self._banners.content = banners_html(self._warnings())
            self._headline.content = headline_html(
                self._named(), self._last, self._rolling, self._recording()
            )
            for panel in self._panels:
                panel.refresh()

    def _named(self) -> str:
        return self._source if isinstance(self._source, str) else self._source()

    def _greet(self, _client: Any) -> None:
        """Show a newcomer where things stand, also when no frame comes any more."""
        motion = self._last
        with self._drawing:
            if motion is not None:
                self._due_ns = dict.fromkeys(self._due_ns, 0)
                self._draw(motion, time.monotonic_ns())
            self._refresh()

    def _recentre(self, _event: Any) -> None:
        with self._drawing:
            if self._scene is not None:
                self._scene.recentre()

    def _repaint(self, event: Any) -> None:
        """The other theme for whoever asked, and nobody else."""
        from realtime.web.scene import paint

        client = event.client
        if client is None:
            return
        dark = client.client_id in self._light_viewers
        (self._light_viewers.discard if dark else self._light_viewers.add)(client.client_id)
        theme = DARK if dark else LIGHT
        apply(client.gui, theme)
        paint(client.scene, theme)


def _picture(motion: Motion) -> Image:
    """The frame with its figures, small, RGB."""
    image = draw_overlay(*shrink(motion.frame.image, motion.keypoints, VIDEO_WIDTH_PX))
    rgb: Image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _blank() -> Image:
    return np.full((9 * 35, 16 * 35, 3), BACKDROP, np.uint8)
