"""What listens where: a run with every output, seen from outside."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from lifting.errors import ConfigError
from realtime import keyring
from realtime.config import OutputConfig
from realtime.exposure import Listener, announce, check_binding, own_address, reachable
from realtime.retarget.build import build_robot
from tests.realtime.sessions import motion_at, record

Address = tuple[str, str, int]
"""tcp or udp, host, port."""
LOOPBACK = {"127.0.0.1", "::1"}


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def run(tmp_path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A replay of a session in a process of its own; what it prints goes to the file."""
    log = tmp_path / "run.txt"
    command = [sys.executable, "-c", "import sys; from realtime.cli import main; sys.exit(main())", *words]
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True)
    try:
        yield process, log
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def bound(pid: int) -> set[Address]:
    """Every address on which a process can be reached: TCP that listens, UDP that is not connected."""
    found = set()
    for connection in psutil.Process(pid).net_connections("inet"):
        kind = "tcp" if connection.type == socket.SOCK_STREAM else "udp"
        waits = connection.status == psutil.CONN_LISTEN or (kind == "udp" and not connection.raddr)
        if waits and connection.laddr:
            found.add((kind, connection.laddr.ip, connection.laddr.port))
    return found


def bound_by_ss(pid: int) -> set[Address]:
    """The same, as `ss` sees it."""
    lines = subprocess.run(["ss", "-ltnupH"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = set()
    for line in lines:
        words = line.split()
        if f"pid={pid}," in words[-1]:
            host, _, port = words[4].rpartition(":")
            found.add((words[0], host.partition("%")[0].strip("[]"), int(port)))
    return found


def listening(process: subprocess.Popen[str], log: Path, ports: set[int]) -> set[Address]:
    """What is bound once all `ports` are."""
    deadline = time.monotonic() + 30
    while True:
        addresses = bound(process.pid)
        if ports <= {port for _, _, port in addresses}:
            break
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, (addresses, log.read_text())
        time.sleep(0.1)
    time.sleep(0.5)  # for what is bound with the first frame
    addresses = bound(process.pid)
    if shutil.which("ss"):
        assert bound_by_ss(process.pid) == addresses
    return addresses


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty key folder."""
    monkeypatch.setenv("SEALCAP_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """Two seconds to be played round and round."""
    return record(tmp_path / "walk.mcap", [motion_at(seq, seq / 30) for seq in range(60)])


@dataclass(frozen=True)
class Ports:
    """Free ports of everything in a run that others can connect to."""

    page: int = field(default_factory=free_port)
    zmq: int = field(default_factory=free_port)
    vmc_commands: int = field(default_factory=free_port)
    foxglove: int = field(default_factory=free_port)
    sonic: int = field(default_factory=free_port)
    joints: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)

    @property
    def all(self) -> set[int]:
        """Every one."""
        return set(vars(self).values())


def every_output(tmp_path: Path, ports: Ports, zmq_host: str = "127.0.0.1") -> list[str]:
    """The words for all outputs of a replay, people's and a robot's; rosbridge servers are not there."""
    nobody = free_port()
    return [
        "--web-port", str(ports.page), "--zmq", f"tcp://{zmq_host}:{ports.zmq}", "--osc", "127.0.0.1:39571",
        "--osc", "localhost:39572", "--vmc", "127.0.0.1:39641", "--vrchat", "127.0.0.1:39000",
        "--vmc-commands", str(ports.vmc_commands), "--ros", f"ws://127.0.0.1:{nobody}",
        "--foxglove", str(ports.foxglove), "--sonic", f"127.0.0.1:{ports.sonic}",
        "--robot", "humanoid", "--robot-view", "--robot-out", f"tcp://127.0.0.1:{ports.joints}",
        "--robot-out", f"ros+ws://127.0.0.1:{nobody}", "--robot-out", f"foxglove://127.0.0.1:{ports.foxglove}",
        "--robot-control", f"tcp://127.0.0.1:{ports.control}",
        "--record", str(tmp_path / "again.mcap"), "--loop",
    ]  # fmt: skip


def test_nothing_listens_beyond_this_machine(tmp_path: Path, session: Path) -> None:
    """A run with every output there is binds to loopback alone, senders of UDP included."""
    ports = Ports()
    with run(tmp_path, "replay", str(session), *every_output(tmp_path, ports)) as (process, log):
        addresses = listening(process, log, ports.all)
    assert {host for _, host, _ in addresses} <= LOOPBACK
    assert len(addresses) >= len(ports.all) + 4


@pytest.mark.real
def test_a_g1_for_sonic_listens_on_this_machine_only(tmp_path: Path, session: Path) -> None:
    """The robot's own way to SONIC needs a G1, whose model is not always here."""
    try:
        importlib.metadata.distribution("example-robot-data")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("robots are not here: pip install example-robot-data (415 MB)")
    sonic, control = free_port(), free_port()
    words = ["--robot", "g1", "--robot-out", f"sonic://127.0.0.1:{sonic}", "--headless", "--loop"]
    words += ["--robot-control", f"tcp://127.0.0.1:{control}"]
    with run(tmp_path, "replay", str(session), *words) as (process, log):
        addresses = listening(process, log, {sonic, control})
    assert {host for _, host, _ in addresses} <= LOOPBACK


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"robot_out": ["tcp://0.0.0.0:1"]}, "--robot-out"),
        ({"robot_out": ["foxglove://0.0.0.0:1"]}, "--robot-out"),
        ({"robot_out": ["ros+ws://192.0.2.1:9090"]}, "--robot-out"),
        ({"robot_control": "tcp://0.0.0.0:1"}, "--robot-control"),
        ({"robot_control": "tcp://0.0.0.0:1", "lan": True, "insecure": True}, "--robot-control"),
    ],
)
def test_a_robot_is_not_opened_by_its_address_alone(words: dict[str, Any], named: str) -> None:
    """Its outputs need --lan, its control also keys, whatever else is said; else a run does not begin."""
    with pytest.raises(ConfigError, match=named):
        build_robot(OutputConfig(**{"robot": "humanoid", **words}))


