"""`sealcap align`: where the person stands and looks now becomes the middle and the front."""

from __future__ import annotations

import socket
from typing import Annotated

import tyro
from rich.console import Console

from lifting.errors import ConfigError
from realtime.osc_packets import BUNDLE, message
from realtime.vmc.commands import DEFAULT_PORT


def align(
    port: Annotated[int, tyro.conf.arg(help="The --vmc-commands of that run.")] = DEFAULT_PORT,
) -> int:
    """Tell a run on this machine to put its avatars into the middle of their stages, and VRChat's trackers in
    line with the headset. Stand where you want to be, look straight ahead, then send it.
    """
    if not 1 <= port <= 65535:
        raise ConfigError(f"--port {port}: ports lie in 1..65535, such as {DEFAULT_PORT}.")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(BUNDLE + message("/VMC/Ext/Set/Calib/Exec", "i", 0), ("127.0.0.1", port))
    Console().print(f"Sent to port {port}. A run with --vmc or --vrchat obeys with its next frame.")
    return 0
