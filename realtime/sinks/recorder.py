"""Session recorder: an MCAP file that survives a crash.

Written to FILE.mcap.partial and renamed when closed. Twice a second the chunk in progress is closed,
flushed and synced to the disk, so that even a killed process loses no more than the last half second.
Beside the poses it holds what viewers show (`foxglove`), how the run went (`run_stats`) and, if asked for,
the video.
"""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from mcap.writer import CompressionType, Writer

from lifting.errors import ConfigError, SinkError
from lifting.skeleton import BODY21, BONES, SEALCAP26
from realtime.data import Motion
from realtime.sinks import session_schema as schema
from realtime.sinks.chunk_index import pack_indices
from realtime.sinks.disk import Disk
from realtime.sinks.foxglove import SKELETON, TRANSFORMS, VIDEO, FoxgloveScene, compressed_video
from realtime.sinks.pictures import has_picture
from realtime.sinks.run_stats import RunStats
from realtime.sinks.wire import StreamInfo, encode_keypoints, encode_meta, encode_pose

if TYPE_CHECKING:
    from realtime.sinks.robot_track import RobotTrack
    from realtime.sinks.video_encoder import H264Encoder

FLUSH_PERIOD_NS = 400_000_000
"""With `PAUSE_S` no frame is longer than half a second on its way to the disk."""
CHUNK_BYTES = 48 * 1024
QUEUE = 900
"""Frames that may wait: 15 seconds of disk stall at 60 fps, about 3 kB each."""
PICTURES = 30
"""Of them, so many may have their picture: 80 MB at 1280x720."""
PAUSE_S = 0.1
"""A file is in no hurry: what came in this time is written together."""
VIEW_PERIOD_NS = 29_000_000
"""A little less than a thirtieth of a second, for frames that jitter."""
_UINT32 = 0xFFFFFFFF


