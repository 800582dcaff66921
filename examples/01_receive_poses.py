"""Receive live poses over ZeroMQ and print where the wrists are.

Start the sender first or later, in another terminal:

    sealcap run --zmq tcp://127.0.0.1:5570
"""

from lifting.skeleton import SEALCAP26
from realtime.client import Subscriber

WRISTS = SEALCAP26.indices("left_wrist", "right_wrist")

with Subscriber("tcp://127.0.0.1:5570", timeout=10) as poses:
    for message in poses:
        for person in message.people:
            left, right = person.joints[WRISTS]  # metres; x left, y up, z forward
            print(f"{message.seq:6d}  person {person.id} {person.state:9s}  left {left}  right {right}")
    print(f"Nothing came for 10 seconds. {poses.lost} frames were skipped.")
