"""Controls of the page for values that others may change as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import viser

from realtime.web.panel import Shown
from tests.realtime.web.cockpit_rig import free_port


@pytest.fixture
def box() -> Iterator[Any]:
    """A real checkbox, not ticked."""
    server = viser.ViserServer(port=free_port(), verbose=False)
    yield server.gui.add_checkbox("zmq", initial_value=False)
    server.stop()


def test_a_click_on_its_way_is_not_taken_back(box: Any) -> None:
    """The box is ticked before its owner hears of it; showing the old value meanwhile changes nothing."""
    shown = Shown(box, False)
    box.value = True  # as viser does on a click, before it calls us
    shown.follow(False)
    assert box.value
    shown.follow(True)
    assert box.value


def test_what_others_set_is_shown(box: Any) -> None:
    """The owner's value changed: the box follows, there and back."""
    shown = Shown(box, False)
    for value in (True, False):
        shown.follow(value)
        assert box.value is value


def test_a_try_that_failed_is_shown(box: Any) -> None:
    """The value is what it was, but the box is not: it goes back once the try is over."""
    shown = Shown(box, False)
    box.value = True
    shown.follow(False, tries=1)
    assert not box.value
