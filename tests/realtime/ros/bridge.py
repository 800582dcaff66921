"""A small rosbridge server that follows the protocol to the letter and remembers what it is told.

It refuses, as the real one does with a status message: topics that were not advertised, types it does not
know, fields that a type does not have, values of another kind. Beyond the real one it also refuses what that
only fills in: missing fields. Written from the protocol's page and the message definitions.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

TYPES: dict[str, dict[str, str]] = {
    "builtin_interfaces/msg/Time": {"sec": "int32", "nanosec": "uint32"},
    "std_msgs/msg/Header": {"stamp": "builtin_interfaces/msg/Time", "frame_id": "string"},
    "std_msgs/msg/String": {"data": "string"},
    "sensor_msgs/msg/JointState": {
        "header": "std_msgs/msg/Header", "name": "string[]", "position": "float64[]",
        "velocity": "float64[]", "effort": "float64[]",
    },
    "geometry_msgs/msg/Vector3": {"x": "float64", "y": "float64", "z": "float64"},
    "geometry_msgs/msg/Quaternion": {"x": "float64", "y": "float64", "z": "float64", "w": "float64"},
    "geometry_msgs/msg/Transform": {
        "translation": "geometry_msgs/msg/Vector3", "rotation": "geometry_msgs/msg/Quaternion",
    },
    "geometry_msgs/msg/TransformStamped": {
        "header": "std_msgs/msg/Header", "child_frame_id": "string",
        "transform": "geometry_msgs/msg/Transform",
    },
    "tf2_msgs/msg/TFMessage": {"transforms": "geometry_msgs/msg/TransformStamped[]"},
    "hri_msgs/msg/IdsList": {"header": "std_msgs/msg/Header", "ids": "string[]"},
    "hri_msgs/msg/NormalizedPointOfInterest2D": {"x": "float32", "y": "float32", "c": "float32"},
    "hri_msgs/msg/NormalizedRegionOfInterest2D": {
        "header": "std_msgs/msg/Header", "xmin": "float32", "ymin": "float32", "xmax": "float32",
        "ymax": "float32", "c": "float32",
    },
    "hri_msgs/msg/Skeleton2D": {
        "header": "std_msgs/msg/Header", "skeleton": "hri_msgs/msg/NormalizedPointOfInterest2D[]",
    },
}  # fmt: skip
RANGES = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
POLICIES = {
    "history": {"keep_last", "keep_all"},
    "reliability": {"reliable", "best_effort", "best_available"},
    "durability": {"transient_local", "volatile", "best_available"},
}


def check(value: Any, kind: str, place: str = "msg") -> None:
    """Raises ValueError saying where a value is not of a ROS type."""
    if kind.endswith("[]"):
        if not isinstance(value, list):
            raise ValueError(f"{place} is no list")
        for i, item in enumerate(value):
            check(item, kind[:-2], f"{place}[{i}]")
    elif kind in TYPES:
        fields = TYPES[kind]
        if not isinstance(value, dict) or value.keys() != fields.keys():
            raise ValueError(f"{place} has not the fields {list(fields)} of {kind}")
        for name, inner in fields.items():
            check(value[name], inner, f"{place}.{name}")
    elif kind == "string":
        if not isinstance(value, str):
            raise ValueError(f"{place} is no string")
    elif kind in RANGES:
        low, high = RANGES[kind]
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{place} is no {kind}")
    elif type(value) not in (int, float) or abs(value) > 1e300:
        raise ValueError(f"{place} is no {kind}")


def check_qos(qos: Any) -> None:
    """Raises ValueError for what the server would not accept."""
    if not isinstance(qos, dict) or type(qos.get("depth")) is not int or qos["depth"] < 0:
        raise ValueError("qos needs a depth")
    for policy, names in POLICIES.items():
        if qos.get(policy) not in names:
            raise ValueError(f"qos has no valid {policy}")


class Bridge:
    """The server. `messages` are the publications, in order; `errors` whatever was wrong."""

    def __init__(self, port: int = 0) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.adverts: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []
        self.connections = 0
        self.stalled = threading.Event()
        """Set: nothing is read any more."""
        self.on_connect: Callable[[ServerConnection], None] = lambda _connection: None
        self._clients: set[ServerConnection] = set()
        self._server = serve(self._handle, "127.0.0.1", port, compression=None, max_size=1 << 20)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="bridge")
        self._thread.start()

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"ws://127.0.0.1:{self.port}"

    def of(self, topic: str) -> list[dict[str, Any]]:
        """What was published there."""
        return [message for name, message in list(self.messages) if name == topic]

    def wait(self, true: Callable[[], Any], seconds: float = 8.0) -> None:
        """Until something is so."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"waited in vain; errors: {self.errors[:3]}"
            time.sleep(0.01)

    def drop(self) -> None:
        """Cut every client off."""
        for client in list(self._clients):
            client.close()

    def stop(self) -> None:
        """End; the port is free afterwards."""
        self.stalled.clear()
        self._server.shutdown()
        self.drop()
        self._thread.join()

    def __enter__(self) -> Bridge:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _handle(self, connection: ServerConnection) -> None:
        self.connections += 1
        self._clients.add(connection)
        mine: dict[str, str] = {}
        try:
            self.on_connect(connection)
            for text in connection:
                while self.stalled.is_set():
                    time.sleep(0.01)
                self._take(connection, text, mine)
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(connection)

    def _take(self, connection: ServerConnection, text: str | bytes, mine: dict[str, str]) -> None:
        try:
            self._obey(json.loads(text), mine)
        except (ValueError, KeyError, TypeError) as error:
            self.errors.append(str(error))
            connection.send(json.dumps({"op": "status", "level": "error", "msg": str(error)}))

    def _obey(self, message: dict[str, Any], mine: dict[str, str]) -> None:
        op, topic = message["op"], message["topic"]
        if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)+", topic):
            raise ValueError(f"{topic} is no name of a topic")
        if op == "advertise":
            if message["type"] not in TYPES:
                raise ValueError(f"unknown type {message['type']}")
            if self.adverts.get(topic, message)["type"] != message["type"]:
                raise ValueError(f"{topic} has another type")
            check_qos(message["qos"])
            if type(message["latch"]) is not bool or type(message["queue_size"]) is not int:
                raise ValueError("latch or queue_size")
            mine[topic] = message["type"]
            self.adverts[topic] = message
        elif op == "unadvertise":
            del mine[topic]
            del self.adverts[topic]
        elif op == "publish":
            if topic not in mine:
                raise ValueError(f"{topic} was not advertised")
            check(message["msg"], mine[topic])
            self.messages.append((topic, message["msg"]))
        else:
            raise ValueError(f"unknown op {op}")
