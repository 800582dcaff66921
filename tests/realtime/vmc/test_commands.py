"""Commands from other programs, among them hostile ones."""

from __future__ import annotations

import logging
import random
import socket
import struct
import time

import pytest

from lifting.errors import ConfigError
from realtime.osc_packets import BUNDLE, message
from realtime.vmc.commands import MAX_PERIOD, READY_S, TRY_AGAIN_S, CommandPort, Commands
from realtime.vmc.packets import Due


def free_port() -> int:
    """A UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_periods_make_parts_rarer() -> None:
    """One of every N frames, each part by its own number."""
    commands = Commands()
    commands.obey("/VMC/Ext/Set/Period", [3, 2, 1, 1, 1, 1], 0.0)
    due = [commands.due(frame) for frame in range(6)]
    assert [d.status for d in due] == [True, False, False] * 2
    assert [d.root for d in due] == [True, False] * 3
    assert all(d.bones for d in due)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [2],
        [2, 2],
        [0, 1, 1, 1, 1, 1],
        [-1, 1, 1],
        [1, 1, MAX_PERIOD + 1],
        [2.0, 2.0, 2.0],
        ["2", "2", "2"],
    ],
)
def test_periods_that_cannot_be_change_nothing(arguments: list[object]) -> None:
    """Too few, of wrong types, or so long that the avatar would stand still."""
    commands = Commands()
    commands.obey("/VMC/Ext/Set/Period", arguments, 0.0)
    assert commands.due(1) == Due()


def test_a_calibration_is_announced_ordered_and_counted() -> None:
    """Ready shows as waiting until Exec comes, or half a minute has passed."""
    commands = Commands()
    commands.obey("/VMC/Ext/Set/Calib/Ready", [], 10.0)
    assert commands.waiting(10.1)
    assert not commands.waiting(10.0 + READY_S)
    commands.obey("/VMC/Ext/Set/Calib/Exec", [], 11.0)
    commands.obey("/VMC/Ext/Set/Calib/Exec", [1.0], 11.0)
    assert commands.calibrations == 0
    commands.obey("/VMC/Ext/Set/Calib/Exec", [0], 11.0)
    assert commands.calibrations == 1
    assert not commands.waiting(11.0)


def _send(port: int, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", port))


def test_commands_arrive_over_the_network() -> None:
    """A bundle and bare messages, in the order sent."""
    commands, port = Commands(), free_port()
    listener = CommandPort(commands, port)
    listener.poll(0.0)
    period = message("/VMC/Ext/Set/Period", "iiiiii", 2, 2, 2, 1, 1, 1)
    _send(
        port,
        BUNDLE + period + message("/VMC/Ext/Set/Req", ""),
        message("/VMC/Ext/Set/Calib/Exec", "i", 0)[4:],
    )
    listener.poll(0.1)
    listener.close()
    listener.close()
    assert (commands.bones, commands.requests, commands.calibrations) == (2, 1, 1)


def test_hostile_packets_change_nothing_and_cost_little() -> None:
    """Noise, truncations, lies about sizes, and thousands of them: ignored within milliseconds."""
    commands, port = Commands(), free_port()
    listener = CommandPort(commands, port)
    listener.poll(0.0)
    chance = random.Random(3)
    good = BUNDLE + message("/VMC/Ext/Set/Period", "iii", 5, 5, 5)
    lies = [good[:n] for n in range(0, 40, 3)]  # the numbers are never whole
    lies += [b"", bytes(1400), b"#bundle\0" + bytes(8) + struct.pack(">i", -4) + bytes(64)]
    lies += [chance.randbytes(chance.randrange(200)) for _ in range(200)]
    lies += [good + bytes(2000)]  # larger than a command can be
    worst = 0.0
    for start in range(0, len(lies), 8):
        _send(port, *lies[start : start + 8])
        begin = time.perf_counter()
        listener.poll(0.1)
        worst = max(worst, time.perf_counter() - begin)
    for _ in range(4):
        _send(port, *[chance.randbytes(600)] * 500)
        begin = time.perf_counter()
        listener.poll(0.1)
        worst = max(worst, time.perf_counter() - begin)
    listener.close()
    assert commands.due(1) == Due()
    assert (commands.calibrations, commands.requests) == (0, 0)
    assert worst < 0.05


def test_a_port_in_use_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Sending needs no commands; when the other program ends they are heard."""
    commands, port = Commands(), free_port()
    listener = CommandPort(commands, port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        with caplog.at_level(logging.WARNING):
            listener.poll(0.0)
            listener.poll(TRY_AGAIN_S)
    assert caplog.text.count(f"port {port}") == 1
    assert "--vmc-commands" in caplog.text
    listener.poll(2 * TRY_AGAIN_S)
    _send(port, BUNDLE + message("/VMC/Ext/Set/Req", ""))
    listener.poll(2 * TRY_AGAIN_S)
    listener.close()
    assert commands.requests == 1


def test_only_this_machine_is_listened_to() -> None:
    """The port is bound to loopback."""
    port = free_port()
    listener = CommandPort(Commands(), port)
    listener.poll(0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", port))  # would fail were it bound to all addresses
    listener.close()


def test_an_impossible_port_is_refused() -> None:
    """Ports end at 65535."""
    with pytest.raises(ConfigError, match="65535"):
        CommandPort(Commands(), 70000)
