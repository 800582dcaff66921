"""`sealcap keys new`, `list` and `allow`: who may connect over the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Column, Table

from realtime import keyring
from realtime.paths import keys_dir

Name = Annotated[str, tyro.conf.Positional]
Text = Annotated[str, tyro.conf.Positional]


def new(name: Name = keyring.DEFAULT_NAME, /) -> int:
    """Make this machine's key pair. The public half may be shown to anybody, the other one stays here.

    Args:
        name: What to call it, where one machine needs several pairs.
    """
    pair = keyring.new_pair(name)
    public = (keys_dir() / f"{name}.pub").absolute()
    console = _console()
    console.print(f"Public key: {pair.public}")
    console.print(f"Its file, to be copied to other machines: {public}")
    console.print("There, to let this machine connect:       sealcap keys allow FILE NAME")
    return 0


def list_keys() -> int:
    """This machine's key pairs, the servers it knows, and who may connect to it."""
    own = {pair.name: pair.public for pair in keyring.pairs()}
    table = Table(Column("what", no_wrap=True), "name", Column("public key", no_wrap=True), box=None)
    for name, public in own.items():
        table.add_row("own pair", name, public)
    for name, public in keyring.servers().items():
        table.add_row("server", name, public)
    for public, name in keyring.allowed().items():
        table.add_row("may connect", name, public)
    console = _console()
    if table.row_count:
        console.print(table)
    else:
        console.print("No keys yet. Make a pair with: sealcap keys new")
    console.print(f"Kept in {keys_dir()}; whose file in `allowed` is deleted may connect no more.")
    return 0


def allow(key: Text, name: Name = "", /) -> int:
    """Let another machine connect.

    Args:
        key: Its public key, in '...', or the file NAME.pub made there by `sealcap keys new`.
        name: What to call that machine; a file's own name if empty.
    """
    public = keyring.find_public(key)
    is_file = keyring.is_file(key)
    path = keyring.allow(public, name or (Path(key).stem if is_file else "client"))
    _console().print(f"{path.stem} may connect, from now on. To take that back, delete {path}")
    return 0


def _console() -> Console:
    """Keys are full of signs that mean something to rich."""
    return Console(highlight=False, soft_wrap=True, markup=False)
