"""`sealcap devices`: the cameras of this machine."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from realtime.sources.camera import probe_modes
from realtime.sources.devices import hint, list_cameras


def devices() -> int:
    """List the cameras of this machine, with the number to give to `sealcap run`."""
    console = Console(highlight=False)
    cameras = list_cameras()
    if not cameras:
        console.print(f"No camera was found. {hint()}", soft_wrap=True)
        console.print("Without one, try: sealcap run demo, sealcap run VIDEO.mp4", soft_wrap=True)
        return 0
    table = Table("number", "name", "device", "sizes")
    for camera in cameras:
        modes = ", ".join(probe_modes(camera.index)) or "in use, or may not be opened"
        table.add_row(str(camera.index), camera.name, camera.path, modes)
    console.print(table)
    console.print(f"Start with: sealcap run {cameras[0].index}")
    return 0