def test_lan_opens_page_and_zeromq_and_says_so(tmp_path: Path, session: Path) -> None:
    """With --lan the page and a ZeroMQ address that asks for it are open, nothing else; a plain peer gets
    nothing, and what is printed for the other machine works as it is typed."""
    keyring.new_pair()
    keyring.allow(keyring.new_pair("friend").public, "friend")
    ports = Ports()
    words = every_output(tmp_path, ports, zmq_host="0.0.0.0")
    with run(tmp_path, "replay", str(session), "--lan", *words) as (process, log):
        addresses = listening(process, log, ports.all)
        said = log.read_text()
        there = next(line for line in said.splitlines() if "--server-key" in line).partition("there: ")[2]
        answers = {
            "friend": listen(f"{there} --key friend"),
            "plain": listen(there.partition(" --server-key")[0]),
            "stranger": listen(f"{there} --key {keyring.new_pair('stranger').name}"),
        }
    assert {port for _, host, port in addresses if host not in LOOPBACK} == {ports.page, ports.zmq}
    assert "keys allowed here: friend" in said
    assert f"http://{own_address()}:{ports.page}/?token=" in said
    assert answers == {"friend": 0, "plain": 1, "stranger": 1}


def listen(words: str) -> int:
    """Type a `sealcap listen` in a shell; 0 when something came."""
    python = f"'{sys.executable}' -c 'import sys; from realtime.cli import main; sys.exit(main())'"
    command = words.replace("sealcap", python, 1) + " --duration 2"
    return subprocess.run(command, shell=True, capture_output=True, timeout=60).returncode


def test_lan_without_keys_does_not_begin(tmp_path: Path, session: Path) -> None:
    """The message names both ways on."""
    with run(tmp_path, "replay", str(session), "--lan", "--zmq", "tcp://0.0.0.0:0", "--headless") as (
        process,
        log,
    ):
        assert process.wait(30) == 2
        assert "sealcap keys new" in log.read_text()
        assert "--insecure" in log.read_text()


class Open:
    """An output that others connect to."""

    listeners = (Listener("poses", "tcp://0.0.0.0:1", "anyone [bold]", "type [this]"),)


def said(*parts: object, lan: bool = True) -> str:
    """What `announce` prints."""
    out = io.StringIO()
    announce(parts, Console(file=out, width=200), lan=lan)
    return out.getvalue()


def test_what_is_open_is_told_as_it_is() -> None:
    """Brackets are no markup; without --lan nothing is said, and with it also that nothing is open."""
    assert said(Open(), lan=False) == ""
    assert "anyone [bold]" in said(object(), Open())
    assert "type [this]" in said(Open())
    assert "nothing" in said(object(), None)


@pytest.mark.parametrize(
    ("endpoint", "named"),
    [
        ("tcp://192.168.1.5:5570", "tcp://192.168.1.5:5570"),
        ("tcp://0.0.0.0:5570", "tcp://OWN:5570"),
        ("tcp://*:5570", "tcp://OWN:5570"),
        ("tcp://eth0:1", "tcp://OWN:1"),
        ("tcp://[::]:2", "tcp://OWN:2"),
        ("tcp://[fd00::1]:2", "tcp://[fd00::1]:2"),
        ("ipc:///tmp/x", "ipc:///tmp/x"),
    ],
)
def test_other_machines_are_told_an_address_they_can_use(endpoint: str, named: str) -> None:
    """All addresses, or a network card, are named by this machine's own address."""
    assert reachable(endpoint) == named.replace("OWN", own_address())


def test_what_steers_a_robot_is_never_open_without_keys() -> None:
    """Where there is no way without keys, the message offers none."""
    with pytest.raises(ConfigError, match="sealcap keys new") as refused:
        check_binding("--robot-control", "tcp://0.0.0.0:1", "tcp://127.0.0.1:1", lan=True, insecure=None)
    assert "--insecure" not in str(refused.value)