class SessionRecorder:
    """Writes every frame's poses and 2D joints, and its picture with `video`.

    `log_time` is the wall clock at capture, `publish_time` at sending, `sequence` the frame's number;
    monotonic times are inside the messages.
    """

    pause_s = PAUSE_S

    def __init__(
        self,
        path: str | Path,
        *,
        settings: str = "",
        info: StreamInfo | None = None,
        queue: int = QUEUE,
        video: bool = False,
        robot: RobotTrack | None = None,
    ) -> None:
        """`settings` is the configuration as text, attached to the file. Raises ConfigError when the name
        does not end in .mcap, MissingExtra when there is no library for `video`. The commands left in
        `robot` are stored beside the frames."""
        self.path = Path(path)
        if self.path.suffix != ".mcap":
            raise ConfigError(f"--record {path}: the name must end in .mcap, such as {self.path.stem}.mcap.")
        self.queue = queue
        self.pictures = PICTURES if video else 0
        """How many of the frames that wait may have their picture."""
        if video:
            from realtime.sinks import video_encoder  # noqa: F401 - is the library there? Say so at once.
        self.partial = self.path.with_name(self.path.name + ".partial")
        self._info = info or StreamInfo()
        self._settings = settings or self._info.config
        self._file: Disk | None = None
        self._writer = cast(Writer, None)
        self._channels: dict[str, int] = {}
        self._scene, self._stats = FoxgloveScene(), RunStats()
        self._robot = robot
        self._encoder: H264Encoder | None = None
        self._flush_due_ns = 0
        self._frames = self._without_video = 0
        self._viewed_ns = -VIEW_PERIOD_NS
        self._broken = False
        self._known_from: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """For counters and messages."""
        return f"record {self.path}"

    def open(self) -> None:
        """Create the file. Raises SinkError when it exists already or cannot be written."""
        for taken in (self.path, self.partial):
            if taken.exists():
                raise SinkError(_taken_message(self.path, taken))
        try:
            self._file = Disk(self.partial)
            self._writer = Writer(
                cast(BinaryIO, self._file), chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD
            )
            pack_indices(self._writer)
            self._writer.start(
                profile="", library=f"sealcap {self._info.versions.get('sealcap', '')}".strip()
            )
            self._describe()
            self._flush()
        except OSError as error:
            self._broken = True
            raise SinkError(
                f"Cannot record to {self.path}: {error.strerror}. "
                "Give --record a folder that exists and is yours."
            ) from error

    def write(self, motion: Motion) -> None:
        """Store one frame. Raises SinkError when the disk is full or gone; what was stored stays."""
        if self._file is None or self._broken:
            raise SinkError(f"{self.name} is not open.")
        try:
            if self._frames == 0:
                self._write_start(motion)
            self._store(motion)
            if time.monotonic_ns() >= self._flush_due_ns:
                self._flush()
        except OSError as error:
            self._broken = True
            raise SinkError(self._lost_message(error)) from error
        self._frames += 1

    def close(self) -> None:
        """Finish the file and give it its name; idempotent. Raises SinkError when that fails.

        Without a single frame there is no session: the file goes again.
        """
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._frames and not self._broken:
                self._store_robot()
                self._store_stats()
                self._writer.finish()
                file.sync()
        except OSError as error:
            raise SinkError(self._lost_message(error)) from error
        finally:
            file.close()
        if not self._frames:
            self.partial.unlink(missing_ok=True)
        elif not self._broken:
            self._rename()

    def _describe(self) -> None:
        """What a reader must know, before the first frame: metadata, settings, channels."""
        info = self._info
        self._writer.add_metadata(
            schema.SESSION,
            {
                "format": schema.FORMAT,
                "source": info.source,
                "skeleton": SEALCAP26.name,
                "joints": ",".join(SEALCAP26.joints),
                "bones": ",".join(BONES.joints),
                "keypoints": ",".join(BODY21.joints),
                "started_wall_ns": str(time.time_ns()),
                "monotonic_to_wall_ns": str(time.time_ns() - time.monotonic_ns()),
            },
        )
        self._writer.add_metadata(schema.VERSIONS, dict(info.versions))
        self._writer.add_metadata(schema.MODELS, dict(info.models))
        if self._settings:
            now = time.time_ns()
            self._writer.add_attachment(
                now, now, schema.SETTINGS, "application/yaml", self._settings.encode()
            )
        self._channels = schema.register(self._writer, video=self.pictures > 0, robot=self._robot is not None)

    def _write_start(self, motion: Motion) -> None:
        """Once, with the first frame: the clock of the source."""
        frame = motion.frame
        self._writer.add_metadata(
            schema.CLOCK,
            {
                "wall_offset_ns": str(frame.wall_offset_ns),
                "first_capture_ns": str(frame.capture_time_ns),
                "width": str(frame.size[0]),
                "height": str(frame.size[1]),
            },
        )

    def _store(self, motion: Motion) -> None:
        wall_ns = _wall_ns(motion)
        if motion.known_from != self._known_from:  # with the first frame, then as the run finds out more
            self._known_from = dict(motion.known_from)
            self._add(schema.META, motion, encode_meta(self._info, motion))
        self._add(schema.POSE, motion, encode_pose(motion))
        self._add(schema.KEYPOINTS, motion, encode_keypoints(motion))
        if self.pictures:
            self._store_picture(motion, wall_ns)
        if self._view_is_due(wall_ns):
            self._add(SKELETON, motion, self._scene.skeleton(motion.people, wall_ns))
            self._add(TRANSFORMS, motion, self._scene.transforms(motion.people, wall_ns))
        self._store_robot()
        if self._stats.add(motion):
            self._store_stats()

    def _view_is_due(self, wall_ns: int) -> bool:
        """At most 30 times a second of media time: these channels are for the eye."""
        since_ns = wall_ns - self._viewed_ns
        if 0 <= since_ns < VIEW_PERIOD_NS:
            return False
        self._viewed_ns = wall_ns
        return True

    def _store_picture(self, motion: Motion, wall_ns: int) -> None:
        from realtime.sinks.video_encoder import H264Encoder

        frame = motion.frame
        if not has_picture(frame.image):
            self._without_video += 1
            return
        if self._encoder is None or self._encoder.size != frame.size:
            self._encoder = H264Encoder(*frame.size)
        packet = self._encoder.encode(frame.image, frame.capture_time_ns)
        self._add(VIDEO, motion, compressed_video(packet, wall_ns))

    def _store_robot(self) -> None:
        for row in self._robot.take() if self._robot is not None else ():
            self._writer.add_message(
                self._channels[row.topic],
                log_time=max(0, row.wall_ns),
                data=row.data,
                publish_time=max(0, row.wall_ns),
                sequence=row.tick & _UINT32,
            )

    def _store_stats(self) -> None:
        if (found := self._stats.message(self._without_video)) is not None:
            self._add(schema.STATS, *found)

    def _add(self, topic: str, motion: Motion, data: bytes) -> None:
        sent_ns = time.time_ns() - time.monotonic_ns() + motion.publish_ns
        self._writer.add_message(
            self._channels[topic],
            log_time=_wall_ns(motion),
            data=data,
            publish_time=max(0, sent_ns),
            sequence=motion.seq & _UINT32,
        )

    def _flush(self) -> None:
        self._writer.flush()
        if self._file is not None:
            self._file.sync()
        self._flush_due_ns = time.monotonic_ns() + FLUSH_PERIOD_NS

    def _rename(self) -> None:
        if self.path.exists():
            raise SinkError(f"{self.path} appeared while recording; the session is kept as {self.partial}.")
        try:
            self.partial.rename(self.path)
        except OSError as error:
            raise SinkError(
                f"The session is complete, but stays at {self.partial}: {error.strerror}."
            ) from error

    def _lost_message(self, error: OSError) -> str:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else error.strerror
        return (
            f"Recording stopped after {self._frames} frames: {reason}. "
            f"All but the last half second is safe; rescue it with: sealcap recover {self.partial}"
        )


def _wall_ns(motion: Motion) -> int:
    """Wall-clock time of capture."""
    return max(0, motion.frame.capture_time_ns + motion.frame.wall_offset_ns)


def _taken_message(path: Path, taken: Path) -> str:
    if taken != path:
        return (
            f"{taken} is the rest of a recording that was cut off. "
            f"Rescue it with: sealcap recover {taken}, or delete it."
        )
    free = next(
        name for n in range(2, 10_000) if not (name := path.with_name(f"{path.stem}-{n}.mcap")).exists()
    )
    return f"{path} exists already and is not overwritten. Choose another name: --record {free}"
