"""`sealcap keys` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime import keyring
from realtime.cli import main


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine than the one before: an empty key folder."""
    monkeypatch.setenv("SEALCAP_KEYS", str(tmp_path / "here"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def test_two_machines_come_to_know_each_other(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pair made there, its file allowed here: it is on the list here, under the name given."""
    monkeypatch.setenv("SEALCAP_KEYS", str(machine / "there"))
    assert main(["keys", "new"]) == 0
    theirs = keyring.load_pair()
    said = capsys.readouterr().out
    assert theirs.public in said
    assert theirs.secret not in said
    file = machine / "there" / "default.pub"
    assert str(file) in said

    monkeypatch.setenv("SEALCAP_KEYS", str(machine / "here"))
    assert main(["keys", "new"]) == 0
    assert main(["keys", "allow", str(file), "blender-pc"]) == 0
    assert keyring.allowed() == {theirs.public: "blender-pc"}
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    said = capsys.readouterr().out
    assert "blender-pc" in said
    assert theirs.public in said
    assert keyring.load_pair().public in said
    assert keyring.load_pair().secret not in said


def test_a_key_may_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """Many keys are made of signs; each can be given as it is, in one word."""
    for number in range(20):
        public = keyring.new_pair(f"pair{number}").public
        assert main(["keys", "allow", public, f"name{number}"]) == 0
        assert keyring.allowed()[public] == f"name{number}"


def test_a_file_names_its_client(machine: Path) -> None:
    """Without a name, a file's own is taken."""
    public = keyring.new_pair("studio").public
    assert main(["keys", "allow", str(machine / "here" / "studio.pub")]) == 0
    assert keyring.allowed() == {public: "studio"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["new", "../up"], "no name"),
        (["allow", "abc"], "neither a public key"),
        (["allow", "#" * 40], "no key"),
        (["allow", "studio.key"], "neither"),
        (["allow", "\0"], "neither"),
        (["forbid", "x"], "sealcap keys allow"),
    ],
)
def test_mistakes_are_explained(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and exit code 2, no traceback."""
    assert main(["keys", *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_keys_are_for_zeromq_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """OSC and VMC know no keys, and listening says so instead of pretending."""
    assert main(["listen", "osc", "--server-key", "x"]) == 2
    assert "no keys" in capsys.readouterr().err
    assert main(["listen", "zmq", "--server-key", "x"]) == 2
    assert "sealcap keys new" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["osc", "vmc"])
def test_listening_beyond_this_machine_must_be_said(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An address that others can reach is not bound without --lan."""
    assert main(["listen", what, "0.0.0.0:39999"]) == 2
    assert "--lan" in capsys.readouterr().err
    assert main(["listen", what, "0.0.0.0:39999", "--lan", "--duration", "0.3"]) == 1
