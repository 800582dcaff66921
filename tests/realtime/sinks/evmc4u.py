"""A receiver of VMC that behaves as EVMC4U, the usual one in Unity, does; and an avatar for it.

It stops for good when a known address has too few arguments, ignores wrong types, writes every position it
gets into the avatar as a local position, and drops everything when more than 30 `/VMC/Ext/T` came within one
of its own pictures. Mathematics of its own, in Unity's left-handed axes: nothing of ours is used to judge.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field

import numpy as np
from pythonosc.osc_packet import OscPacket

T_LIMIT = 30
LAYOUT = {
    "/VMC/Ext/OK": (int,),
    "/VMC/Ext/T": (float,),
    "/VMC/Ext/Root/Pos": (str, *(float,) * 7),
    "/VMC/Ext/Bone/Pos": (str, *(float,) * 7),
}
PARENT = {
    "Hips": None, "Spine": "Hips", "Chest": "Spine", "Neck": "Chest", "Head": "Neck",
    **{f"{s}{b}": p.replace("*", s) for s in ("Left", "Right") for b, p in (
        ("Shoulder", "Chest"), ("UpperArm", "*Shoulder"), ("LowerArm", "*UpperArm"), ("Hand", "*LowerArm"),
        ("UpperLeg", "Hips"), ("LowerLeg", "*UpperLeg"), ("Foot", "*LowerLeg"), ("Toes", "*Foot"))},
}  # fmt: skip
"""Unity's humanoid as far as it is driven."""

Vec = np.ndarray


def turn(q: Vec, v: Vec) -> Vec:
    """v (3,) turned by q (4,) xyzw; the formula is the same in left-handed axes."""
    u, w = q[:3], q[3]
    return v + 2 * np.cross(u, np.cross(u, v) + w * v)


def product(a: Vec, b: Vec) -> Vec:
    """First b, then a."""
    return np.array([*(a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])), a[3] * b[3] - a[:3] @ b[:3]])


@dataclass
class Avatar:
    """Transforms as Unity has them: local position and rotation of every bone."""

    position: dict[str, Vec]
    """Before anything arrives: the avatar's own rest pose."""
    parent: dict[str, str | None] = field(default_factory=lambda: dict(PARENT))
    rotation: dict[str, Vec] = field(default_factory=dict)
    root: tuple[Vec, Vec] = field(default_factory=lambda: (np.zeros(3), np.array([0.0, 0, 0, 1])))

    def world(self, bone: str) -> tuple[Vec, Vec]:
        """(position, rotation) in the scene."""
        above = self.parent[bone]
        p, q = self.root if above is None else self.world(above)
        local = self.rotation.get(bone, np.array([0.0, 0, 0, 1]))
        return p + turn(q, self.position[bone]), product(q, local)


class Evmc4u:
    """Receives on a port of its own until closed. `render` is one picture of Unity."""

    def __init__(self, avatar: Avatar | None = None, port: int = 0) -> None:
        """Raises OSError when the port is taken; 0 takes any."""
        self.avatar = avatar or Avatar({bone: np.array([0.0, 0.1, 0.0]) for bone in PARENT})
        self.shutdown: Exception | None = None
        self.ok: list[int] = []
        self.time_s = -1.0
        self.frames = self.dropped = 0
        self.packets: list[bytes] = []
        self._in_picture = self._last_picture = 0
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(0.05)
        self.port: int = self._socket.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def render(self) -> None:
        """Begin the next picture."""
        with self._lock:
            self._last_picture, self._in_picture = self._in_picture, 0

    def close(self) -> None:
        """Take in what has arrived, then stop."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Evmc4u:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def receive(self, packet: bytes) -> None:
        """One packet, as it came."""
        self.packets.append(packet)
        for timed in OscPacket(packet).messages:
            if self.shutdown is not None:
                return
            if self._last_picture > T_LIMIT:
                self.dropped += 1
                continue
            try:
                self._message(timed.message.address, list(timed.message.params))
            except IndexError as error:
                self.shutdown = error

    def _work(self) -> None:
        while True:
            try:
                packet = self._socket.recv(65535)
            except TimeoutError:
                if self._stop.is_set():
                    return
                continue
            with self._lock:
                self.receive(packet)

    def _message(self, address: str, values: list[object]) -> None:
        if not all(type(values[i]) is kind for i, kind in enumerate(LAYOUT.get(address, ()))):
            return
        if address == "/VMC/Ext/OK":
            self.ok = values  # type: ignore[assignment]
        elif address == "/VMC/Ext/T":
            self.time_s = values[0]  # type: ignore[assignment]
            self._in_picture += 1
            self.frames += 1
        elif address in ("/VMC/Ext/Root/Pos", "/VMC/Ext/Bone/Pos"):
            numbers = np.array(values[1:8], float)
            if address == "/VMC/Ext/Root/Pos":
                self.avatar.root = numbers[:3], numbers[3:]
            elif values[0] in self.avatar.position:
                self.avatar.position[str(values[0])] = numbers[:3]
                self.avatar.rotation[str(values[0])] = numbers[3:]
