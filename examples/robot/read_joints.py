"""Read a robot's joints from Sealcap's joint stream and do what a safe receiver does.

Needs pyzmq, msgpack and numpy; nothing of Sealcap:   pip install pyzmq msgpack numpy

    sealcap run demo --robot g1 --robot-out tcp://127.0.0.1:5571     in one terminal
    sealcap robot arm                                                in another
    python read_joints.py [tcp://127.0.0.1:5571] [how many messages]
"""

import sys
import time

import msgpack
import numpy as np
import zmq

ENDPOINT = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5571"
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else None
MOVING = ("ramping", "following", "holding")  # in all other states: stand still
SILENCE_MS = 100  # nothing heard for so long: stand still


def subscriber(context: zmq.Context, topic: bytes, newest_only: bool) -> zmq.Socket:
    """A socket that keeps only the newest message, if asked: a controller wants no queue."""
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.CONFLATE, int(newest_only))
    socket.setsockopt(zmq.MAXMSGSIZE, 1 << 16)
    socket.setsockopt(zmq.SUBSCRIBE, topic)
    socket.connect(ENDPOINT)
    return socket


def unpacked(message: bytes, topic: bytes) -> dict:
    """Topic and map share one frame."""
    return msgpack.unpackb(message[len(topic) :])


def main() -> None:
    """Print once a second what a controller would do."""
    context = zmq.Context()
    metas = subscriber(context, b"rmeta1 ", newest_only=True)
    meta = unpacked(metas.recv(), b"rmeta1 ")  # comes once a second
    print(f"{meta['robot']}: {len(meta['joints'])} joints at {meta['rate_hz']:g} Hz, version {meta['v']}")

    commands = subscriber(context, b"robot1 ", newest_only=COUNT is None)
    run, last_tick, lost, shown, count = None, -1, 0, 0.0, 0
    while COUNT is None or count < COUNT:
        if not commands.poll(SILENCE_MS):
            print("silence: stand still, and do not follow again before a ramp of your own")
            run = None
            commands.poll()
            continue
        command = unpacked(commands.recv(), b"robot1 ")
        if command["v"] != 1:
            raise SystemExit("this reader is too old")
        if command["run"] != run:  # the sender started anew: its pose may be far from ours
            run, last_tick = command["run"], command["tick"] - 1
        lost += command["tick"] - last_tick - 1
        last_tick = command["tick"]
        count += 1
        target = np.frombuffer(command["q"], "<f8")  # radians, in the order of meta["joints"]
        if command["state"] in MOVING:
            pass  # hand `target` to the controller here
        if time.monotonic() - shown > 1:
            shown = time.monotonic()
            print(
                f"#{last_tick} {command['state']} {command['reason']}  {meta['joints'][0]} {target[0]:+.4f}"
            )
    print(f"{count} messages, {lost} lost")


main()
