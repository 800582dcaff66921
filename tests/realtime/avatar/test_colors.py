"""Colours of faces: material times texture, what is cut out, and few of them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lifting.errors import ConfigError
from realtime.avatar.colors import PALETTE, few
from realtime.avatar.model import read_model
from realtime.takes.gltf import Gltf
from tests.realtime.avatar.made_avatar import write_avatar


def with_texture(path: Path, picture: bytes, material: dict[str, Any]) -> Path:
    """The robot whose first piece has this picture, all of it at u = 0.25, in the left half."""
    saved = Gltf.save

    def paint(gltf: Gltf, target: Path) -> None:
        piece = gltf.json["meshes"][0]["primitives"][0]
        count = gltf.json["accessors"][piece["attributes"]["POSITION"]]["count"]
        uv = np.full((count, 2), 0.5, np.float32)
        uv[:, 0] = 0.25
        view = gltf.add_numbers(np.frombuffer(picture + bytes(-len(picture) % 4), np.uint8))
        image = {"bufferView": gltf.json["accessors"][view]["bufferView"], "mimeType": "image/png"}
        gltf.add("images", image)
        gltf.add("textures", {"source": 0})
        gltf.json["bufferViews"][image["bufferView"]]["byteLength"] = len(picture)
        piece["attributes"]["TEXCOORD_0"] = _add_uv(gltf, uv)
        surface = {"baseColorTexture": {"index": 0}, "baseColorFactor": [1.0, 1.0, 1.0, 1.0]}
        piece["material"] = gltf.add("materials", {"pbrMetallicRoughness": surface, **material})
        saved(gltf, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gltf, "save", paint)
        write_avatar(path)
    return path


def _add_uv(gltf: Gltf, uv: np.ndarray) -> int:
    index = gltf.add_numbers(np.ascontiguousarray(np.pad(uv, ((0, 0), (0, 1)))))
    accessor = gltf.json["accessors"][index]
    accessor["type"] = "VEC2"
    gltf.json["bufferViews"][accessor["bufferView"]]["byteStride"] = 12
    return index


def png(left: tuple[int, ...], right: tuple[int, ...]) -> bytes:
    """Two colours side by side."""
    pixels = np.zeros((8, 16, len(left)), np.uint8)
    pixels[:, :8], pixels[:, 8:] = left, right
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_a_texture_colours_faces(tmp_path: Path) -> None:
    """Where its coordinates point."""
    model = read_model(with_texture(tmp_path / "a.vrm", png((200, 10, 220), (0, 255, 0)), {}))
    assert [200, 10, 220] in model.palette.tolist()
    assert [0, 255, 0] not in model.palette.tolist()


def test_cut_out_faces_are_not_there(tmp_path: Path) -> None:
    """With alpha 0 under a mask, but not where the material is opaque."""
    clear = png((200, 10, 220, 0), (0, 0, 0, 255))
    whole = read_model(with_texture(tmp_path / "a.vrm", clear, {}))
    cut = read_model(with_texture(tmp_path / "b.vrm", clear, {"alphaMode": "MASK"}))
    assert len(cut.faces) < len(whole.faces)
    assert [200, 10, 220] not in cut.palette.tolist()


def test_a_picture_that_would_fill_the_memory(tmp_path: Path) -> None:
    """Is refused by the size it claims, before it is unpacked."""
    bomb = bytearray(png((1, 2, 3), (4, 5, 6)))
    bomb[16:24] = struct.pack(">II", 9000, 9000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    with pytest.raises(ConfigError, match="over the limit"):
        read_model(with_texture(tmp_path / "a.vrm", bytes(bomb), {}))


def test_a_picture_of_no_known_kind_is_white(tmp_path: Path) -> None:
    """KTX and the like: the material's colour stays."""
    model = read_model(with_texture(tmp_path / "a.vrm", b"\xabKTX 20\xbb" + bytes(60), {}))
    assert [255, 255, 255] in model.palette.tolist()


def test_a_broken_picture_is_told(tmp_path: Path) -> None:
    """With what is wrong about it."""
    with pytest.raises(ConfigError, match="texture is damaged"):
        read_model(with_texture(tmp_path / "a.vrm", png((1, 2, 3), (4, 5, 6))[:50], {}))


def test_many_colours_become_few() -> None:
    """Near to what they were, each face to its own."""
    rng = np.random.default_rng(3)
    base = rng.uniform(0, 1, (6, 3))
    which = rng.integers(0, 6, 5000)
    colors = np.clip(base[which] + rng.normal(0, 0.01, (5000, 3)), 0, 1)
    palette, told = few(colors)
    assert len(palette) <= PALETTE
    assert np.abs(palette[told] / 255 - colors).mean() < 0.03
