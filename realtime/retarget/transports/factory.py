"""From `--robot-out ENDPOINT` to a transport; the word before `://` says which."""

from __future__ import annotations

from lifting.errors import ConfigError
from realtime.retarget.transports.description import RobotDescription, Transport

SCHEMES = ("tcp://", "ipc://", "sonic://", "ros+ws://", "foxglove://")


def open_transport(
    endpoint: str, robot: RobotDescription, *, lan: bool = False, insecure: bool = False
) -> Transport:
    """A transport that is not open yet. Raises ConfigError for an address it cannot use."""
    if endpoint.startswith("sonic://"):
        from realtime.retarget.transports.sonic import SonicTransport

        return SonicTransport(robot, endpoint, lan=lan, insecure=insecure)
    if endpoint.startswith("ros+ws://"):
        from realtime.retarget.transports.ros import RosTransport

        return RosTransport(robot, endpoint, lan=lan)
    if endpoint.startswith("foxglove://"):
        from realtime.retarget.transports.foxglove import FoxgloveTransport, server_of

        return FoxgloveTransport(robot, server_of(endpoint))
    if endpoint.startswith(("tcp://", "ipc://")):
        from realtime.retarget.transports.joint_stream import JointStream

        return JointStream(robot, endpoint, lan=lan, insecure=insecure)
    raise ConfigError(
        f"--robot-out {endpoint}: it must begin with one of {', '.join(SCHEMES)}, "
        "such as --robot-out tcp://127.0.0.1:5571."
    )
