"""Reading session files, finished or not, with limits: a file from elsewhere is not to be trusted."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import IO, TypeAlias, TypeVar

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Chunk, Header, Message, Metadata, Schema
from mcap.stream_reader import breakup_chunk
from mcap.writer import MCAP0_MAGIC

from lifting.errors import SessionError, WireError
from lifting.mistake import unread
from realtime.sinks import session_schema as schema
from realtime.sinks.foxglove import VIDEO, read_compressed_video
from realtime.sinks.wire import (
    KeypointsMap,
    MetaMap,
    PoseMessage,
    decode_keypoints,
    decode_meta,
    decode_pose,
)

MAX_RECORD_BYTES = 64 << 20
"""Longer records, packed or unpacked, are refused."""
MAX_CHANNELS = 1024

_PARSE_ERRORS = (McapError, ValueError, OverflowError, struct.error, MemoryError)
"""What the MCAP library raises on bytes that are not what they say; UnicodeDecodeError is a ValueError."""

T = TypeVar("T")
Record: TypeAlias = Header | Schema | Channel | Message | Metadata | Attachment


@dataclass
class Scan:
    """What a pass over a file met; filled while it runs."""

    finished: bool = False
    """The file has its end; False: it was cut off."""
    damaged: int = 0
    """Records skipped because they do not read or their checksum is wrong."""


@dataclass(frozen=True)
class SessionHeader:
    """What a session says about itself."""

    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    """By name: session, clock, versions, models."""
    settings: str = ""
    """The configuration of the run."""
    meta: MetaMap | None = None
    """Skeleton, bones and rest pose; None when the recording ended before its first frame."""
    topics: frozenset[str] = frozenset()
    """Channels announced before the first frame."""

    @property
    def has_video(self) -> bool:
        """The pictures of the camera are inside."""
        return VIDEO in self.topics

    @property
    def source(self) -> str:
        """What was recorded; empty where that is unknown."""
        return self.metadata.get(schema.SESSION, {}).get("source", "")


@dataclass(frozen=True)
class StoredFrame:
    """All that a session holds of one frame."""

    pose: PoseMessage
    keypoints: KeypointsMap | None
    video: bytes | None
    """H.264 packet (Annex B); None where the frame has no picture."""


def read_poses(path: str | Path) -> Iterator[PoseMessage]:
    """All frames of a session in order, also of one that was cut off. Raises SessionError."""
    return _decoded(Path(path), schema.POSE, decode_pose)


def read_keypoints(path: str | Path) -> Iterator[KeypointsMap]:
    """The 2D joints of all frames, in order. Raises SessionError."""
    return _decoded(Path(path), schema.KEYPOINTS, decode_keypoints)


def read_frames(path: str | Path) -> Iterator[StoredFrame]:
    """All frames in order, with what belongs to each. Raises SessionError."""
    path = Path(path)
    frame: StoredFrame | None = None
    for topic, message in read_messages(path, (schema.POSE, schema.KEYPOINTS, VIDEO)):
        if topic == schema.POSE:
            if frame is not None:
                yield frame
            frame = StoredFrame(_decode(decode_pose, message.data, path), None, None)
        elif frame is None or message.sequence != frame.pose.seq & 0xFFFFFFFF:
            continue  # its frame was damaged
        elif topic == schema.KEYPOINTS:
            frame = replace(frame, keypoints=_decode(decode_keypoints, message.data, path))
        else:
            frame = replace(frame, video=_decode(read_compressed_video, message.data, path))
    if frame is not None:
        yield frame


def read_messages(
    path: Path, topics: Collection[str], scan: Scan | None = None
) -> Iterator[tuple[str, Message]]:
    """(topic, message) of the channels asked for, undecoded. Raises SessionError."""
    channels: dict[int, str] = {}
    for record in read_records(path, scan or Scan()):
        if isinstance(record, Channel):
            if record.topic in topics and len(channels) < MAX_CHANNELS:
                channels[record.id] = record.topic
        elif isinstance(record, Message) and record.channel_id in channels:
            yield channels[record.channel_id], record


def read_header(path: str | Path) -> SessionHeader:
    """Metadata and settings, which stand before and around the first frame. Raises SessionError."""
    metadata: dict[str, dict[str, str]] = {}
    settings, meta, channels = "", None, dict[int, str]()
    for record in read_records(Path(path), Scan()):
        if isinstance(record, Metadata):
            metadata[record.name] = dict(record.metadata)
        elif isinstance(record, Attachment) and record.name == schema.SETTINGS:
            settings = record.data.decode("utf-8", "replace")
        elif isinstance(record, Channel):
            channels[record.id] = record.topic
        elif isinstance(record, Message) and channels.get(record.channel_id) == schema.META:
            meta = _decode(decode_meta, record.data, Path(path))
        if meta is not None:
            break
    return SessionHeader(metadata, settings, meta, frozenset(channels.values()))


def read_records(path: Path, scan: Scan) -> Iterator[Record]:
    """The records of a file, chunks unpacked, until its end or the point where it was cut off.

    Damaged records are skipped and counted in `scan`. Raises SessionError when it is no MCAP file.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MCAP0_MAGIC)) != MCAP0_MAGIC:
                raise SessionError(f"{path} is not a session file (MCAP); sessions are made with --record.")
            yield from _data_records(file, scan)
    except OSError as error:
        raise SessionError(f"{unread(path, error)}. Give a session made with --record, FILE.mcap.") from error


