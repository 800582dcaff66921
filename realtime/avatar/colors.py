"""Colours of a character's faces, and few of them: the page draws one mesh for each colour.

A face has the colour of its material, times that of the texture in its middle; then all faces together are
told in a palette. Cartoon characters are flat areas anyway.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from realtime.avatar.content import Content, Material, Primitive, at

Float64 = NDArray[np.float64]

PALETTE = 10
MAX_PIXELS = 8192 * 8192
_SMALL = 512
"""Pixels at a side that are kept of a texture."""
PLAIN = (0.8, 0.8, 0.8, 1.0)


class Colors:
    """Colours of the faces of one file."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._pictures: dict[int, Float64] = {}

    def of(self, primitive: Primitive, faces: NDArray[np.intp]) -> tuple[Float64, NDArray[np.bool_]]:
        """sRGB 0..1 (F,3), and which faces can be seen (F,): others are cut out by their texture."""
        if primitive.material is None:
            material, rgba = None, np.tile(PLAIN, (len(faces), 1))
        else:
            material = at(self._content.json.materials, primitive.material, "material")
            rgba = self._painted(material, primitive, faces)
        cut = material is not None and material.alphaMode != "OPAQUE"
        threshold = material.alphaCutoff if material is not None and material.alphaMode == "MASK" else 0.3
        return np.clip(rgba[:, :3], 0, 1), (rgba[:, 3] >= threshold) | (not cut)

    def _painted(self, material: Material, primitive: Primitive, faces: NDArray[np.intp]) -> Float64:
        surface = material.pbrMetallicRoughness
        factor = np.nan_to_num(np.clip(surface.baseColorFactor, 0, 1))
        factor[:3] **= 1 / 2.2  # from shares of light to sRGB
        out = np.tile(factor, (len(faces), 1))
        info = surface.baseColorTexture
        name = f"TEXCOORD_{info.texCoord}" if info is not None else ""
        if info is None or name not in primitive.attributes:
            return out
        uv = self._content.floats(primitive.attributes[name], 2)
        if faces.size and int(faces.max()) >= len(uv):
            raise ValueError("it has fewer texture coordinates than vertices")
        picture = self._picture(at(self._content.json.textures, info.index, "texture").source)
        height, width = picture.shape[:2]
        middle = uv[faces].mean(1) % 1.0
        x, y = (np.minimum((middle * (width, height)).astype(int), (width - 1, height - 1))).T
        return np.asarray(out * picture[y, x])

    def _picture(self, image: int | None) -> Float64:
        """(H,W,4) 0..1, made small; white where it cannot be read."""
        if image is None:
            return np.ones((1, 1, 4))
        if image not in self._pictures:
            view = at(self._content.json.images, image, "image").bufferView
            data = b"" if view is None else self._content.bytes_of(view)
            self._pictures[image] = _decoded(data)
        return self._pictures[image]


def _decoded(data: bytes) -> Float64:
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"a texture has {picture.width} × {picture.height} pixels, over the limit")
            picture.draft("RGB", (_SMALL, _SMALL))
            small = picture.convert("RGBA")
    except UnidentifiedImageError:
        return np.ones((1, 1, 4))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"a texture is damaged ({error})") from error
    small.thumbnail((_SMALL, _SMALL))
    return np.asarray(small, np.float64) / 255.0


def few(colors: Float64) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """sRGB 0..1 (F,3) → at most `PALETTE` colours (C,3) in bytes, and which one each face has (F,)."""
    flat = Image.fromarray(np.rint(255 * colors[None]).astype(np.uint8))
    told = flat.quantize(PALETTE, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    used, which = np.unique(np.asarray(told)[0], return_inverse=True)
    palette = np.array(told.getpalette(), np.uint8).reshape(-1, 3)[used]
    return palette, which.reshape(-1)
