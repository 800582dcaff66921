"""Tab: how the body is solved, and what it is measured by."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from realtime.cockpit.tuning import FOOT_MODES, STAND_S, Tuning
from realtime.web.panel import Shown, add_button, note

ALIGN_HINT = (
    "Stand where you want to be and look straight ahead: avatars go to the middle and learn your bones, "
    "VRChat turns with you. A T-pose is welcome, but not needed."
)
ALIGN_DELAY_S = 5.0
"""From the button to the alignment: time to walk back to where one wants to stand."""
SHORTEST_M, TALLEST_M, USUAL_M = 0.5, 2.6, 1.70


class BodyPanel:
    """Smoothing, feet, mirror; height, floor, alignment."""

    title = "Body"

    def __init__(self, tuning: Tuning | None, align: Callable[[], None] | None) -> None:
        """None: a recording, which is solved already; no output that could be aligned."""
        self._tuning, self._align = tuning, align
        self._told: Any = None
        self._message = ""
        self._aligned_s = math.inf
        self._controls: dict[str, Shown] = {}

    def lay_out(self, server: Any) -> None:
        """Make the controls."""
        gui = server.gui
        if self._tuning is not None:
            self._lay_out_solver(gui, self._tuning)
            self._lay_out_measures(gui, self._tuning)
        if self._align is not None:
            told = self._align
            align = add_button(gui, "Align avatars in 5 s", ALIGN_HINT, above=True)
            align.on_click(lambda _event: self._aligned(told))
        self._told = gui.add_html("")

    def refresh(self) -> None:
        """Show the options as they are: another viewer may have set them."""
        if time.monotonic() >= self._aligned_s:
            self._message, self._aligned_s = "Aligned.", math.inf
        self._told.content = note(self._message, "info")
        if self._tuning is None:
            return
        options = self._tuning.options
        for name, control in self._controls.items():
            control.follow(getattr(options, name))
        height = options.height_m
        self._automatic.follow(height is None)
        self._height.control.disabled = self._automatic.control.value
        if height is not None:
            self._height.follow(height)

    def _lay_out_solver(self, gui: Any, tuning: Tuning) -> None:
        options = tuning.options
        smooth = gui.add_slider(
            "Smoothing", 0.0, 1.0, 0.05, options.smooth, hint="0: quick and lively. 1: calm, a little late."
        )
        feet = gui.add_dropdown(
            "Foot lock", FOOT_MODES, initial_value=options.foot_lock,
            hint="auto: feet on the floor stay put; always: even more so; ground: never sink; never: off.",
        )  # fmt: skip
        mirror = gui.add_checkbox(
            "Mirror", options.mirror, hint="The figure raises its left hand when you raise the right one."
        )
        for name, control in {"smooth": smooth, "foot_lock": feet, "mirror": mirror}.items():
            self._controls[name] = Shown(control, getattr(options, name))
            control.on_update(lambda event, name=name: self._set(event, name))

    def _lay_out_measures(self, gui: Any, tuning: Tuning) -> None:
        height = tuning.options.height_m
        automatic = gui.add_checkbox(
            "Guess height", height is None, hint="Guess it from the figure. Your own in metres is better."
        )
        metres = gui.add_number(
            "Height (m)", height or USUAL_M, min=SHORTEST_M, max=TALLEST_M, step=0.01,
            disabled=height is None, hint="Height of the person in metres; it scales everything.",
        )  # fmt: skip
        metres.on_update(self._set_height)
        automatic.on_update(self._set_height)
        self._automatic, self._height = Shown(automatic, height is None), Shown(metres, metres.value)
        measure = add_button(
            gui,
            "Measure floor: stand still",
            "Stand upright, both feet in view, for four seconds.",
            above=True,
        )
        measure.on_click(lambda _event: self._measure(tuning))

    def _set(self, event: Any, name: str) -> None:
        if event.client is not None and self._tuning is not None:
            self._tuning.set(**{name: event.target.value})

    def _set_height(self, event: Any) -> None:
        if event.client is None or self._tuning is None:
            return
        self._height.control.disabled = automatic = self._automatic.control.value
        height = min(max(float(self._height.control.value), SHORTEST_M), TALLEST_M)
        self._tuning.set(height_m=None if automatic else height)

    def _measure(self, tuning: Tuning) -> None:
        self._message = f"Stand still for {STAND_S:.0f} seconds ..."
        tuning.measure(self._tell)

    def _aligned(self, align: Callable[[], None]) -> None:
        self._message = f"Stand in the middle and look ahead: alignment in {ALIGN_DELAY_S:.0f} seconds."
        self._aligned_s = time.monotonic() + ALIGN_DELAY_S
        align()

    def _tell(self, text: str) -> None:
        self._message = text
