"""What the channels for Foxglove hold, as Protocol Buffers' own description of messages.

A viewer decodes a channel by the FileDescriptorSet in its schema. The tables below state the public message
definitions (https://docs.foxglove.dev/docs/sdk/schemas): fields are numbered from 1 in their order where no
number is given; `*` means repeated, `?` optional. All that viewers may ask for is described, also what we
never fill.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from realtime.sinks.protobuf import bytes_field, number_field

_TYPES = {
    "double": 1, "int64": 3, "int32": 5, "fixed32": 7, "bool": 8, "string": 9, "bytes": 12,
}  # fmt: skip
_MESSAGE, _ENUM = 11, 14
_ONE, _REPEATED = 1, 3
_GOOGLE = {"Timestamp", "Duration"}

_MESSAGES = {
    "SceneUpdate": "deletions:SceneEntityDeletion* entities:SceneEntity*",
    "SceneEntityDeletion": "timestamp:Timestamp type:enum id:string",
    "SceneEntity": "timestamp:Timestamp frame_id:string id:string lifetime:Duration frame_locked:bool "
    "metadata:KeyValuePair* arrows:ArrowPrimitive* cubes:CubePrimitive* spheres:SpherePrimitive* "
    "cylinders:CylinderPrimitive* lines:LinePrimitive* triangles:TriangleListPrimitive* "
    "texts:TextPrimitive* models:ModelPrimitive*",
    "KeyValuePair": "key:string value:string",
    "ArrowPrimitive": "pose:Pose shaft_length:double shaft_diameter:double head_length:double "
    "head_diameter:double color:Color",
    "CubePrimitive": "pose:Pose size:Vector3 color:Color",
    "SpherePrimitive": "pose:Pose size:Vector3 color:Color",
    "CylinderPrimitive": "pose:Pose size:Vector3 bottom_scale:double top_scale:double color:Color",
    "LinePrimitive": "type:enum pose:Pose thickness:double scale_invariant:bool points:Point3* color:Color "
    "colors:Color* indices:fixed32*",
    "TriangleListPrimitive": "pose:Pose points:Point3* color:Color colors:Color* indices:fixed32*",
    "TextPrimitive": "pose:Pose billboard:bool font_size:double scale_invariant:bool color:Color text:string",
    "ModelPrimitive": "pose:Pose scale:Vector3 color:Color override_color:bool url:string media_type:string "
    "data:bytes",
    "Pose": "position:Vector3 orientation:Quaternion",
    "Vector3": "x:double y:double z:double",
    "Point3": "x:double y:double z:double",
    "Quaternion": "x:double y:double z:double w:double",
    "Color": "r:double g:double b:double a:double",
    "FrameTransforms": "transforms:FrameTransform*",
    "FrameTransform": "timestamp:Timestamp parent_frame_id:string child_frame_id:string "
    "translation:Vector3 rotation:Quaternion",
    "CompressedVideo": "timestamp:Timestamp frame_id:string data:bytes format:string",
    "CompressedImage": "timestamp:Timestamp frame_id:string=4 data:bytes=2 format:string=3",
    "PosesInFrame": "timestamp:Timestamp frame_id:string poses:Pose*",
    "JointStates": "timestamp:Timestamp joints:JointState*",
    "JointState": "name:string position:double? velocity:double? acceleration:double? effort:double?",
}
_ENUMS = {
    "SceneEntityDeletion": ("MATCHING_ID", "ALL"),
    "LinePrimitive": ("LINE_STRIP", "LINE_LOOP", "LINE_LIST"),
}
"""Of the field `type`; values count from 0."""


@cache
def descriptor_set(root: str) -> bytes:
    """FileDescriptorSet of the message foxglove.`root` and all it is made of."""
    names = _needed(root, {})
    files = [_google(name) for name in sorted(_GOOGLE & set(names))]
    own = bytes_field(1, f"foxglove/{root}.proto") + bytes_field(2, "foxglove")
    own += b"".join(bytes_field(3, _google_path(name)) for name in sorted(_GOOGLE & set(names)))
    own += b"".join(bytes_field(4, _message(name)) for name in names if name not in _GOOGLE)
    files.append(own + bytes_field(12, "proto3"))
    return b"".join(bytes_field(1, file) for file in files)


def _needed(name: str, found: dict[str, None]) -> dict[str, None]:
    """`name` and the messages inside it, each once, in order."""
    found[name] = None
    for field in _fields(name):
        if field.kind not in _TYPES and field.kind != "enum" and field.kind not in found:
            _needed(field.kind, found)
    return found


class _Field(NamedTuple):
    name: str
    kind: str
    number: int
    mark: str
    """* repeated, ? optional."""


def _fields(message: str) -> list[_Field]:
    out = []
    for place, word in enumerate(_MESSAGES.get(message, "").split(), start=1):
        name, kind = word.split(":")
        kind, _, number = kind.partition("=")
        mark = kind[-1] if kind[-1] in "*?" else ""
        out.append(_Field(name, kind.removesuffix(mark), int(number or place), mark))
    return out


def _message(name: str) -> bytes:
    out, optional = bytes_field(1, name), b""
    for field in _fields(name):
        data = _field(name, field.name, field.number, field.kind, _REPEATED if field.mark == "*" else _ONE)
        if field.mark == "?":  # an optional field is told as the only one of a choice of its own
            data += number_field(9, optional.count(b"_")) + number_field(17, 1)
            optional += bytes_field(8, bytes_field(1, f"_{field.name}"))
        out += bytes_field(2, data)
    out += optional
    if name in _ENUMS:
        values = [bytes_field(1, v) + number_field(2, i) for i, v in enumerate(_ENUMS[name])]
        out += bytes_field(4, bytes_field(1, "Type") + b"".join(bytes_field(2, v) for v in values))
    return out


def _field(message: str, name: str, number: int, kind: str, label: int) -> bytes:
    head = bytes_field(1, name) + number_field(3, number) + number_field(4, label)
    if kind in _TYPES:
        return head + number_field(5, _TYPES[kind])
    if kind == "enum":
        return head + number_field(5, _ENUM) + bytes_field(6, f".foxglove.{message}.Type")
    package = "google.protobuf" if kind in _GOOGLE else "foxglove"
    return head + number_field(5, _MESSAGE) + bytes_field(6, f".{package}.{kind}")


def _google_path(name: str) -> str:
    return f"google/protobuf/{name.lower()}.proto"


def _google(name: str) -> bytes:
    """Timestamp and Duration, which are alike."""
    fields = [
        bytes_field(1, field) + number_field(3, number) + number_field(4, _ONE) + number_field(5, kind)
        for number, (field, kind) in enumerate((("seconds", 3), ("nanos", 5)), start=1)
    ]
    message = bytes_field(1, name) + b"".join(bytes_field(2, field) for field in fields)
    head = bytes_field(1, _google_path(name)) + bytes_field(2, "google.protobuf")
    return head + bytes_field(4, message) + bytes_field(12, "proto3")
