"""Names and descriptions inside a session file, shared by the recorder and the reader."""

from __future__ import annotations

from mcap.writer import Writer

from realtime.sinks import foxglove, run_stats
from realtime.sinks.foxglove_joints import ROBOT_MESSAGES
from realtime.sinks.foxglove_schema import descriptor_set
from realtime.sinks.robot_track import ROBOT_STATE, STATE_SCHEMA

FORMAT = "sealcap-session-1"

POSE, KEYPOINTS, META, STATS = "/pose", "/keypoints", "/meta", "/stats"
"""Topics; `sinks/foxglove.py` has those that are only for viewers, and the video."""
SESSION, CLOCK, VERSIONS, MODELS = "session", "clock", "versions", "models"
"""Metadata records. `session` and `clock` speak of the run, `models` maps network to SHA-256."""
SETTINGS = "settings.yaml"
"""Attachment: the configuration of the run (YAML, of which JSON is a part)."""

_POSE_TEXT = """\
msgpack map, one per frame; arrays are float32 little-endian bin. World axes: right-handed, Y up, metres,
the person's left is +X when facing +Z. Rotations are xyzw.
v              format version, 1
seq            number of the frame, from 0 without gaps
t_capture_ns   monotonic clock of the recorder (cameras) or media time (files)
t_publish_ns   monotonic clock of the recorder
wall_offset_ns t_capture_ns + wall_offset_ns = nanoseconds since 1970
fps            measured rate of poses
persons        list of maps:
  id           number of the person
  state        tracking | predicted | held | lost
  conf         mean confidence, 0..1
  root_p       3, mid-hip position
  root_q       4, orientation of the pelvis
  p            26x3, joints (order: metadata session/joints)
  c            26, confidence
  observed     26, 1 = seen by the detector, 0 = inferred
  q            21x4, local bone rotations (order: metadata session/bones), rest = T-pose
  contacts     4, floor contact of left heel, left toe, right heel, right toe, 0..1
  height       stature used, metres
"""

_KEYPOINTS_TEXT = """\
msgpack map, one per frame; arrays are float32 little-endian bin, pixels of the picture.
v, seq, t_capture_ns   as in /pose
width, height          of the picture, pixels
persons                list of maps:
  id                   number of the person
  points               21x2 (order: metadata session/keypoints); meaningless where c is 0
  c                    21, confidence, 0 = not seen
  box                  4, x0 y0 x1 y1
  restarted            true when this is not a continuation of the last frame's figure
"""

_META_TEXT = """\
msgpack map, once: v, skeleton, joints, parents, bones, bone_parents, rest_offsets (21x3 float32
little-endian bin, metres, from parent to bone in the T-pose of a body of rest_height), rest_height,
contacts, units, axes, source, versions, fps.
"""

SCHEMAS = {
    POSE: ("sealcap.Pose1", _POSE_TEXT),
    KEYPOINTS: ("sealcap.Keypoints1", _KEYPOINTS_TEXT),
    META: ("sealcap.Meta1", _META_TEXT),
}
"""Topics of msgpack messages: (schema name, what is in it)."""


def register(writer: Writer, video: bool, robot: bool = False) -> dict[str, int]:
    """Announce all channels of a session; topic → channel number."""
    channels = {}
    for topic, (name, text) in SCHEMAS.items():
        known = writer.register_schema(name, "text", text.encode())
        channels[topic] = writer.register_channel(topic, "msgpack", known)
    known = writer.register_schema("sealcap.Stats1", "jsonschema", run_stats.SCHEMA.encode())
    channels[STATS] = writer.register_channel(STATS, "json", known)
    if robot:
        known = writer.register_schema("sealcap.RobotState1", "jsonschema", STATE_SCHEMA.encode())
        channels[ROBOT_STATE] = writer.register_channel(ROBOT_STATE, "json", known)
    for topic, message in {**foxglove.MESSAGES, **(ROBOT_MESSAGES if robot else {})}.items():
        if topic != foxglove.VIDEO or video:
            known = writer.register_schema(f"foxglove.{message}", "protobuf", descriptor_set(message))
            channels[topic] = writer.register_channel(topic, "protobuf", known)
    return channels
