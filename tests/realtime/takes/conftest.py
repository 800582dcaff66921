"""Fixtures of the files made from sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtime.takes.made_takes import real_session


@pytest.fixture(scope="session")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session that the real pipeline recorded: 6 s at 30 fps, nobody in sight from 2 to 4.7 s."""
    return real_session(tmp_path_factory.mktemp("session") / "figure.mcap")
