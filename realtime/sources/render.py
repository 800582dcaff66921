"""Draws the synthetic figure: shaded rounded parts, far ones first, before a wall and a wooden floor.

Plain on purpose, yet enough for a detector made for photographs: skin, hair and face, clothes of
different colours, soft shading from the upper left, a shadow at the feet. A part is a chain of cores with
offsets around them; its outline is the hull of the projected points, its shading the same hull shrunk
towards the light in brighter tones.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lifting.camera import Intrinsics
from lifting.skeleton import SEALCAP26
from realtime.data import Image
from realtime.sources.figure import Figure
from realtime.sources.motion import SEAT_BACK, Floats

SKIN, HAIR, SHIRT, TROUSERS, SHOES, WOOD = (
    (132, 166, 219),
    (34, 44, 62),
    (166, 104, 52),
    (84, 74, 66),
    (52, 50, 58),
    (70, 110, 150),
)
"""BGR."""
LAYERS = ((1.0, 0.66), (0.82, 0.80), (0.58, 0.93), (0.3, 1.03))
"""(size, brightness) of the nested hulls that shade a part."""
LIGHT_PX = np.array([-0.28, -0.34])
"""Shift of the brightest layer, in units of a part's radius in the picture."""
SUBPIXEL_BITS = 4
_TURN = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN), 0 * _TURN], axis=1)  # (14,3), facing the camera
_RING = np.stack([np.cos(_TURN), 0 * _TURN, np.sin(_TURN)], axis=1)  # (14,3), level
_BALL = np.concatenate(
    [_RING * np.cos(a) + np.array([0, np.sin(a), 0]) for a in np.radians((-75, -45, -15, 15, 45, 75))]
)


@dataclass(frozen=True)
class _Part:
    points_cam: Floats
    """(P,3) outline at full size."""
    cores_cam: Floats
    """(P,3) what each point shrinks towards."""
    colour: tuple[int, int, int]


