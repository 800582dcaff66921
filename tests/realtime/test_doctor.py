"""Checks of the machine."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from realtime import doctor, doctor_packages
from realtime.commands import doctor as command
from realtime.config import OutputConfig
from realtime.doctor_check import Check, Grade, within


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own cache and folder, so that neither the developer's models nor disk decide a test."""
    monkeypatch.setenv("SEALCAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_every_finding_is_complete() -> None:
    """Names are unique, details are there, and whatever is not fine says what to do."""
    checks = doctor.run_checks()
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.detail for check in checks)
    assert all(check.fix for check in checks if check.grade is not Grade.OK)


def test_what_is_installed_is_found() -> None:
    """The tests' own environment has all packages and one runtime."""
    assert doctor_packages.check_packages().grade is not Grade.FAIL
    assert doctor_packages.check_runtime().grade is Grade.OK
    assert "Python 3." in doctor.check_system().detail


@pytest.mark.parametrize(
    ("name", "check"),
    [("onnxruntime", doctor_packages.check_runtime), ("viser", doctor_packages.check_packages)],
)
def test_a_missing_library_is_a_failure(name: str, check: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a library that is needed the check fails and gives the pip command."""
    present = doctor_packages.installed
    monkeypatch.setattr(doctor_packages, "installed", lambda other: None if other == name else present(other))
    found = check()  # type: ignore[operator]
    assert found.grade is Grade.FAIL
    assert "pip install" in found.fix


def test_models_fail_until_they_are_pulled() -> None:
    """An empty cache lacks the default detector; the fix is the command that fetches it."""
    found = doctor.check_models()
    assert found.grade is Grade.FAIL
    assert "sealcap models pull" in found.fix
    assert set(found.detail.replace(",", " ").replace(";", " ").split()) >= doctor.NEEDED_MODELS


def test_models_are_fine_once_they_are_there() -> None:
    """With the default detector's files in the store the check passes."""
    from realtime.models.store import path_of

    for name in doctor.NEEDED_MODELS:
        path_of(name).parent.mkdir(parents=True, exist_ok=True)
        path_of(name).write_bytes(b"network")
    assert doctor.check_models().grade is Grade.OK


def test_a_missing_lifter_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights, or weights that are no network, fail with words."""
    monkeypatch.setattr(doctor, "weights_dir", lambda: tmp_path)
    assert doctor.check_lifter().grade is Grade.FAIL
    (tmp_path / "lifter-small.onnx").write_bytes(b"no network")
    broken = doctor.check_lifter()
    assert broken.grade is Grade.FAIL
    assert "lifter-small.onnx" in broken.detail


def test_a_taken_port_names_its_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port in use is a warning with what it is for and the option that changes it; then all is fine."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = {other.getsockname()[1]: doctor.Port("page", "--web-port 8081")}
        monkeypatch.setattr(doctor, "PORTS", ports)
        taken = doctor.check_ports()
    assert taken.grade is Grade.WARN
    assert "page" in taken.detail
    assert "--web-port 8081" in taken.fix
    assert doctor.check_ports().grade is Grade.OK


def test_the_ports_are_those_of_the_settings() -> None:
    """What the doctor tries is what a run would use."""
    out = OutputConfig()
    assert set(doctor.PORTS) >= {out.web_port, out.vmc_commands, int(out.robot_control.rpartition(":")[2])}


@pytest.mark.parametrize("firewall", ["ufw", "firewall-cmd", "win32", "darwin", ""])
def test_the_firewall_is_named(firewall: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever guards this machine, the finding says that nothing is needed, and what --lan needs."""
    monkeypatch.setattr(doctor, "_firewall", lambda: firewall)
    found = doctor.check_network()
    assert "nothing is needed" in found.detail
    assert "--lan" in found.detail


def test_a_check_that_hangs_is_given_up() -> None:
    """Nothing holds up the others for longer than its limit."""
    begin = time.monotonic()
    (found,) = within("disk", lambda: time.sleep(5) or [], 0.1)
    assert time.monotonic() - begin < 2
    assert found.grade is Grade.WARN
    assert "no answer" in found.detail


def test_it_says_what_it_looks_at() -> None:
    """Every check is announced before it runs, the cameras among them."""
    told: list[str] = []
    doctor.run_checks(tell=told.append)
    assert {"system", "cameras", "disk", "GPU"} <= set(told)


def test_an_osc_receiver_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program bound to the OSC port is mentioned; its absence is no fault."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        monkeypatch.setattr(doctor, "OSC_PORT", receiver.getsockname()[1])
        assert "a program listens" in doctor.check_osc().detail
    assert doctor.check_osc().grade is Grade.OK
    assert "nobody listens" in doctor.check_osc().detail


def test_the_disk_is_measured_and_left_clean(tmp_path: Path) -> None:
    """Room and speed are numbers above zero, and no trial file stays behind."""
    found = doctor.check_disk()
    assert "MB/s" in found.detail
    assert not list(tmp_path.iterdir())


def test_a_full_disk_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less free room than a recording needs is a failure."""
    monkeypatch.setattr(doctor, "FREE_FAIL_BYTES", 1 << 62)
    assert doctor.check_disk().grade is Grade.FAIL


@pytest.mark.parametrize(
    ("grades", "code", "words"),
    [
        ((Grade.OK, Grade.OK), 0, "Ready."),
        ((Grade.OK, Grade.WARN), 0, "Worth a look: second."),
        ((Grade.WARN, Grade.FAIL), 1, "What to fix first: second. do second"),
        ((Grade.FAIL, Grade.FAIL), 1, "What to fix first: first. do first"),
    ],
)
def test_the_verdict_names_the_first_failure(
    grades: tuple[Grade, Grade],
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last lines say ready or what to fix first; the exit code agrees."""
    checks = [Check(n, g, "[detail]", f"do {n}") for n, g in zip(("first", "second"), grades, strict=True)]
    monkeypatch.setattr(command, "run_checks", lambda *_: checks)
    assert command.doctor() == code
    out = capsys.readouterr().out
    assert words in out
    assert "[detail]" in out
