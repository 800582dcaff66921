"""Every exception a caller can meet, in one tree.

SealcapError
├── ConfigError      a setting, configuration file or command line that cannot be obeyed   (exit code 2)
├── SourceError      a camera, file or stream that cannot be opened or read
├── ModelError       a network or its metadata that is missing, wrong or cannot run
│   ├── DownloadError    a model that could not be fetched, or has the wrong hash
│   └── DeviceError      a GPU, its driver or its memory that cannot be used
├── SinkError        an output that cannot be opened or written
├── WireError        a message from the network that is not one of ours
├── SessionError     a session file that is not one, or is damaged
├── DataError        a motion corpus or training file that is missing or malformed
└── MissingExtra     an optional library that is not installed

Messages say what is wrong, what would be right, and what to type next. `realtime.cli` prints them on
one line and turns them into exit codes; nothing else catches the whole tree.
"""

from __future__ import annotations


class SealcapError(Exception):
    """Base of all errors meant for the user; `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigError(SealcapError):
    """A setting that cannot be obeyed."""

    exit_code = 2


class SourceError(SealcapError):
    """A camera, file or stream that cannot be opened or read."""


class ModelError(SealcapError):
    """A network or its metadata that is missing, wrong or cannot run."""


class DownloadError(ModelError):
    """A model that could not be fetched, or has the wrong hash."""


class DeviceError(ModelError):
    """A GPU, its driver or its memory that cannot be used."""


class SinkError(SealcapError):
    """An output that cannot be opened or written."""


class WireError(SealcapError):
    """A message from the network that is not one of ours."""


class SessionError(SealcapError):
    """A session file that is not one, or is damaged."""


class DataError(SealcapError):
    """A motion corpus or training file that is missing or malformed."""


class MissingExtra(SealcapError):  # noqa: N818 - reads better than MissingExtraError at the raise
    """An optional library that is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed. Install it with: pip install 'sealcap[{extra}]'")
