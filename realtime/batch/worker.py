"""A worker process: `python -m realtime.batch.worker THREADS`, jobs in, records out, a line of JSON each.

It ends when its input does, at once and in the middle of a video, so that no worker outlives its master.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import BinaryIO

from realtime.batch.work import process_text


def _listen(source: BinaryIO, jobs: queue.SimpleQueue[str]) -> None:
    for line in source:
        jobs.put(line.decode())
    os._exit(3)


def main() -> None:
    """Work until the input ends."""
    import cv2

    cv2.setNumThreads(int(sys.argv[1]))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries say must not mix with answers
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        answers.write(process_text(jobs.get()).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