class Renderer:
    """Draws figures as one standing camera sees them."""

    def __init__(self, intrinsics: Intrinsics, R_world_from_cam: Floats, camera_world: Floats) -> None:
        """`camera_world` is the camera's position (3,) in metres, y above the floor."""
        self._intrinsics, self._R, self._camera = intrinsics, R_world_from_cam, camera_world
        self._background = _room(intrinsics, R_world_from_cam, camera_world)

    def draw(self, figure: Figure) -> Image:
        """(H,W,3) BGR."""
        image = self._background.copy()
        self._shadow(image, figure)
        parts = [*self._stool(figure.stature_m), *self._body(figure)]
        for part in sorted(parts, key=lambda part: -float(part.cores_cam[:, 2].mean())):
            self._fill(image, part)
        self._face(image, figure)
        return image

    def _cam(self, points_world: Floats) -> Floats:
        shifted: Floats = (points_world - self._camera) @ self._R
        return shifted

    def _chain(self, spheres: list[tuple[Floats, float]], colour: tuple[int, int, int]) -> _Part:
        """A rounded limb through spheres of (world centre, radius)."""
        centres = self._cam(np.array([centre for centre, _ in spheres]))
        cores = np.repeat(centres, len(_CIRCLE), axis=0)
        radii = np.repeat([radius for _, radius in spheres], len(_CIRCLE))
        return _Part(cores + np.tile(_CIRCLE, (len(spheres), 1)) * radii[:, None], cores, colour)

    def _solid(
        self,
        centres: list[Floats],
        R: Floats,
        sizes: list[Floats],
        shape: Floats,
        colour: tuple[int, int, int],
    ) -> _Part:
        """The hull of rings or balls, each of half-axes `sizes` along the columns of `R`."""
        cores = self._cam(np.repeat(np.array(centres), len(shape), axis=0))
        offsets = np.concatenate([(shape * size) @ R.T for size in sizes]) @ self._R
        return _Part(cores + offsets, cores, colour)

    def _body(self, figure: Figure) -> list[_Part]:
        h = figure.stature_m
        at = dict(zip(SEALCAP26.joints, figure.joints_world, strict=True))
        up, fore = figure.R_head[:, 1] * h, figure.R_head[:, 2] * h
        skull = [at["neck"] + 0.098 * up + 0.018 * fore]
        hair = [at["neck"] + 0.116 * up - 0.002 * fore]
        parts = [
            self._chain([(at["neck"] - 0.02 * up, 0.034 * h), (at["head"], 0.032 * h)], SKIN),
            self._solid(skull, figure.R_head, [h * np.array([0.046, 0.065, 0.054])], _BALL, SKIN),
            self._solid(hair, figure.R_head, [h * np.array([0.050, 0.052, 0.058])], _BALL, HAIR),
            *self._trunk(figure, at),
        ]
        for i, side in enumerate(("left", "right")):
            parts += self._limbs(at, side, figure.hands_world[i], h)
        return parts

    def _trunk(self, figure: Figure, at: dict[str, Floats]) -> list[_Part]:
        h, up = figure.stature_m, figure.R_chest[:, 1] * figure.stature_m
        centres = [at["chest"] + 0.145 * up, at["chest"] + 0.09 * up, at["spine"] + 0.02 * up]
        sizes = [h * np.array(s) for s in ((0.088, 0, 0.042), (0.104, 0, 0.066), (0.083, 0, 0.056))]
        waist = [at["spine"] + 0.02 * up, at["pelvis"] - 0.03 * up]
        hips = [h * np.array(s) for s in ((0.083, 0, 0.056), (0.092, 0, 0.066))]
        return [
            self._solid(waist, figure.R_pelvis, hips, _RING, SHIRT),
            self._solid(centres, figure.R_chest, sizes, _RING, SHIRT),
            self._chain(
                [
                    (at["left_shoulder"], 0.027 * h),
                    (at["neck"] - 0.012 * up, 0.036 * h),
                    (at["right_shoulder"], 0.027 * h),
                ],
                SHIRT,
            ),
            self._chain([(at["left_hip"], 0.05 * h), (at["right_hip"], 0.05 * h)], TROUSERS),
        ]

    def _limbs(self, at: dict[str, Floats], side: str, hand: Floats, h: float) -> list[_Part]:
        def joint(name: str) -> Floats:
            return at[f"{side}_{name}"]

        lift = np.array([0.0, 0.017 * h, 0.0])
        sleeve = 0.45 * joint("shoulder") + 0.55 * joint("elbow")
        knuckles = 0.5 * (joint("wrist") + hand)
        return [
            self._chain([(sleeve, 0.026 * h), (joint("elbow"), 0.023 * h)], SKIN),
            self._chain([(joint("shoulder"), 0.034 * h), (sleeve, 0.031 * h)], SHIRT),
            self._chain([(joint("elbow"), 0.024 * h), (joint("wrist"), 0.0165 * h)], SKIN),
            self._chain([(joint("wrist"), 0.0165 * h), (knuckles, 0.024 * h), (hand, 0.012 * h)], SKIN),
            self._chain([(joint("hip"), 0.049 * h), (joint("knee"), 0.035 * h)], TROUSERS),
            self._chain([(joint("knee"), 0.035 * h), (joint("ankle"), 0.026 * h)], TROUSERS),
            self._chain(
                [
                    (joint("ankle"), 0.024 * h),
                    (joint("heel") + lift, 0.017 * h),
                    (joint("toe") + lift, 0.015 * h),
                ],
                SHOES,
            ),
        ]

    def _stool(self, h: float) -> list[_Part]:
        top = np.array([0.0, 0.232 * h, -SEAT_BACK * h])
        seat = [top - (0, 0.02, 0), top]
        parts = [self._solid(seat, np.eye(3), [np.array([0.19, 0, 0.16])] * 2, _RING, WOOD)]
        for x, z in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
            foot = np.array([0.16 * x, 0.0, top[2] + 0.12 * z])
            parts.append(
                self._chain([(foot, 0.015), (foot * (0.8, 1, 1) + (0, top[1] - 0.03, 0), 0.015)], WOOD)
            )
        return parts

    def _fill(self, image: Image, part: _Part) -> None:
        if part.points_cam[:, 2].min() < 0.1:
            return  # at or behind the lens
        outline = self._intrinsics.project(part.points_cam)
        cores = self._intrinsics.project(part.cores_cam)
        radius = float(np.linalg.norm(outline - cores, axis=1).mean())
        for size, brightness in LAYERS:
            points = cores + size * (outline - cores) + (1 - size) * radius * LIGHT_PX
            _polygon(image, points, tuple(min(255.0, brightness * c) for c in part.colour))

    def _face(self, image: Image, figure: Figure) -> None:
        """Eyes, brows, nose and mouth, each where it is turned to the camera."""
        h, R = figure.stature_m, figure.R_head
        neck = figure.joints_world[SEALCAP26.index("neck")]
        marks: list[tuple[tuple[float, float, float], float, tuple[int, int, int]]] = []
        for x in (0.019, -0.019):
            marks += [((x, 0.086, 0.064), 0.0085, (228, 232, 236)), ((x, 0.086, 0.066), 0.0052, (48, 36, 34))]
            marks += [((x + d, 0.101, 0.063), 0.0028, HAIR) for d in (-0.008, -0.004, 0.0, 0.004, 0.008)]
        marks += [((d, 0.049, 0.062), 0.0042, (96, 88, 168)) for d in (-0.012, -0.006, 0.0, 0.006, 0.012)]
        marks += [
            ((0.0, 0.070, 0.070), 0.0095, (112, 146, 202)),
            ((0.0, 0.068, 0.076), 0.0062, (146, 180, 232)),
        ]
        for offset, radius, colour in marks:
            normal = R @ (np.array(offset) - (0.0, 0.080, 0.0))
            place = neck + R @ np.array(offset) * h
            if normal @ (self._camera - place) > 0.012 * np.linalg.norm(self._camera - place):
                self._dot(image, place, radius * h, colour)

    def _dot(self, image: Image, place_world: Floats, radius_m: float, colour: tuple[int, int, int]) -> None:
        cam = self._cam(place_world)
        if cam[2] > 0.1:
            _polygon(image, self._intrinsics.project(cam + _CIRCLE * radius_m), colour)

    def _shadow(self, image: Image, figure: Figure) -> None:
        """Darkens the floor below pelvis and feet."""
        h, mask = figure.stature_m, np.zeros(image.shape[:2], np.uint8)
        spots = figure.joints_world[SEALCAP26.indices("pelvis", "left_ankle", "right_ankle")]
        for spot, radius in zip(spots, (0.13 * h, 0.08 * h, 0.08 * h), strict=True):
            ring = self._cam(spot * (1, 0, 1) + _RING * radius)
            if ring[:, 2].min() > 0.1:
                _polygon(mask, self._intrinsics.project(ring), (110.0,))
        x, y, w, height = cv2.boundingRect(mask)
        if w and height:
            x0, y0 = max(x - 12, 0), max(y - 12, 0)
            area = image[y0 : y + height + 12, x0 : x + w + 12]
            soft = cv2.blur(mask[y0 : y + height + 12, x0 : x + w + 12], (15, 9))
            area[:] = (area * (1 - soft[..., None] / 255.0)).astype(np.uint8)


