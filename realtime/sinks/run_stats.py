"""How a run goes, once a second as JSON: what was lost where, and how long each stage took."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from realtime.data import Losses, Motion

PERIOD_NS = 1_000_000_000
MAX_FRAMES = 2000
"""Of a second that are told one by one; nothing runs faster but a file at full speed."""

SCHEMA = """\
{"title": "sealcap.Stats1", "type": "object",
 "description": "State of a run, once a second. Counters are totals since its start.",
 "properties": {
  "seq": {"type": "integer", "description": "Number of the newest frame in it."},
  "frames": {"type": "integer", "description": "Since the last message."},
  "fps": {"type": "number", "description": "Measured rate."},
  "captured": {"type": "integer"},
  "missed": {"type": "integer", "description": "Given up by the source itself, not in captured."},
  "overwritten": {"type": "integer", "description": "A newer frame came before inference was free."},
  "outputs": {"type": "object", "description": "Dropped by an output that was too slow, by its name."},
  "without_video": {"type": "integer", "description": "Frames whose picture the recorder had to leave out."},
  "stage_ms": {"type": "object", "description": "Stage: p50, p95, worst of this second; milliseconds."},
  "frame_ms": {"type": "object", "description": "Stage: every frame of this second; milliseconds."}
 }}
"""
"""JSON schema of the messages."""


class StageTimes(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50: float
    p95: float
    worst: float


class StatsMap(msgspec.Struct, frozen=True):
    """One message; fields as in `SCHEMA`."""

    seq: int
    frames: int
    fps: float
    captured: int = 0
    missed: int = 0
    overwritten: int = 0
    outputs: dict[str, int] = {}
    without_video: int = 0
    stage_ms: dict[str, StageTimes] = {}
    frame_ms: dict[str, list[float]] = {}


class RunStats:
    """Gathers frames and makes a message of them when a second is over."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._last: Motion | None = None
        self._frames = 0
        self._ms: dict[str, list[float]] = {}

    def add(self, motion: Motion) -> bool:
        """Take in one frame; True when a message is due. Replayed frames have nothing to tell."""
        if motion.losses is None:
            return False
        latency_ms = (motion.publish_ns - motion.frame.received_ns) / 1e6
        for stage, ms in ({**motion.stage_ms, "latency": latency_ms}).items():
            times = self._ms.setdefault(stage, [])
            if len(times) < MAX_FRAMES:
                times.append(round(ms, 3))
        self._frames += 1
        self._last = motion
        self._since_ns = motion.publish_ns if self._since_ns is None else self._since_ns
        return motion.publish_ns - self._since_ns >= PERIOD_NS

    def message(self, without_video: int) -> tuple[Motion, bytes] | None:
        """The newest frame and the JSON of all since the last call; None when there were none."""
        motion = self._last
        if motion is None:
            return None
        losses = motion.losses or Losses(0, 0, 0)
        stats = StatsMap(
            seq=motion.seq,
            frames=self._frames,
            fps=round(motion.fps, 3) if np.isfinite(motion.fps) else 0.0,
            captured=losses.captured,
            missed=losses.missed,
            overwritten=losses.overwritten,
            outputs=losses.outputs,
            without_video=without_video,
            stage_ms={stage: _times(ms) for stage, ms in self._ms.items()},
            frame_ms=self._ms,
        )
        self._since_ns, self._last, self._frames, self._ms = motion.publish_ns, None, 0, {}
        return motion, msgspec.json.encode(stats)


def _times(ms: Iterable[float]) -> StageTimes:
    p50, p95, worst = np.percentile(list(ms), (50, 95, 100))
    return StageTimes(round(float(p50), 3), round(float(p95), 3), round(float(worst), 3))
