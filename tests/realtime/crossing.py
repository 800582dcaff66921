"""People who walk past one another, painted, and a detector that makes the mistakes of real ones.

A look takes up whoever is nearest and least covered, so regions slide onto others; limbs of somebody near
are mixed in; the search is coarse, misses one in twenty, and sees nobody who is half covered.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.data import Image, Keypoints
from realtime.detectors import Estimate, Region

WIDTH, HEIGHT = 1280, 720
HIPS_Y = 380.0
COLOURS = ((40, 40, 200), (200, 60, 40), (40, 160, 60), (30, 200, 220), (180, 40, 180), (230, 230, 230))
Rgb = tuple[int, ...]


@dataclass(eq=False)
class Walker:
    """One person; whoever has the smaller depth covers the other."""

    start: float
    speed: float
    size: float
    depth: float
    shirt: Rgb
    phase: float
    enters_s: float = -1.0

    def x(self, t: float) -> float:
        return self.start + self.speed * t

    def joints(self, t: float) -> NDArray[np.float64]:
        """(21,2) of a stride."""
        tall, swing, ahead = self.size / 1.4, 0.35 * np.sin(2 * np.pi * t + self.phase), np.sign(self.speed)
        out = np.tile([self.x(t), HIPS_Y], (21, 1))
        out[:5] += np.array([[0, -0.42], [0.01, -0.43], [-0.01, -0.43], [0.03, -0.42], [-0.03, -0.42]]) * tall
        for side, sign in ((0, 1), (1, -1)):
            angle = sign * swing
            down = tall * np.array([np.sin(angle), np.cos(angle)])
            back = down * (-1, 1)
            out[5 + side] += np.array([0.03 * sign, -0.30]) * tall
            out[7 + side] = out[5 + side] + 0.16 * back
            out[9 + side] = out[7 + side] + 0.15 * back
            out[11 + side] += np.array([0.02 * sign, 0]) * tall
            out[13 + side] = out[11 + side] + 0.24 * down
            out[15 + side] = out[13 + side] + 0.24 * down
            out[17 + side] = out[15 + side] + np.array([-0.02 * ahead, 0.02]) * tall
            out[19 + side] = out[15 + side] + np.array([0.08 * ahead, 0.03]) * tall
        return out


class World:
    """A detector and its pictures."""

    name = "world"
    finds_all = True

    def __init__(self, people: list[Walker], rng: np.random.Generator) -> None:
        self.people, self.rng, self.t = people, rng, 0.0
        self.picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)

    def paint(self, t: float) -> Image:
        """The picture at time `t`."""
        self.t = t
        self.picture[:] = 90
        for p in sorted(self.here(), key=lambda p: -p.depth):
            self._box(p, 0.07, 0.02, 0.5, (60, 50, 40))
            self._box(p, 0.08, -0.32, 0.02, p.shirt)
        return self.picture

    def here(self) -> list[Walker]:
        return [p for p in self.people if p.enters_s <= self.t and -30 < p.x(self.t) < WIDTH + 30]

    def covered(self, p: Walker) -> float:
        """Share of the person hidden behind others."""
        front = [q for q in self.here() if q is not p and q.depth < p.depth]
        gaps = [abs(q.x(self.t) - p.x(self.t)) / (0.06 * (p.size + q.size)) for q in front]
        return max([0.0, *(1 - gap for gap in gaps)])

    def who(self, k: Keypoints) -> int:
        """Whose joints these are."""
        gaps = [np.linalg.norm(p.joints(self.t) - k.points_px, axis=1).mean() for p in self.people]
        return int(np.argmin(gaps))

    def search(self, image: Image) -> list[Region]:
        y0, x0 = divmod((image.ctypes.data - self.picture.ctypes.data) // 3, WIDTH)
        out = []
        for p in self.here():
            x, y = p.x(self.t) - x0, HIPS_Y - y0
            inside = 0 <= x < image.shape[1] and 0 <= y < image.shape[0]
            if inside and self.covered(p) <= 0.5 and self.rng.random() > 0.05:
                off = self.rng.normal(0, 0.05 * p.size, 3)
                out.append(Region(x + off[0], y + off[1], 1.15 * p.size + 2 * off[2], score=0.9))
        return out

    def estimate(self, _image: Image, region: Region) -> Estimate:
        near = [p for p in self.here() if abs(p.x(self.t) - region.cx) < region.size / 2]
        if not near:
            return Estimate(np.zeros((21, 2), np.float32), np.zeros(21, np.float32), 0.1, region)
        best = min(near, key=lambda p: self._reluctance(p, region))
        joints = best.joints(self.t)
        for q in self.here():
            close = q is not best and abs(q.x(self.t) - best.x(self.t)) < 0.15 * best.size
            if close and self.rng.random() < 0.5:
                mixed = self.rng.choice(21, 4)
                joints[mixed] = q.joints(self.t)[mixed]
        joints += self.rng.normal(0, 0.006 * best.size, joints.shape)
        x, y = joints[11:13].mean(0)
        next_region = Region(float(x), float(y), best.size * (1 + self.rng.normal(0, 0.01)))
        return Estimate(joints.astype(np.float32), np.full(21, 0.9, np.float32), 0.95, next_region)

    def _reluctance(self, p: Walker, region: Region) -> float:
        hidden = self.covered(p)
        return abs(p.x(self.t) - region.cx) / region.size + (1.0 if hidden > 0.6 else 0.35 * hidden)

    def _box(self, p: Walker, half: float, top: float, low: float, colour: Rgb) -> None:
        """A part of the body, in shares of the stature from the middle of the hips."""
        x, tall = p.x(self.t), p.size / 1.4
        corners = (x - half * tall, HIPS_Y + top * tall), (x + half * tall, HIPS_Y + low * tall)
        (x0, y0), (x1, y1) = np.rint(corners).astype(int).tolist()
        cv2.rectangle(self.picture, (x0, y0), (x1, y1), colour, cv2.FILLED)


def crossing(rng: np.random.Generator, *, alike: bool, still: bool = False) -> list[Walker]:
    """Two who meet after about two seconds; `still`: the first stands and is passed in front."""
    a, b = rng.permutation(len(COLOURS))[:2]
    size, ratio, meet_s = rng.uniform(380, 480), rng.uniform(0.75, 1.33), rng.uniform(1.5, 2.5)
    speeds, where = rng.uniform(150, 420, 2), rng.uniform(500, 780)
    if still:
        speeds[0], ratio = 0, max(ratio, 1.05)
    phases = rng.uniform(0, 2 * np.pi, 2)
    first = Walker(where - speeds[0] * meet_s, speeds[0], size, 1.0, COLOURS[a], phases[0])
    shirt = COLOURS[a if alike else b]
    second = Walker(where + speeds[1] * meet_s, -speeds[1], size * ratio, 1 / ratio, shirt, phases[1])
    return [first, second]
