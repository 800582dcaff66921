"""The Python subscriber against the real publisher."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from lifting.errors import ConfigError
from realtime.client import Subscriber
from realtime.sinks.wire import POSE_TOPIC, encode_pose
from realtime.sinks.zmq import ZmqSink
from tests.realtime.sinks.motions import make_motion

EXAMPLE = Path(__file__).parents[2] / "examples" / "01_receive_poses.py"


@pytest.fixture
def sink() -> Iterator[ZmqSink]:
    """A publisher on a free port."""
    sink = ZmqSink("tcp://127.0.0.1:*")
    sink.open()
    yield sink
    sink.close()


def join(sink: ZmqSink, subscriber: Subscriber) -> int:
    """Publish until the subscription stands; the number of the next frame."""
    for seq in range(500):
        sink.write(make_motion(seq))
        if subscriber.receive(0.01) is not None:
            while subscriber.receive(0.05) is not None:
                pass
            return seq + 1
    raise AssertionError("nothing arrived")


def test_every_frame_arrives_typed_and_in_order(sink: ZmqSink) -> None:
    """Paced like a camera nothing is lost, and the numbers are those that were sent."""
    with Subscriber(sink.endpoint, newest_only=False, timeout=1) as subscriber:
        first = join(sink, subscriber)
        subscriber.lost = 0
        for seq in range(first, first + 30):
            motion = make_motion(seq, people=2)
            sink.write(motion)
            message = subscriber.receive(2)
            assert message is not None
            assert message.seq == seq
            assert np.array_equal(message.people[1].joints, motion.people[1].joints_world)
        assert subscriber.lost == 0
        for seq in range(first + 30, first + 330):
            if subscriber.meta is not None:
                break
            sink.write(make_motion(seq))
            subscriber.receive(0.01)
            time.sleep(0.01)
        assert subscriber.meta is not None
        assert len(subscriber.meta.joints) == 26


def test_newest_only_skips_what_is_old(sink: ZmqSink) -> None:
    """A reader that sleeps sees a fresh frame next, and the skipped ones are counted."""
    with Subscriber(sink.endpoint) as subscriber:
        first = join(sink, subscriber)
        subscriber.lost = 0
        for seq in range(first, first + 5):
            sink.write(make_motion(seq))
            time.sleep(0.02)
        message = subscriber.receive(1)
        assert message is not None
        assert message.seq == first + 4
        assert subscriber.lost == 4


def test_gaps_are_counted_and_a_restart_is_no_gap(sink: ZmqSink) -> None:
    """Missing numbers are losses; a number that falls back is a new sender."""
    with Subscriber(sink.endpoint, newest_only=False) as subscriber:
        join(sink, subscriber)
        subscriber.lost = 0
        for seq, lost in ((1000, None), (1001, 0), (1005, 3), (0, 3), (1, 3), (3, 4)):
            sink.write(make_motion(seq))
            message = subscriber.receive(2)
            assert message is not None
            if lost is None:
                subscriber.lost = 0
            else:
                assert subscriber.lost == lost


def test_iteration_ends_when_nothing_comes() -> None:
    """Without a sender a timeout ends the loop; the sender may also come later."""
    with Subscriber("tcp://127.0.0.1:9", timeout=0.05) as subscriber:
        begin = time.monotonic()
        assert list(subscriber) == []
        assert time.monotonic() - begin < 1


def test_foreign_messages_are_rejected_and_counted() -> None:
    """Noise on the topics does no harm, and a message beyond the limit never gets in."""
    good = encode_pose(make_motion(5))
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with Subscriber(f"tcp://127.0.0.1:{port}", newest_only=False) as subscriber:
            for _ in range(200):
                socket.send(POSE_TOPIC + b"\xff")
                socket.send(b"meta1 \x80")
                socket.send(b"pose2 " + good)
                socket.send(POSE_TOPIC + good)
                message = subscriber.receive(0.02)
                if message is not None and subscriber.rejected >= 2:
                    break
            assert message is not None
            assert message.seq == 5
            assert subscriber.rejected >= 2
            while subscriber.receive(0.05) is not None:
                pass
            socket.send(POSE_TOPIC + b"\0" * (2 << 20))
            assert subscriber.receive(0.2) is None


def test_an_endpoint_that_is_none_is_refused() -> None:
    """The message shows one that is."""
    with pytest.raises(ConfigError, match=r"tcp://127\.0\.0\.1:5570"):
        Subscriber("nonsense")


def test_the_client_needs_little() -> None:
    """Importing it brings neither OpenCV, ONNX, MCAP, the page nor torch."""
    code = (
        "import sys, realtime.client; heavy = {'cv2', 'onnx', 'onnxruntime', 'mcap', 'viser', 'torch', "
        "'pydantic', 'tyro', 'pythonosc'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_example_prints_wrists(sink: ZmqSink, tmp_path: Path) -> None:
    """The twenty lines of examples/ run against a real sender."""
    script = tmp_path / "example.py"
    text = (
        EXAMPLE.read_text().replace("tcp://127.0.0.1:5570", sink.endpoint).replace("timeout=10", "timeout=1")
    )
    script.write_text(text)
    stop = threading.Event()

    def publish() -> None:
        seq = 0
        while not stop.wait(0.03) and seq < 60:
            sink.write(make_motion(seq))
            seq += 1

    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        sender = threading.Thread(target=publish)
        sender.start()
        out, _ = process.communicate(timeout=30)
        stop.set()
        sender.join()
    assert process.returncode == 0
    assert "person 1 tracking" in out
    assert "Nothing came for 10 seconds" in out
    assert sum(1 for line in EXAMPLE.read_text().splitlines() if line.strip()) <= 20
