"""A synthetic patient's build, the lungs' coordinates, and the shapes that films are drawn with.

Lengths and positions are fractions of the image side, x to the viewer's right, y downwards; the
patient's left is on the viewer's right, as on every chest film. S is the image side in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Curve = NDArray[Any]

RIGHT, LEFT = 0, 1
"""Index of the patient's right and left lung; the right one is on the viewer's left."""

MIDLINE = 0.5
_EDGE = 0.008
_FIXED_POINT_BITS = 4


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """A patient's build: the same on each of the patient's films."""

    is_female: bool
    half_width: float
    """Midline to the inner chest wall at its widest."""
    apex: float
    """Height (y) of the lung apices."""
    bases: tuple[float, float]
    """Heights of the right and left diaphragm dome."""
    dome_depth: float
    """How far the costophrenic angle lies below its dome; flat in emphysema."""
    heart_width: float
    """Heart's width over the thorax's (cardiothoracic ratio): up to 0.5 is normal."""
    heart_tilt: float
    aorta: float
    rib_pitch: float
    rib_brightness: float
    fat: float
    """Body habitus in [0, 1]: soft tissue over the lungs and beside the thorax."""
    air: float
    """Brightness that full lung takes away, relative to a common patient's."""
    has_gastric_bubble: bool
    vessel_key: int
    """Seeds the vessel tree, which is the patient's own."""


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """One adult's build, with a cardiothoracic ratio of 0.38 to 0.49 and NIH's share of women."""
    is_female = bool(rng.random() < 0.435)
    base = rng.uniform(0.70, 0.79)
    return Anatomy(
        is_female=is_female,
        half_width=rng.uniform(0.31, 0.37) - 0.015 * is_female,
        apex=rng.uniform(0.09, 0.15),
        # The liver holds the right dome about 2 cm above the left.
        bases=(base - rng.uniform(0.01, 0.035), base),
        dome_depth=rng.uniform(0.07, 0.12),
        heart_width=rng.uniform(0.38, 0.49),
        heart_tilt=rng.uniform(0.45, 0.85),
        aorta=rng.uniform(0.028, 0.046),
        rib_pitch=rng.uniform(0.068, 0.080),
        rib_brightness=rng.uniform(0.7, 1.3),
        fat=rng.beta(2, 3),
        air=rng.uniform(0.85, 1.1),
        has_gastric_bubble=bool(rng.random() < 0.6),
        vessel_key=int(rng.integers(2**62)),
    )


class Lung:
    """One lung: its mask, and coordinates in it that follow the patient's build.

    `mask` (S, S) in [0, 1] has soft edges. `across` (S, S) runs from 0 at the mediastinum to 1 at
    the lateral chest wall, `down` (S, S) from 0 at the apex to 1 at the diaphragm; both go on
    beyond the lung.
    """

    def __init__(self, anatomy: Anatomy, side: int, size: int) -> None:
        self.anatomy = anatomy
        self.side = side
        x, y = pixel_grid(size)
        outward = self._outward(x)
        lateral, medial, base = self._lateral(y), self._medial(y), self._diaphragm(outward)
        self.mask: Plane = (
            soft_step(lateral - outward) * soft_step(outward - medial) * soft_step(base - y)
        )
        width = np.maximum(lateral - medial, 0.03)
        self.across: Plane = ((outward - medial) / width).astype(np.float32)
        self.down: Plane = ((y - anatomy.apex) / (base - anatomy.apex)).astype(np.float32)

    def locate(self, across: Curve, down: Curve) -> Curve:
        """Image positions (..., 2) of points given in the lung's own coordinates."""
        apex = self.anatomy.apex
        y = apex + down * (self.anatomy.bases[self.side] - apex)
        outward = self._medial(y) + across * (self._lateral(y) - self._medial(y))
        y = apex + down * (self._diaphragm(outward) - apex)
        return np.stack([MIDLINE + self._sign * outward, y], axis=-1)

    def place(self, across: float, down: float) -> tuple[float, float]:
        """The image position (x, y) of one point in the lung's own coordinates."""
        x, y = self.locate(np.array(across), np.array(down))
        return float(x), float(y)

    @property
    def _sign(self) -> int:
        return 1 if self.side == LEFT else -1

    def _outward(self, x: Plane) -> Plane:
        distance: Plane = self._sign * (x - np.float32(MIDLINE))
        return distance

    def _lateral(self, y: Curve) -> Curve:
        a = self.anatomy
        t = np.clip((y - a.apex) / (0.9 * (a.bases[self.side] - a.apex)), 0, 1)
        wall: Curve = a.half_width * (1 - (1 - t) ** 2.8) ** 0.5
        return wall

    def _medial(self, y: Curve) -> Curve:
        a = self.anatomy
        border: Curve = 0.05 + 0.06 * np.exp(-np.maximum(y - a.apex, 0) / 0.03)
        return border

    def _diaphragm(self, outward: Curve) -> Curve:
        a = self.anatomy
        t = (outward - 0.45 * a.half_width) / (0.55 * a.half_width)
        dome: Curve = a.bases[self.side] + a.dome_depth * np.where(t > 0, t * t, 0.3 * t * t)
        return dome


@cache
def pixel_grid(size: int) -> tuple[Plane, Plane]:
    """Pixel centres as x (1, S) and y (S, 1), read-only, to be broadcast."""
    centres = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    x, y = centres[None, :], centres[:, None]
    x.flags.writeable = y.flags.writeable = False
    return x, y


def soft_step(distance: Curve, width: float = _EDGE) -> Plane:
    """0 below -width/2, 1 above width/2, linear between: an edge of that softness."""
    step: Plane = np.clip(distance / np.float32(width) + np.float32(0.5), 0, 1).astype(np.float32)
    return step


def draw_disc(
    size: int, centre: tuple[float, float], radii: tuple[float, float], *, edge: float = 0.2
) -> Plane:
    """An ellipse of height 1, (S, S), whose edge takes the share `edge` of its radii."""
    x, y = pixel_grid(size)
    radius = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1])
    return soft_step(1 - radius, edge)


def draw_cloud(size: int, centre: tuple[float, float], sigmas: tuple[float, float]) -> Plane:
    """A Gaussian of height 1, (S, S), with its standard deviations along x and y."""
    x, y = pixel_grid(size)
    along_x: Plane = np.exp(-0.5 * ((x - centre[0]) / sigmas[0]) ** 2)
    along_y: Plane = np.exp(-0.5 * ((y - centre[1]) / sigmas[1]) ** 2)
    return along_x * along_y


def paint_curves(curves: Iterable[Curve], *, width: float, size: int) -> Plane:
    """Smooth-edged lines through the points (K, 2) of each curve: (S, S) in [0, 1].

    A line thinner than one pixel is drawn one pixel wide and fainter, as a detector sees it.
    """
    canvas = np.zeros((size, size), dtype=np.uint8)
    scale = size * 2**_FIXED_POINT_BITS
    points = [(curve * scale).astype(np.int32) for curve in curves]
    thickness = max(1, round(width * size))
    cv2.polylines(canvas, points, False, 255, thickness, cv2.LINE_AA, _FIXED_POINT_BITS)
    return canvas * np.float32(min(1.0, width * size) / 255)
