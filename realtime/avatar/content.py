"""What a GLB or VRM file holds of meshes: its JSON with types and limits, and its numbers.

A character comes from anywhere, so every index, length and offset is checked before it is used. Source: glTF
2.0 specification.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from realtime.avatar_file import MAX_JSON_BYTES, Gltf

Float64 = NDArray[np.float64]
T = TypeVar("T")

MAX_FILE_BYTES = 512 << 20
MAX_VERTICES = 400_000
"""Of all meshes together."""
MAX_FACES = 800_000
_MAX_ITEMS = 20_000

_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_NORMALIZED = {5120: 127.0, 5121: 255.0, 5122: 32767.0, 5123: 65535.0}
_PACKED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization"}

Index = Annotated[int, msgspec.Meta(ge=0)]
_Items = msgspec.Meta(max_length=_MAX_ITEMS)


class Accessor(msgspec.Struct):
    """An array of numbers."""

    componentType: int
    count: Annotated[int, msgspec.Meta(ge=1, le=3 * MAX_FACES)]
    type: str
    bufferView: Index | None = None
    byteOffset: Index = 0
    normalized: bool = False
    sparse: dict[str, msgspec.Raw] | None = None


class BufferView(msgspec.Struct):
    """A part of the buffer."""

    buffer: Index
    byteLength: Index
    byteOffset: Index = 0
    byteStride: Annotated[int, msgspec.Meta(ge=1, le=252)] | None = None


class Primitive(msgspec.Struct):
    """A piece of a mesh of one material."""

    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    mode: int = 4


class Mesh(msgspec.Struct):
    """Pieces."""

    primitives: Annotated[list[Primitive], _Items]


class Skin(msgspec.Struct):
    """Which nodes move a mesh."""

    joints: Annotated[list[Index], _Items]
    inverseBindMatrices: Index | None = None


class TextureInfo(msgspec.Struct):
    """Which texture, with which coordinates."""

    index: Index
    texCoord: Index = 0


class Surface(msgspec.Struct):
    """Colour of a material."""

    baseColorFactor: Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)] = msgspec.field(
        default_factory=lambda: [1.0, 1.0, 1.0, 1.0]
    )
    baseColorTexture: TextureInfo | None = None


class Material(msgspec.Struct):
    """What a piece looks like."""

    pbrMetallicRoughness: Surface = msgspec.field(default_factory=Surface)
    alphaMode: str = "OPAQUE"
    alphaCutoff: float = 0.5


class Texture(msgspec.Struct):
    """An image in use."""

    source: Index | None = None


class Picture(msgspec.Struct):
    """A PNG or JPEG in the buffer; those of other places are not read."""

    bufferView: Index | None = None


class ModelJson(Gltf):
    """The JSON of a file with meshes."""

    accessors: Annotated[list[Accessor], _Items] = msgspec.field(default_factory=list)
    bufferViews: Annotated[list[BufferView], _Items] = msgspec.field(default_factory=list)
    meshes: Annotated[list[Mesh], _Items] = msgspec.field(default_factory=list)
    skins: Annotated[list[Skin], _Items] = msgspec.field(default_factory=list)
    materials: Annotated[list[Material], _Items] = msgspec.field(default_factory=list)
    textures: Annotated[list[Texture], _Items] = msgspec.field(default_factory=list)
    images: Annotated[list[Picture], _Items] = msgspec.field(default_factory=list)
    extensionsRequired: Annotated[list[str], _Items] = msgspec.field(default_factory=list)


class Content:
    """A file's JSON and the buffer behind it."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, or ValueError and msgspec's errors when the file is not what it says."""
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ValueError(f"its {size >> 20} MiB are over the limit of {MAX_FILE_BYTES >> 20}")
        with path.open("rb") as file:
            head = file.read(20)
            if len(head) < 20 or head[:4] != b"glTF" or head[16:] != b"JSON":
                raise ValueError("it does not begin as a binary glTF 2.0 file does")
            version, _, json_size = struct.unpack("<III", head[4:16])
            if version != 2 or json_size > min(MAX_JSON_BYTES, size):
                raise ValueError("it does not begin as a binary glTF 2.0 file does")
            self.json = msgspec.json.decode(file.read(json_size), type=ModelJson)
            kind = file.read(8)[4:]
            self._buffer = file.read() if kind == b"BIN\0" else b""
        packed = _PACKED & set(self.json.extensionsRequired)
        if packed:
            raise ValueError(
                f"its meshes are packed ({', '.join(sorted(packed))}); export without compression"
            )

    def bytes_of(self, view: int) -> bytes:
        """The bytes of a part of the buffer."""
        part = at(self.json.bufferViews, view, "bufferView")
        end = part.byteOffset + part.byteLength
        if part.buffer != 0 or end > len(self._buffer):
            raise ValueError("it points outside of its buffer")
        return self._buffer[part.byteOffset : end]

    def numbers(self, accessor: int, width: int) -> NDArray[np.generic]:
        """(N,width) of an accessor, as they are stored."""
        a = at(self.json.accessors, accessor, "accessor")
        if a.sparse is not None or a.bufferView is None:
            raise ValueError("it has sparse numbers, which are not read")
        if a.componentType not in _DTYPES or _WIDTHS.get(a.type) != width:
            raise ValueError(f"an array is of type {a.type} where {width} numbers belong")
        dtype = np.dtype(_DTYPES[a.componentType])
        data, row = self.bytes_of(a.bufferView), dtype.itemsize * width
        step = self.json.bufferViews[a.bufferView].byteStride or row
        if step < row or a.byteOffset + step * (a.count - 1) + row > len(data):
            raise ValueError("an array is longer than its place")
        rows = np.ndarray((a.count, row), np.uint8, data, a.byteOffset, (step, 1))
        return np.ascontiguousarray(rows).view(dtype)

    def floats(self, accessor: int, width: int) -> Float64:
        """(N,width), whole numbers as shares where they are meant so. All finite."""
        a = at(self.json.accessors, accessor, "accessor")
        values = self.numbers(accessor, width).astype(np.float64)
        if a.normalized:
            values = values / _NORMALIZED.get(a.componentType, 1.0)
        if not np.isfinite(values).all():
            raise ValueError("it has numbers that are not finite")
        return values


def at(items: list[T], index: int, what: str) -> T:
    """One of a list of the file. Raises ValueError where there is none."""
    if not 0 <= index < len(items):
        raise ValueError(f"it names a {what} {index} that does not exist")
    return items[index]
