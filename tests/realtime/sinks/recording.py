"""Run as a program: record frames for ever at 60 per second, printing the last one written.

Usage: python recording.py FILE.mcap [BYTES] [video]; with BYTES other than 0 no file may grow beyond that.
"""

import sys
import time

from lifting.errors import SinkError
from realtime.sinks.recorder import SessionRecorder
from tests.realtime.sinks.motions import make_motion


def main(path: str, limit: str = "0", video: str = "") -> None:
    if int(limit):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    recorder = SessionRecorder(path, settings="lifter: x\n", video=bool(video))
    recorder.open()
    seq, begin = 0, time.monotonic()
    try:
        while True:
            recorder.write(make_motion(seq))
            sys.stdout.write(f"{seq} {time.time_ns()}\n")
            sys.stdout.flush()
            seq += 1
            if not int(limit):
                time.sleep(max(0.0, begin + seq / 60 - time.monotonic()))
    except SinkError as error:
        recorder.close()
        sys.stderr.write(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
