"""Receive joints over OSC with python-osc, as any program could: python examples/03_receive_osc.py [FRAMES]

Start it first or later; the sender in another terminal:

    sealcap run --osc 127.0.0.1:39570
"""

import sys

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

FRAMES = int(sys.argv[1]) if len(sys.argv) > 1 else None  # None: until Ctrl-C
seen: set[int] = set()
wrist: tuple[float, ...] = ()


def frame(_address: str, seq: int, _s: int, _ns: int, person: int, state: str, confidence: float) -> None:
    """Begins every packet; a frame of one person comes in two or three packets."""
    if seq not in seen:
        seen.add(seq)
        print(f"{seq:6d}  person {person} {state:9s}  sure {confidence:.2f}  left wrist {wrist}")


def joint(_address: str, name: str, x: float, y: float, z: float, _confidence: float) -> None:
    """26 of these: metres; x left, y up, z forward."""
    global wrist
    if name == "left_wrist":
        wrist = (round(x, 3), round(y, 3), round(z, 3))


dispatcher = Dispatcher()
dispatcher.map("/mocap/v1/frame", frame)
dispatcher.map("/mocap/v1/joint", joint)
with BlockingOSCUDPServer(("127.0.0.1", 39570), dispatcher) as server:
    while FRAMES is None or len(seen) < FRAMES:
        server.handle_request()
