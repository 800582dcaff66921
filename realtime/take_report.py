"""How a recorded take went: rate, evenness, losses by stage, gaps, who was seen how well, latency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from mcap.records import Attachment, Channel, Message, Metadata

from lifting.errors import SessionError, WireError
from realtime.session import Scan, read_records
from realtime.sinks import session_schema as schema
from realtime.sinks.foxglove import VIDEO
from realtime.sinks.run_stats import StatsMap
from realtime.sinks.wire import MetaMap, PoseMessage, decode_meta, decode_pose

STATES = ("tracking", "predicted", "held", "lost")
GAP_S = 0.25
"""Longer between two frames is a gap,"""
GAP_STEPS = 4.0
"""if it is also so many times the usual interval."""
MAX_TIMES = 4_000_000
"""Frames that are told apart, 18 hours at 60 fps; and times per stage."""
MAX_STAGES = 64


@dataclass(frozen=True)
class Intervals:
    """Between frames by their time of capture, milliseconds."""

    median: float
    p95: float
    worst: float
    jitter: float
    """Standard deviation."""


@dataclass(frozen=True)
class Gap:
    """A pause between two frames."""

    seconds: float
    at_s: float
    """Since the first frame."""


@dataclass(frozen=True)
class PersonReport:
    """One person of the take."""

    id: int
    frames: int
    first_s: float
    last_s: float
    percent: dict[str, float]
    """State → share of this person's frames."""


@dataclass(frozen=True)
class Drops:
    """Frames lost, by the place where; None where the session does not tell."""

    source: int | None
    """Given up by the camera or file itself."""
    skipped: int | None
    """Captured, but a newer frame came before inference was free."""
    outputs: dict[str, int] | None
    """By output, because it was too slow."""
    recorder: int
    """Missing in the recording: holes in its numbers."""


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    worst: float


@dataclass(frozen=True)
class TakeReport:
    """All of it; times in seconds from the first frame unless said otherwise."""

    file: str
    bytes: int
    whole: bool
    """False: the recording was cut off; `sealcap recover` makes it whole."""
    damaged: int
    """Parts that do not read."""
    source: str
    started_wall_ns: int | None
    frames: int
    seconds: float
    fps: float | None
    """By the median interval."""
    mean_fps: float | None
    """Frames by time; lower where there are gaps."""
    captured: int | None
    intervals_ms: Intervals | None
    gaps: int
    longest_gap: Gap | None
    drops: Drops
    people: list[PersonReport]
    empty_percent: float
    """Frames without anybody."""
    stages_ms: dict[str, Percentiles]
    """Among them `latency`: from the frame's arrival until it was sent."""
    video_frames: int
    bytes_by_topic: dict[str, int]
    """Before compression."""
    known_from: dict[str, str]
    """Tilt, field of view and heights: given, estimated or assumed."""
    models: dict[str, str]
    versions: dict[str, str]
    settings: str


@dataclass
class _Gathered:
    """What one pass over the file collects."""

    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    settings: str = ""
    meta: MetaMap | None = None
    stats: StatsMap | None = None
    stage_ms: dict[str, list[float]] = field(default_factory=dict)
    times_ns: list[int] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    first_wall_ns: int | None = None
    empty: int = 0
    states: dict[int, Counter[str]] = field(default_factory=dict)
    spans_ns: dict[int, tuple[int, int]] = field(default_factory=dict)
    video_frames: int = 0
    bytes_by_topic: Counter[str] = field(default_factory=Counter)
    damaged: int = 0

    def add_pose(self, data: bytes) -> None:
        self._add_frame(decode_pose(data))

    def add_meta(self, data: bytes) -> None:
        self.meta = decode_meta(data)

    def add_stats(self, data: bytes) -> None:
        try:
            self.stats = msgspec.json.decode(data, type=StatsMap)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise WireError(f"Not a message of statistics: {str(error)[:200]}.") from error
        for stage, values in self.stats.frame_ms.items():
            if stage in self.stage_ms or len(self.stage_ms) < MAX_STAGES:
                times = self.stage_ms.setdefault(stage, [])
                times.extend(values[: MAX_TIMES - len(times)])

    def add_video(self, _data: bytes) -> None:
        self.video_frames += 1

    def _add_frame(self, message: PoseMessage) -> None:
        if len(self.times_ns) >= MAX_TIMES:
            raise SessionError(f"The session holds more than {MAX_TIMES} frames; cut it into parts.")
        time_ns = message.capture_time_ns
        self.first_wall_ns = self.first_wall_ns or time_ns + message.wall_offset_ns
        self.times_ns.append(time_ns)
        self.seqs.append(message.seq)
        self.empty += all(person.state == "lost" for person in message.people)
        for person in message.people:
            self.states.setdefault(person.id, Counter())[person.state] += 1
            self.spans_ns[person.id] = self.spans_ns.get(person.id, (time_ns, 0))[0], time_ns


