"""The way of a frame: capture → detect → track → lift → correct → solve → publish.

One thread captures, the caller's thread infers, others write to the sinks. Between capture and
inference lies a mailbox of depth one in which the newest frame wins; the same before each sink. Between two
frames wishes are granted (`realtime.control`): other options, outputs, another source.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from lifting.camera_estimate import CameraEstimate
from realtime.captures import Captures
from realtime.control import Control, NewSource, PlugIn, Relearn, Tune, Unplug, Wish
from realtime.data import BodyPose, Frame, Keypoints, Losses, Motion
from realtime.inference import Inference, OpenCamera
from realtime.people import People
from realtime.recorded_tracker import PersonTracker
from realtime.sinks import Sink
from realtime.sinks.runner import SinkRunner
from realtime.sinks.switchboard import Switchboard
from realtime.solve.body import SolverOptions
from realtime.sources import Source
from realtime.timing import Summary, Timings, stage_percentiles


class Pipeline:
    """Live motion capture from one source into any number of sinks."""

    def __init__(
        self,
        source: Source,
        tracker: PersonTracker,
        people: People,
        open_camera: OpenCamera,
        sinks: Sequence[Sink],
        *,
        lossless: bool = False,
        frames: int | None = None,
        duration: float | None = None,
    ) -> None:
        """`lossless`: drop nothing anywhere; `frames`, `duration` (seconds): stop after that much."""
        self.timings = Timings()
        self.control = Control()
        self.capture = Captures(source, lossless=lossless)
        self.outputs = Switchboard(SinkRunner(sink, lossless=lossless) for sink in sinks)
        self.published = self.with_person = 0
        self._inference = Inference(tracker, people, open_camera, self.timings)
        self._frames, self._duration = frames, duration

    @property
    def runners(self) -> list[SinkRunner]:
        """Of the outputs that are on now."""
        return self.outputs.runners

    @property
    def tracker(self) -> PersonTracker:
        """Who finds people in frames."""
        return self._inference.tracker

    @property
    def camera(self) -> CameraEstimate | None:
        """What is known of the camera by now; None before the first frame."""
        return self._inference.camera

    @property
    def options(self) -> SolverOptions:
        """The solver's, as they are now."""
        return self._inference.options

    @property
    def lossless(self) -> bool:
        """True where every frame of a file is wanted; then nothing can be switched."""
        return self.capture.lossless

    def run(self, stop: threading.Event) -> Summary:
        """Work until the source ends or `stop` is set. Raises SourceError or SinkError after closing."""
        begin = time.monotonic()
        try:
            for runner in self.runners:
                runner.start()
            self.capture.start()
            while not (stop.is_set() or self._finished(time.monotonic() - begin)):
                while (wish := self.control.take()) is not None:
                    self._grant(wish)
                captured = self.capture.next(timeout=0.1)
                if captured is not None:
                    self._publish(captured.frame, *self._inference.infer(captured))
                else:
                    for runner in self.runners:
                        runner.remind()
        finally:
            seconds = time.monotonic() - begin
            for wish in self.control.close():
                self._decline(wish)
            self.capture.close()
            for runner in self.runners:
                runner.close()
        if self.capture.error is not None:
            raise self.capture.error
        return self.summary(seconds)

    def choose(self, x_px: float, y_px: float) -> None:
        """Follow whoever stands at this place of the picture; from any thread."""
        self.tracker.choose(x_px, y_px)

    def summary(self, seconds: float) -> Summary:
        """The books of the run so far."""
        return Summary(
            source=self.capture.source.name,
            seconds=seconds,
            captured=self.capture.captured,
            missed=self.capture.missed,
            overwritten=self.capture.overwritten,
            unprocessed=self.capture.unprocessed,
            published=self.published,
            with_person=self.with_person,
            stage_ms=stage_percentiles(self.timings),
            sinks=self.outputs.reports(self.published),
            assumptions=dict(self.camera.sources) if self.camera else {},
        )

    def _finished(self, seconds: float) -> bool:
        enough = self._frames is not None and self.published >= self._frames
        late = self._duration is not None and seconds >= self._duration
        return enough or late or (self.capture.ended and not self.control.awaits_source)

    def _grant(self, wish: Wish) -> None:
        match wish:
            case Tune():
                self._inference.tune(wish.options)
            case Relearn():
                self._inference.relearn()
            case PlugIn():
                self.outputs.plug_in(wish.runner, self.published)
            case Unplug():
                self.outputs.unplug(wish.runner, self.published)
                wish.done.set()
            case NewSource():
                self._switch(wish)

    def _decline(self, wish: Wish) -> None:
        """The run is over: what came with a wish is closed with the rest."""
        match wish:
            case PlugIn():
                self.outputs.plug_in(wish.runner, self.published)
            case Unplug():
                wish.done.set()
            case NewSource():
                wish.source.close()

    def _switch(self, wish: NewSource) -> None:
        self.capture.switch(wish.source)
        self.control.awaits_source = False
        self._inference.look_elsewhere(wish.open_camera)

    def _publish(self, frame: Frame, keypoints: list[Keypoints], poses: tuple[BodyPose, ...]) -> None:
        now_ns = time.monotonic_ns()
        self.timings.published(now_ns)
        self.timings.record("latency", now_ns - frame.received_ns)
        motion = Motion(
            seq=self.published,
            frame=frame,
            keypoints=tuple(keypoints),
            people=poses,
            publish_ns=now_ns,
            fps=self.timings.fps,
            known_from={} if self.camera is None else {k: v.value for k, v in self.camera.sources.items()},
            stage_ms=dict(self.timings.frame_ms),
            losses=self._losses(),
        )
        with self.timings.stage("publish"):
            for runner in self.runners:
                runner.submit(motion)
        self.published += 1
        self.with_person += bool(keypoints)

    def _losses(self) -> Losses:
        outputs = {runner.name: runner.dropped for runner in self.runners}
        capture = self.capture
        return Losses(capture.captured, capture.missed, capture.overwritten, outputs)
