"""`sealcap robot`: which robots there are, and what is right and wrong with one of your own."""

from __future__ import annotations

from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Column, Table

from lifting.errors import ConfigError, SealcapError
from realtime.retarget.model_source import locate_model
from realtime.retarget.robot_file import load_robot, robot_names

MARKS = {"ok": "[green]ok[/]", "look": "[yellow]look[/]", "wrong": "[red]wrong[/]"}


def list_robots() -> int:
    """The packaged robots, and whether their models are on this machine."""
    table = Table(Column("name", no_wrap=True), "model here", "model", box=None)
    for name in robot_names():
        file = load_robot(name)
        try:
            locate_model(file.model, file.folder)
            here = "yes"
        except SealcapError:
            here = "-"
        table.add_row(name, here, file.model)
    console = Console(highlight=False)
    console.print(table)
    console.print("One of your own: copy one of configs/robots/, then: sealcap robot check FILE.yaml")
    return 0


def check(
    robot: Annotated[str, tyro.conf.Positional],
    seconds: Annotated[float, tyro.conf.arg(help="Of the motion it is tried with.")] = 26.0,
) -> int:
    """Read a robot's YAML and model, measure it, and try it with a motion: stand, walk, turn, sit, wave.

    Args:
        robot: FILE.yaml of your own, or the name of a packaged robot (g1, talos, humanoid, panda, ur5).
    """
    if not 1 <= seconds <= 600:
        raise ConfigError(f"--seconds {seconds:g}: give 1 to 600.")
    file = load_robot(robot)
    from realtime.retarget.check import check_robot
    from realtime.retarget.robot_model import load_model

    console, wrong = Console(highlight=False, soft_wrap=True), 0
    with Console(stderr=True).status(f"measuring {file.name} and trying it, about half a minute ..."):
        findings = list(check_robot(load_model(file), file, seconds))
    for finding in findings:
        wrong += finding.verdict == "wrong"
        console.print(f"{MARKS[finding.verdict]:<18} {finding.what:<15} {finding.text}", markup=True)
    console.print(f"{file.name}: {wrong} wrong." if wrong else f"{file.name} can be driven.")
    return 1 if wrong else 0
