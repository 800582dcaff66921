"""Keys in files: who may read them, what is taken for one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from lifting.errors import ConfigError
from realtime import keyring

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty key folder that is not there yet."""
    folder = tmp_path / "config" / "keys"
    monkeypatch.setenv("SEALCAP_KEYS", str(folder))
    return folder


def mode(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_pair_comes_back_as_it_was_made(keys: Path) -> None:
    """What is loaded is what was made, a pair by the laws of the curve; its public half stands alone too."""
    made = keyring.new_pair("studio")
    assert keyring.load_pair("studio") == made
    assert zmq.curve_public(made.secret.encode()).decode() == made.public
    assert keyring.read_public_file(keys / "studio.pub") == made.public == keyring.find_public("studio")
    assert keyring.pairs() == [made]
    assert made.secret not in repr(made)


@POSIX
def test_nobody_else_can_read_keys(keys: Path) -> None:
    """Folders are 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        public = keyring.new_pair().public
        keyring.allow(public, "me")
    finally:
        os.umask(before)
    assert [mode(keys), mode(keys / "allowed")] == [0o700, 0o700]
    assert {mode(path) for path in keys.rglob("*.*")} == {0o600}


@POSIX
@pytest.mark.parametrize(("target", "opened"), [("default.key", 0o640), (".", 0o755), (".", 0o710)])
def test_open_pairs_are_refused_with_the_chmod_to_type(keys: Path, target: str, opened: int) -> None:
    """Doing what the message says makes the pair usable again."""
    keyring.new_pair()
    (keys / target).chmod(opened)
    with pytest.raises(ConfigError, match=r"Type: chmod [67]00 '") as refused:
        keyring.load_pair()
    command = str(refused.value).partition("Type: ")[2]
    assert os.system(command) == 0
    keyring.load_pair()


@POSIX
def test_a_list_that_others_could_write_is_refused(keys: Path) -> None:
    """Whoever can add a file to `allowed` can let himself in."""
    keyring.allow(keyring.new_pair().public, "me")
    (keys / "allowed").chmod(0o777)
    with pytest.raises(ConfigError, match="chmod 700"):
        keyring.allowed()


def test_allowed_keys_have_names(keys: Path) -> None:
    """The list is empty at first; each allowed key is in it under its name, and gone with its file."""
    assert keyring.allowed() == {}
    one, two = keyring.new_pair("one").public, keyring.new_pair("two").public
    file = keyring.allow(one, "blender-pc")
    keyring.allow(two, "robot")
    assert keyring.allowed() == {one: "blender-pc", two: "robot"}
    file.unlink()
    assert keyring.allowed() == {two: "robot"}


def test_nothing_is_overwritten(keys: Path) -> None:
    """A second pair or client of the same name is refused, and the first stays."""
    made = keyring.new_pair()
    keyring.allow(made.public, "me")
    with pytest.raises(ConfigError, match="exists already"):
        keyring.new_pair()
    with pytest.raises(ConfigError, match="exists already"):
        keyring.allow(made.public, "me")
    assert keyring.load_pair() == made


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "a\\b", ".hidden", "x" * 65, "new\nline", "ä", "C:", "a b"]
)
def test_names_never_leave_the_folder(name: str) -> None:
    """What is no plain name is refused for pairs, clients and look-ups."""
    key = zmq.curve_keypair()[0].decode()
    for action in (
        lambda: keyring.new_pair(name),
        lambda: keyring.load_pair(name),
        lambda: keyring.allow(key, name),
        lambda: keyring.find_public(name),
    ):
        with pytest.raises(ConfigError):
            action()


def test_a_secret_is_never_taken_for_a_public_key(keys: Path) -> None:
    """Handing over a pair's file is stopped, with the right file named."""
    keyring.new_pair("mine")
    with pytest.raises(ConfigError, match=r"secret.*mine\.pub"):
        keyring.find_public(str(keys / "mine.key"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"public",
        b"public short\n",
        b"secret",
        b"\xff" * 100,
        b"public " + b"a" * 5000,
        b"public " + b"#" * 40,
    ],
)
def test_files_that_hold_no_key_say_so(keys: Path, tmp_path: Path, content: bytes) -> None:
    """Empty, binary, cut and huge files are refused in words; the last is Z85 beyond 32 bits."""
    file = tmp_path / "some.pub"
    file.write_bytes(content)
    with pytest.raises(ConfigError):
        keyring.find_public(str(file))


def test_a_pair_whose_halves_do_not_belong_together_is_refused(keys: Path) -> None:
    """A mixed-up file would only fail later, and silently."""
    one, two = keyring.new_pair("one"), keyring.new_pair("two")
    path = keys / "one.key"
    path.write_text(f"public {two.public}\nsecret {one.secret}\n")
    with pytest.raises(ConfigError, match="no key pair"):
        keyring.load_pair("one")


def test_a_missing_pair_says_how_to_make_it() -> None:
    """The command in the message makes the pair that was missing."""
    with pytest.raises(ConfigError, match=r"sealcap keys new$"):
        keyring.load_pair()
    with pytest.raises(ConfigError, match=r"sealcap keys new robot$"):
        keyring.load_pair("robot")


@given(st.binary(min_size=32, max_size=32))
def test_every_32_bytes_are_a_key(data: bytes) -> None:
    """Agreement with pyzmq's own Z85."""
    key = z85.encode(data).decode()
    assert keyring.check_key(key) == key


@given(st.text(max_size=60))
def test_other_texts_are_none(text: str) -> None:
    """Whatever is accepted decodes to 32 bytes; the rest is a ConfigError, nothing else."""
    try:
        keyring.check_key(text)
    except ConfigError:
        return
    assert len(z85.decode(text)) == 32
