"""Tab: where frames come from, whom to follow, how the stage is seen."""

from __future__ import annotations

from typing import Any

from realtime.cockpit.camera import CameraSwitch, Choice
from realtime.web.chooser import Choose, Chooser
from realtime.web.panel import Shown, add_button, note

NOT_HERE = "A recorded source cannot be switched; end the run and start another."


class CameraPanel:
    """Source and person."""

    title = "Camera"

    def __init__(self, camera: CameraSwitch | None, choose: Choose | None) -> None:
        """None: the source cannot be switched, nobody can be chosen."""
        self.chooser: Chooser | None = None
        self._camera, self._choose = camera, choose
        self._choices: list[Choice] = []
        self._list: Shown | None = None
        self._told: Any = None

    def lay_out(self, server: Any) -> None:
        """Make the controls."""
        gui = server.gui
        if self._camera is None:
            gui.add_html(note(NOT_HERE))
        else:
            self._lay_out_source(gui, self._camera)
        if self._choose is not None:
            self.chooser = Chooser(server, self._choose)

    def _lay_out_source(self, gui: Any, camera: CameraSwitch) -> None:
        self._choices = camera.choices()
        labels = [choice.label for choice in self._choices]
        sources = gui.add_dropdown(
            "Source",
            labels,
            initial_value=self._label(camera.spec),
            hint="The camera that is used from now on.",
        )
        sources.on_update(lambda event: self._chosen(event))
        self._list = Shown(sources, sources.value)
        restart = add_button(gui, "Restart the camera", "Close it and open it again.")
        restart.on_click(lambda _event: camera.switch(camera.spec))
        again = add_button(gui, "Look for cameras", "List what is plugged in now.")
        again.on_click(lambda _event: self._look_again())
        self._told = gui.add_html("")

    def refresh(self) -> None:
        """Say what goes on; after a failed switch the list shows what really runs."""
        camera = self._camera
        if camera is None or self._list is None:
            return
        text = f"{camera.error} " if camera.error else "Opening ..." if camera.busy else ""
        self._told.content = note(text, "bad" if camera.error else "dim")
        if not camera.busy:
            self._list.follow(self._label(camera.spec), camera.tries)

    def _chosen(self, event: Any) -> None:
        if event.client is None or self._camera is None:  # we set it ourselves
            return
        spec = next((c.spec for c in self._choices if c.label == event.target.value), self._camera.spec)
        if spec != self._camera.spec:
            self._camera.busy = True  # at once, or the list would jump back before the thread begins
            self._camera.switch(spec)

    def _look_again(self) -> None:
        if self._camera is not None and self._list is not None:
            self._choices = self._camera.choices()
            self._list.control.options = [choice.label for choice in self._choices]

    def _label(self, spec: str) -> str:
        return next((c.label for c in self._choices if c.spec == spec), self._choices[0].label)
