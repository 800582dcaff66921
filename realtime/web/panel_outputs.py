"""Tab: outputs on and off, and how they do."""

from __future__ import annotations

from html import escape
from typing import Any

from realtime.cockpit.outputs import Output, Outputs
from realtime.web.panel import Shown, note
from realtime.web.theme import STYLE

WORDS = {"on": ("on", "good"), "off": ("off", "dim"), "busy": ("...", "dim"), "failed": ("failed", "bad")}
NONE_YET = (
    "This run has no outputs. Name them when you start it, such as --vmc 127.0.0.1:39539 or "
    "--zmq tcp://127.0.0.1:5570."
)


class OutputsPanel:
    """A switch for each output, and a table of what became of the frames."""

    title = "Outputs"

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._switches: list[tuple[Output, Shown]] = []
        self._table: Any = None

    def lay_out(self, server: Any) -> None:
        """Make the controls."""
        gui = server.gui
        if not self._outputs.all:
            gui.add_html(note(NONE_YET))
        for output in self._outputs.all:
            if output.build is not None:
                switch = gui.add_checkbox(
                    short(output.name),
                    initial_value=True,
                    hint="Off closes it; on opens it again, also after a failure.",
                )
                switch.on_update(lambda event, output=output: self._switched(event, output))
                self._switches.append((output, Shown(switch, True)))
        self._table = gui.add_html("")

    def refresh(self) -> None:
        """States and counters."""
        for output, switch in self._switches:
            if not output.busy:
                switch.follow(output.works, output.tries)
        self._table.content = outputs_html(self._outputs.all)

    def _switched(self, event: Any, output: Output) -> None:
        if event.client is not None:
            self._outputs.switch(output, on=event.target.value)


def short(name: str) -> str:
    """zmq tcp://127.0.0.1:5570 → zmq :5570; the label's place is narrow, the table has the whole name."""
    return name.replace("tcp://", "").replace("ws://", "").replace("127.0.0.1:", ":")


def outputs_html(outputs: list[Output]) -> str:
    """State, frames sent and dropped; why something failed is said by a banner."""
    if not outputs:
        return ""
    rows = "".join(_row(output) for output in outputs)
    head = "<tr><th>output</th><th>state</th><th class=n>sent</th><th class=n>dropped</th></tr>"
    return f'{STYLE}<div class="sc"><table>{head}{rows}</table></div>'


def _row(output: Output) -> str:
    word, kind = WORDS[output.state]
    lost = "warn" if output.dropped else ""
    return (
        f'<tr><td>{escape(output.name)}</td><td class="{kind}" style="white-space:nowrap">{word}</td>'
        f'<td class="n">{output.sent}</td><td class="n {lost}">{output.dropped}</td></tr>'
    )
