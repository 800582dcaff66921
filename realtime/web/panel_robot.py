"""Tab: the robot's state, a button that must be held, stop and emergency stop."""

from __future__ import annotations

from html import escape
from typing import Any

from realtime.cockpit.robot import RobotSwitch, RobotView
from realtime.retarget.robot_pose import RobotState
from realtime.web.panel import add_button
from realtime.web.theme import STYLE

BEAT_HZ = 20.0
"""Heartbeats while the button is down; the robot stops after 0.3 s without one."""
KINDS = {
    RobotState.FOLLOWING: "good",
    RobotState.RAMPING: "warn",
    RobotState.HOLDING: "warn",
    RobotState.STOPPED: "dim",
    RobotState.DISARMED: "dim",
    RobotState.ESTOP: "bad",
}


class RobotPanel:
    """Arms by holding a button; whoever lets go, or goes away, stops the robot."""

    title = "Robot"

    def __init__(self, robot: RobotSwitch) -> None:
        self._robot = robot
        self._state: Any = None
        self._reset: Any = None
        self._refusal = ""

    def lay_out(self, server: Any) -> None:
        """Make the controls."""
        gui, robot = server.gui, self._robot
        self._state = gui.add_html("")
        hold = add_button(
            gui, "Hold to move", "The robot moves only while this is held. Let go: it brakes and stands.",
            color="green", above=True,
        )  # fmt: skip
        # On a tablet a long press would otherwise open a menu, or scroll, and end the hold.
        gui.add_html(
            f'<style>button[id="{hold._impl.uuid}"]{{touch-action:none;user-select:none;'
            "-webkit-touch-callout:none;min-height:3em}</style>"
        )
        hold.on_hold(self._held, callback_hz=BEAT_HZ)
        hold.on_click(lambda event: robot.release(event.client.client_id))
        server.on_client_disconnect(lambda client: robot.release(client.client_id))
        estop = add_button(
            gui, "EMERGENCY STOP (E)", "Brake as hard as its limits allow, at once; the E key does it, too.",
            color="red",
        )  # fmt: skip
        estop.on_click(lambda _event: robot.estop())
        gui.add_html(f'<style>button[id="{estop._impl.uuid}"]{{min-height:3em}}</style>')
        stop = add_button(gui, "Stop", "Brake, then stand still until it is armed again.")
        stop.on_click(lambda _event: robot.stop())
        key = gui.add_command("Robot: emergency stop", description="Brake at once", hotkey="E")
        key.on_trigger(lambda _event: robot.estop())
        self._reset = add_button(gui, "Reset", "Leave the emergency stop; then it can be armed.")
        self._reset.on_click(lambda _event: robot.reset())

    def refresh(self) -> None:
        """State and counters."""
        view = self._robot.view
        self._reset.disabled = view.state is not RobotState.ESTOP
        self._state.content = robot_html(self._robot.name, view, self._refusal)

    async def _held(self, event: Any) -> None:
        """In viser's own loop, so that heartbeats stay in order and wait for no thread."""
        if event.client is not None:
            self._refusal = self._robot.hold(event.client.client_id)


def robot_html(name: str, view: RobotView, refusal: str) -> str:
    """The state in a word, why, and what became of the commands."""
    state = f'<span class="{KINDS[view.state]}" style="font-weight:650">{view.state.value}</span>'
    why = escape(refusal or view.reason)
    rows = "".join(
        f"<tr><td>{escape(transport)}"
        + (f'<div class="bad">{escape(failure)}</div>' if failure else "")
        + f'</td><td class="n">{sent}</td><td class="n">{dropped}</td></tr>'
        for transport, sent, dropped, failure in view.outlets
    )
    head = "<tr><th>goes to</th><th class=n>sent</th><th class=n>dropped</th></tr>"
    table = (
        f"<table>{head}{rows}</table>" if rows else '<span class="dim">It goes nowhere (--robot-out).</span>'
    )
    return (
        f'{STYLE}<div class="sc"><div class="row"><b>{escape(name)}</b>{state}</div>'
        f'<div class="dim">{why or "&nbsp;"}</div>{table}</div>'
    )