_READERS = {
    schema.POSE: _Gathered.add_pose,
    schema.META: _Gathered.add_meta,
    schema.STATS: _Gathered.add_stats,
    VIDEO: _Gathered.add_video,
}


def take_report(path: Path) -> TakeReport:
    """Read a session, whole or cut off, and sum it up. Raises SessionError when it is none."""
    scan = Scan()
    found = _gather(path, scan)
    times_s = (np.array(found.times_ns, np.float64) - (found.times_ns[0] if found.times_ns else 0)) / 1e9
    steps_s = np.diff(times_s)
    median_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    gaps = np.flatnonzero(steps_s > max(GAP_S, GAP_STEPS * median_s))
    meta = found.meta
    return TakeReport(
        file=path.name,
        bytes=path.stat().st_size,
        whole=scan.finished,
        damaged=scan.damaged + found.damaged,
        source=found.metadata.get(schema.SESSION, {}).get("source", ""),
        started_wall_ns=found.first_wall_ns,
        frames=len(times_s),
        seconds=float(times_s[-1]) if len(times_s) else 0.0,
        fps=1 / median_s if median_s > 0 else None,
        mean_fps=1 / float(np.mean(steps_s)) if median_s > 0 else None,
        captured=None if found.stats is None else found.stats.captured,
        intervals_ms=_intervals(steps_s * 1e3) if len(steps_s) else None,
        gaps=len(gaps),
        longest_gap=_longest(steps_s, times_s) if len(gaps) else None,
        drops=_drops(found),
        people=_people(found),
        empty_percent=100 * found.empty / len(times_s) if len(times_s) else 0.0,
        stages_ms={stage: _percentiles(ms) for stage, ms in found.stage_ms.items() if ms},
        video_frames=found.video_frames,
        bytes_by_topic=dict(found.bytes_by_topic),
        known_from={} if meta is None else dict(meta.known_from),
        models=found.metadata.get(schema.MODELS, {}),
        versions=found.metadata.get(schema.VERSIONS, {}),
        settings=found.settings,
    )


def _gather(path: Path, scan: Scan) -> _Gathered:
    found, topics = _Gathered(), dict[int, str]()
    for record in read_records(path, scan):
        match record:
            case Metadata():
                found.metadata[record.name] = dict(record.metadata)
            case Attachment() if record.name == schema.SETTINGS:
                found.settings = record.data.decode("utf-8", "replace")
            case Channel():
                topics[record.id] = record.topic
            case Message() if record.channel_id in topics:
                _take(found, topics[record.channel_id], record.data)
    return found


def _take(found: _Gathered, topic: str, data: bytes) -> None:
    found.bytes_by_topic[topic] += len(data)
    if topic in _READERS:
        try:
            _READERS[topic](found, data)
        except WireError:
            found.damaged += 1


def _intervals(steps_ms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Intervals:
    median, p95, worst = (float(x) for x in np.percentile(steps_ms, (50, 95, 100)))
    return Intervals(median, p95, worst, float(np.std(steps_ms)))


def _longest(
    steps_s: np.ndarray[tuple[int], np.dtype[np.float64]],
    times_s: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Gap:
    worst = int(np.argmax(steps_s))
    return Gap(float(steps_s[worst]), float(times_s[worst]))


def _drops(found: _Gathered) -> Drops:
    seqs, stats = found.seqs, found.stats
    holes = sum(max(0, b - a - 1) for a, b in pairwise(seqs))
    if stats is None:
        return Drops(None, None, None, holes)
    return Drops(stats.missed, stats.overwritten, dict(stats.outputs), holes)


def _people(found: _Gathered) -> list[PersonReport]:
    origin = found.times_ns[0] if found.times_ns else 0
    return [
        PersonReport(
            person_id,
            frames=sum(states.values()),
            first_s=(found.spans_ns[person_id][0] - origin) / 1e9,
            last_s=(found.spans_ns[person_id][1] - origin) / 1e9,
            percent=_shares(states),
        )
        for person_id, states in sorted(found.states.items())
    ]


def _shares(states: Mapping[str, int]) -> dict[str, float]:
    total = sum(states.values())
    return {state: 100 * states.get(state, 0) / total for state in STATES}


def _percentiles(ms: Sequence[float]) -> Percentiles:
    p50, p95, p99, worst = (float(x) for x in np.percentile(ms, (50, 95, 99, 100)))
    return Percentiles(p50, p95, p99, worst)
