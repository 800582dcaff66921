"""The box between two threads."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.mailbox import Mailbox


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_newest_win_and_every_loss_is_counted(items: list[int], depth: int) -> None:
    """A full box gives up its oldest items; what is taken plus what is dropped is what was put."""
    box: Mailbox[int] = Mailbox(depth)
    for item in items:
        box.put(item)
    box.close()
    taken = [box.get() for _ in range(len(box))]
    assert taken == items[-depth:]
    assert box.dropped == len(items) - len(taken)
    assert box.get() is None


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_a_keeping_box_refuses_the_newest(items: list[int], depth: int) -> None:
    """With keep='oldest' what is already there stays, in order."""
    box: Mailbox[int] = Mailbox(depth, keep="oldest")
    accepted = [box.put(item) for item in items]
    assert [box.get(0) for _ in range(len(box))] == items[:depth]
    assert accepted.count(False) == box.dropped == max(0, len(items) - depth)


def test_get_gives_up_after_its_time() -> None:
    """Nothing there means None after the time asked for, not before."""
    box: Mailbox[int] = Mailbox()
    start = time.monotonic()
    assert box.get(0.05) is None
    assert 0.045 <= time.monotonic() - start < 1.0
    assert not box.closed


def test_close_wakes_a_waiting_reader() -> None:
    """A reader that waits for ever ends when the box is closed."""
    box: Mailbox[int] = Mailbox()
    got: list[int | None] = []
    reader = threading.Thread(target=lambda: got.append(box.get()))
    reader.start()
    box.close()
    reader.join(2)
    assert got == [None]
    assert box.put(1) is False
    assert box.put_wait(1) is False


def test_waiting_writer_loses_nothing() -> None:
    """put_wait hands over every item in order to a slower reader."""
    box: Mailbox[int] = Mailbox()
    got: list[int] = []

    def read() -> None:
        while (item := box.get(5)) is not None:
            got.append(item)

    reader = threading.Thread(target=read)
    reader.start()
    assert all(box.put_wait(i, 5) for i in range(300))
    box.close()
    reader.join(5)
    assert got == list(range(300))
    assert box.dropped == 0


def test_put_wait_gives_up_when_nobody_reads() -> None:
    """A box that stays full refuses the item and keeps the old one."""
    box: Mailbox[int] = Mailbox()
    box.put(1)
    assert box.put_wait(2, 0.02) is False
    assert box.get(0) == 1


def test_a_box_needs_room() -> None:
    """A depth of nothing is a mistake."""
    with pytest.raises(ValueError, match="depth"):
        Mailbox(0)
