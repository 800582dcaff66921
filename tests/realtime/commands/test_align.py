"""`sealcap align` and a run that obeys it."""

from __future__ import annotations

import pytest

from lifting.errors import ConfigError
from realtime.commands.align import align
from realtime.vmc.commands import CommandPort, Commands
from tests.realtime.commands.test_listen import free_udp_port


def test_a_run_hears_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The port is named, and one calibration is ordered."""
    port, commands = free_udp_port(), Commands()
    listener = CommandPort(commands, port)
    listener.poll(0.0)
    assert align(port) == 0
    listener.poll(0.1)
    listener.close()
    assert commands.calibrations == 1
    assert str(port) in capsys.readouterr().out


def test_with_no_run_nothing_happens() -> None:
    """Nobody listening is no error: UDP cannot tell."""
    assert align(free_udp_port()) == 0


def test_an_impossible_port_is_refused() -> None:
    """Ports end at 65535."""
    with pytest.raises(ConfigError, match="39540"):
        align(0)
