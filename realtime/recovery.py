"""Rescue of sessions that were cut off or damaged: what reads is copied into a whole file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mcap.records import Attachment, Channel, Message, Metadata, Schema
from mcap.writer import Writer

from lifting.errors import SessionError, WireError
from realtime.session import Record, Scan, read_records
from realtime.sinks import session_schema as schema
from realtime.sinks.foxglove import VIDEO, read_compressed_video
from realtime.sinks.wire import MAX_BYTES, decode_keypoints, decode_meta, decode_pose

MAX_CHANNELS = 1024
MAX_VIDEO_BYTES = 16 << 20
"""A key frame of 8K video is smaller."""


@dataclass(frozen=True)
class Recovered:
    """Result of `recover`."""

    path: Path
    frames: int
    """Pose messages."""
    messages: int
    """Of all kinds."""
    seconds: float
    """From the first to the last message."""
    damaged: int
    cut_off: bool


def recover(path: str | Path, out: str | Path | None = None) -> Recovered:
    """Read what stands of an unfinished or damaged session and write a whole file.

    `out` defaults to the name without .partial, or NAME-recovered.mcap. Raises SessionError when there is
    nothing to rescue, when `out` exists, or when it cannot be written.
    """
    source = Path(path)
    target = Path(out) if out is not None else _recovered_name(source)
    if target.exists():
        raise SessionError(
            f"{target} exists already. Choose another name: sealcap recover {source} -o NAME.mcap"
        )
    temporary = target.with_name(target.name + ".recovering")
    try:
        with temporary.open("wb") as file:
            found = _copy(source, file, target)
            file.flush()
            os.fsync(file.fileno())
        if found.messages == 0:
            raise SessionError(f"{source} holds no frame that could be rescued.")
        temporary.rename(target)
    except OSError as error:
        raise SessionError(
            f"Cannot write {target}: {error.strerror or error}. Choose another place: "
            f"sealcap recover {source} -o NAME.mcap"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return found


def _recovered_name(source: Path) -> Path:
    if source.name.endswith(".mcap.partial"):
        return source.with_name(source.name.removesuffix(".partial"))
    return source.with_name(f"{source.stem}-recovered.mcap")


class _Copy:
    """Writes records into a new file; ids are given anew, frames that do not decode are left out."""

    _CHECKS: dict[str, Callable[[bytes], object]] = {  # noqa: RUF012 - a constant table
        schema.POSE: decode_pose,
        schema.KEYPOINTS: decode_keypoints,
        schema.META: decode_meta,
        VIDEO: read_compressed_video,
    }

    def __init__(self, writer: Writer) -> None:
        self.frames = self.messages = self.damaged = 0
        self.first_ns = self.last_ns = 0
        self._writer = writer
        self._schemas: dict[int, int] = {0: 0}
        self._channels: dict[int, tuple[int, str]] = {}

    def add(self, record: Record) -> None:
        match record:
            case Schema() if record.id not in self._schemas and len(self._schemas) < MAX_CHANNELS:
                self._schemas[record.id] = self._writer.register_schema(
                    record.name, record.encoding, record.data
                )
            case Channel() if record.id not in self._channels and len(self._channels) < MAX_CHANNELS:
                known = self._schemas.get(record.schema_id, 0)
                new = self._writer.register_channel(
                    record.topic, record.message_encoding, known, record.metadata
                )
                self._channels[record.id] = (new, record.topic)
            case Metadata():
                self._writer.add_metadata(record.name, record.metadata)
            case Attachment():
                self._writer.add_attachment(
                    record.create_time, record.log_time, record.name, record.media_type, record.data
                )
            case Message():
                self._message(record)

    def _message(self, message: Message) -> None:
        channel, topic = self._channels.get(message.channel_id, (0, ""))
        limit = MAX_VIDEO_BYTES if topic == VIDEO else MAX_BYTES
        if not channel or len(message.data) > limit or not self._reads(topic, message.data):
            self.damaged += 1
            return
        self._writer.add_message(
            channel, message.log_time, message.data, message.publish_time, message.sequence
        )
        self.first_ns = min(self.first_ns or message.log_time, message.log_time)
        self.last_ns = max(self.last_ns, message.log_time)
        self.messages += 1
        self.frames += topic == schema.POSE

    def _reads(self, topic: str, data: bytes) -> bool:
        try:
            self._CHECKS.get(topic, bytes)(data)
        except WireError:
            return False
        return True


def _copy(source: Path, file: IO[bytes], target: Path) -> Recovered:
    scan = Scan()
    writer = Writer(file, chunk_size=1 << 20)
    copy = _Copy(writer)
    writer.start()
    for record in read_records(source, scan):
        copy.add(record)
    writer.finish()
    return Recovered(
        target,
        copy.frames,
        copy.messages,
        (copy.last_ns - copy.first_ns) / 1e9,
        scan.damaged + copy.damaged,
        not scan.finished,
    )