def _polygon(image: Image, points_px: Floats, colour: tuple[float, ...]) -> None:
    """Fill the convex hull of points (P,2), smooth at the edges."""
    fixed = np.round(np.clip(points_px, -8000, 8000) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillConvexPoly(image, cv2.convexHull(fixed), colour, cv2.LINE_AA, SUBPIXEL_BITS)


def _room(intrinsics: Intrinsics, R: Floats, camera: Floats, wall_z: float = -3.2) -> Image:
    """Wall and planked floor, by following each pixel's ray once."""
    columns, rows = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    rays = intrinsics.rays(np.stack([columns, rows], axis=-1))
    directions = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1) @ R.T  # (H,W,3)
    to_wall = (wall_z - camera[2]) / np.minimum(directions[..., 2], -1e-6)
    to_floor = np.where(
        directions[..., 1] < -1e-6, -camera[1] / np.minimum(directions[..., 1], -1e-6), np.inf
    )
    on_floor = to_floor < to_wall
    place = camera + directions * np.where(on_floor, to_floor, to_wall)[..., None]
    wall = np.array([196, 204, 208]) * (0.82 + 0.06 * np.clip(place[..., 1:2], 0, 3))
    skirting = ~on_floor & (place[..., 1] < 0.1)
    wall[skirting] = (150, 156, 160)
    image = np.where(on_floor[..., None], _planks(place), wall)
    smooth: NDArray[np.uint8] = cv2.GaussianBlur(np.clip(image, 0, 255).astype(np.uint8), (3, 3), 0)
    return smooth


def _planks(place: Floats) -> Floats:
    """Colours (H,W,3) of a wooden floor at floor points (H,W,3)."""
    plank = np.floor(place[..., 0] / 0.16)
    shade = 0.9 + 0.1 * np.sin(plank * 12.9898) + 0.02 * np.sin(place[..., 2] * 9 + plank * 3)
    seam = (place[..., 0] / 0.16 - plank < 0.03) & (place[..., 2] > -20)
    colours: Floats = np.array([112, 146, 178]) * np.where(seam, 0.75 * shade, shade)[..., None]
    return colours
