"""`sealcap robot arm`: a deadman switch in a terminal."""

from __future__ import annotations

import threading
from typing import Annotated

import tyro
from rich.console import Console

from realtime.commands.run import stop_on_signal
from realtime.retarget.deadman import PERIOD_S, DeadmanClient
from realtime.retarget.keys import Keys
from realtime.retarget.steady.control_wire import DEFAULT_ENDPOINT, Reply

STOP_KEYS = "q\x1b"
"""q and Escape."""


def arm(
    endpoint: tyro.conf.Positional[str] = DEFAULT_ENDPOINT,
    /,
    reset: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Leave an emergency stop first.")
    ] = False,
    server_key: Annotated[
        str | None, tyro.conf.arg(help="On another machine: its public key, a file or a known name.")
    ] = None,
) -> int:
    """Let the robot move for as long as this program runs. Space: emergency stop; q or Ctrl-C: stop.

    Args:
        endpoint: The --robot-control of `sealcap run --robot`.
    """
    console = Console(highlight=False, soft_wrap=True)
    stopped = threading.Event()
    with _client(endpoint, server_key) as robot, Keys() as keys, stop_on_signal(stopped):
        if reset:
            robot.reset()
        reply = robot.arm()
        if not reply.ok:
            hint = " Add --reset." if reply.state == "estop" else ""
            console.print(f"Not armed: {reply.error}.{hint}")
            return 1
        console.print("Armed. Space: emergency stop. q or Ctrl-C: stop.")
        return _hold(robot, keys, stopped, console)


def _client(endpoint: str, server_key: str | None) -> DeadmanClient:
    if server_key is None:
        return DeadmanClient(endpoint)
    from realtime.curve import client_keys

    return DeadmanClient(endpoint, keys=client_keys(server_key))


def _hold(robot: DeadmanClient, keys: Keys, stopped: threading.Event, console: Console) -> int:
    """Heartbeats until somebody or something ends it; the exit code is 0 only for a wanted stop."""
    shown = ""
    while not stopped.is_set():
        typed = keys.pressed(PERIOD_S)
        if " " in typed:  # whatever else was pressed with it
            robot.estop()
            console.print("EMERGENCY STOP. To go on: sealcap robot arm --reset")
            return 1
        if keys.gone or not set(typed).isdisjoint(STOP_KEYS):
            break
        reply = robot.heartbeat()
        if not reply.ok:
            console.print(f"Not armed any more: {_told(reply)}.")
            return 1
        if _told(reply) != shown:
            shown = _told(reply)
            console.print(shown)
    robot.stop()
    console.print("Stopped.")
    return 0


def _told(reply: Reply) -> str:
    return f"{reply.state}: {reply.reason}" if reply.reason else reply.state