_PARSERS: dict[int, Callable[[ReadDataStream], Record]] = {
    Opcode.HEADER: Header.read,
    Opcode.SCHEMA: Schema.read,
    Opcode.CHANNEL: Channel.read,
    Opcode.METADATA: Metadata.read,
    Opcode.ATTACHMENT: Attachment.read,
}


def _data_records(file: IO[bytes], scan: Scan) -> Iterator[Record]:
    while (framed := _next_record(file)) is not None:
        opcode, body = framed
        if opcode == Opcode.DATA_END:
            scan.finished = True
            return
        try:
            records = _parse(opcode, body)
        except _PARSE_ERRORS:
            scan.damaged += 1
            continue
        yield from records


def _next_record(file: IO[bytes]) -> tuple[int, bytes] | None:
    """Opcode and body; None where the file ends, is cut off, or states a length that cannot be."""
    head = file.read(9)
    if len(head) < 9:
        return None
    opcode, length = struct.unpack("<BQ", head)
    if length > MAX_RECORD_BYTES:
        return None
    body = file.read(length)
    return (opcode, body) if len(body) == length else None


def _parse(opcode: int, body: bytes) -> list[Record]:
    stream = ReadDataStream(BytesIO(body))
    if opcode == Opcode.CHUNK:
        return _unpack(Chunk.read(stream))
    if opcode == Opcode.MESSAGE:
        return [Message.read(stream, len(body))]
    parser = _PARSERS.get(opcode)
    return [parser(stream)] if parser else []


def _unpack(chunk: Chunk) -> list[Record]:
    """Records of one chunk, never more than MAX_RECORD_BYTES of them, checksum verified."""
    if chunk.compression == "zstd":
        reader = zstandard.ZstdDecompressor(max_window_size=MAX_RECORD_BYTES).stream_reader(chunk.data)
        try:
            data = reader.read(MAX_RECORD_BYTES + 1)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
    elif chunk.compression == "":
        data = chunk.data
    else:
        raise ValueError(f"compression {chunk.compression!r} is not read here")
    if len(data) > MAX_RECORD_BYTES:
        raise ValueError("the chunk is larger than a session's chunks can be")
    records = breakup_chunk(replace(chunk, compression="", data=data), validate_crc=True)
    return [record for record in records if isinstance(record, (Schema, Channel, Message))]


def _decoded(path: Path, topic: str, decode: Callable[[bytes], T]) -> Iterator[T]:
    for _, message in read_messages(path, (topic,)):
        yield _decode(decode, message.data, path)


def _decode(decode: Callable[[bytes], T], data: bytes, path: Path) -> T:
    try:
        return decode(data)
    except WireError as error:
        raise SessionError(f"{path} is damaged: {error} Try: sealcap recover {path}") from error
