"""The list of a session's chunks: small while recording, the library's own at the end."""

from __future__ import annotations

from pathlib import Path

from mcap.data_stream import RecordBuilder
from mcap.reader import make_reader
from mcap.records import ChunkIndex
from mcap.writer import Writer

from realtime.sinks.chunk_index import PackedIndices, pack_indices
from realtime.sinks.recorder import SessionRecorder
from tests.realtime.sinks.motions import make_motion


def index(number: int) -> ChunkIndex:
    """One chunk's entry."""
    offsets = {channel: number + channel for channel in range(1 + number % 7)}
    return ChunkIndex(number, 2, "zstd", 3, 4, 5, offsets, 6, 7)


def test_packed_indices_write_the_same_bytes() -> None:
    """In order, whatever their lengths."""
    plain, packed = RecordBuilder(), RecordBuilder()
    indices = PackedIndices()
    for number in range(50):
        index(number).write(plain)
        indices.append(index(number))
    assert len(indices) == 50
    for entry in indices:
        entry.write(packed)
    assert packed.end() == plain.end()


def test_a_recording_keeps_no_object_per_chunk(tmp_path: Path) -> None:
    """The library's list is replaced in the version in use, and readers find every chunk by the index."""
    recorder = SessionRecorder(tmp_path / "take.mcap")
    recorder.open()
    for seq in range(100):
        recorder.write(make_motion(seq))
    held = vars(recorder._writer)["_Writer__chunk_indices"]
    assert isinstance(held, PackedIndices)
    assert len(held) >= 3
    recorder.close()
    with (tmp_path / "take.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None
        assert len(summary.chunk_indexes) == len(held)
        messages = [message.sequence for _, _, message in reader.iter_messages(topics=["/pose"])]
    assert messages == list(range(100))


def test_an_unknown_library_is_left_alone() -> None:
    """Without the list there is nothing to replace."""
    writer = object.__new__(Writer)
    pack_indices(writer)
    assert not vars(writer)
