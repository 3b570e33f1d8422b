"""A normal synthetic chest film, in layers that findings change before it is exposed.

The layers add up to brightness, so that a finding can take the air out of a lung and leave the
ribs in front of it alone. Units are those of `synthetic_anatomy`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from xlite.synthetic.anatomy import (
    LEFT,
    MIDLINE,
    RIGHT,
    Anatomy,
    Curve,
    Lung,
    Plane,
    draw_cloud,
    draw_disc,
    paint_curves,
    pixel_grid,
    soft_step,
)

AIR_CONTRAST = 0.5
"""How much darker a full lung is than soft tissue of the same thickness."""


@dataclass(kw_only=True)
class Film:
    """A film in layers of (S, S) brightness: tissue + bones - air * (AIR_CONTRAST - vessels).

    `air` is about 1 in healthy lung and 0 where there is none. Vessels show against air only, so
    that whatever fills the lung also hides them, and the heart's border beside it (the
    silhouette sign).
    """

    anatomy: Anatomy
    size: int
    lungs: tuple[Lung, Lung]
    tissue: Plane
    air: Plane
    vessels: Plane
    bones: Plane
    heart: Plane
    """The heart's shadow without the great vessels, 0 to 1."""

    def fill_lung(self, lung: Lung, opacity: Plane) -> None:
        """Replace the share `opacity` (S, S), in [0, 1], of a lung's air by fluid or tissue."""
        # Not times the mask: in its soft edge air would be left over, as a line of gas around
        # whatever reaches the pleura.
        self.air *= 1 - np.clip(opacity, 0, 1) * (lung.mask > 0)

    def brightness(self) -> Plane:
        """The layers' sum, (S, S), about 0 (black) to 1 (white) before exposure."""
        total: Plane = self.tissue + self.bones + self.air * (self.vessels - AIR_CONTRAST)
        return total


def draw_normal_film(anatomy: Anatomy, *, size: int) -> Film:
    """A patient's film without findings, in layers of (size, size) float32."""
    lungs = (Lung(anatomy, RIGHT, size), Lung(anatomy, LEFT, size))
    heart = _heart(anatomy, size)
    shadow = _add_great_vessels(heart, anatomy, size)
    air = (lungs[RIGHT].mask + lungs[LEFT].mask) * np.float32(anatomy.air)
    air *= 1 - 0.9 * shadow
    return Film(
        anatomy=anatomy,
        size=size,
        lungs=lungs,
        tissue=_soft_tissue(anatomy, size) + np.float32(0.05) * shadow,
        air=air,
        vessels=_vessels(anatomy, lungs, size),
        bones=_bones(anatomy, size),
        heart=heart,
    )


def _soft_tissue(a: Anatomy, size: int) -> Plane:
    x, y = pixel_grid(size)
    # Neck above, shoulders around the apices, trunk below; black is air around the body.
    shoulders = 0.5 * soft_step(y - (a.apex - 0.02), 0.16)
    trunk = a.half_width + 0.05 + 0.12 * a.fat + 0.10 * np.exp(-(((y - 0.25) / 0.2) ** 2))
    inside = np.minimum(0.13 + shoulders, trunk) - np.abs(x - MIDLINE)
    body = (0.60 + 0.12 * a.fat) * np.sqrt(np.clip(inside / 0.10, 0, 1))
    domes = np.where(x < MIDLINE, a.bases[RIGHT], a.bases[LEFT])
    body *= 1 + 0.18 * soft_step(y - domes - 0.06, 0.2)
    middle = np.exp(-(((x - MIDLINE) / 0.055) ** 4)) * np.float32(0.13)
    trachea = 0.13 * soft_step(0.016 - np.abs(x - MIDLINE), 0.012) * soft_step(0.33 - y, 0.05)
    tissue: Plane = (body + middle - trachea).astype(np.float32)
    if a.is_female:
        for sign in (-1, 1):
            centre = (MIDLINE + sign * 0.56 * a.half_width, a.bases[RIGHT] - 0.05)
            tissue += (0.05 + 0.07 * a.fat) * draw_disc(size, centre, (0.15, 0.14), edge=0.25)
    if a.has_gastric_bubble:
        centre = (MIDLINE + 0.5 * a.half_width, a.bases[LEFT] + 0.06)
        tissue -= 0.13 * draw_disc(size, centre, (0.055, 0.03), edge=0.4)
    return tissue


def _heart(a: Anatomy, size: int) -> Plane:
    x, y = pixel_grid(size)
    half, centre = _heart_place(a)
    # A third of the heart lies right of the midline; its long axis points down to the left.
    dx, dy = x - centre[0], y - centre[1]
    along = dx * np.cos(a.heart_tilt) + dy * np.sin(a.heart_tilt)
    aside = dy * np.cos(a.heart_tilt) - dx * np.sin(a.heart_tilt)
    return soft_step(1 - np.hypot(along / (1.12 * half), aside / (0.86 * half)), 0.12)


def _heart_place(a: Anatomy) -> tuple[float, tuple[float, float]]:
    """Half of the heart's width, and its centre."""
    half = a.heart_width * a.half_width
    return half, (MIDLINE + 0.36 * half, a.bases[LEFT] - 0.09)


def _add_great_vessels(heart: Plane, a: Anatomy, size: int) -> Plane:
    half, centre = _heart_place(a)
    knob = (MIDLINE + 0.05, a.apex + 0.18)
    # The pulmonary trunk closes the gap between the aortic knob and the left heart border.
    trunk = (MIDLINE + 0.03, 0.5 * (knob[1] + centre[1]) + 0.02)
    for middle, radii in ((knob, (a.aorta, a.aorta * 1.2)), (trunk, (0.35 * half + 0.01, 0.13))):
        heart = np.maximum(heart, draw_disc(size, middle, radii, edge=0.3))
    return heart


def _bones(a: Anatomy, size: int) -> Plane:
    x, y = pixel_grid(size)
    t = np.linspace(0, 1, 12)
    ribs = np.arange(10)[:, None]
    start = a.apex + 0.01 + ribs * a.rib_pitch
    # Ribs lengthen from the apex down to the sixth, then follow the chest wall.
    reach = a.half_width * np.minimum(1.02, 0.52 + 0.12 * ribs)
    behind_x = 0.03 + (reach - 0.03) * np.sin(t * np.pi / 2)
    behind_y = start - 0.035 * np.sin(2.2 * t) + (0.09 + 0.008 * ribs) * t**2.5
    front_x = reach * (1 - 0.62 * t**1.3)
    front_y = start + 0.07 + 0.16 * t - 0.05 * t**3
    collar_y = a.apex + 0.055 - 0.07 * t + 0.02 * np.sin(6 * t)
    behind, front, collar = [], [], []
    for sign in (-1, 1):
        behind.append(np.stack([MIDLINE + sign * behind_x, behind_y], axis=-1))
        front.append(np.stack([MIDLINE + sign * front_x, front_y], axis=-1)[1:8])
        collar.append(np.stack([MIDLINE + sign * (0.03 + 0.30 * t), collar_y], axis=-1)[None])
    # A rib is a tube: its cortex is brightest where the beam runs along it, at both edges.
    cage = paint_curves(np.concatenate(behind), width=0.022, size=size)
    cage -= 0.45 * paint_curves(np.concatenate(behind), width=0.011, size=size)
    cage += 0.5 * paint_curves(np.concatenate(front), width=0.022, size=size)
    # The abdomen's thickness drowns the lowest ribs.
    cage *= 1 - 0.8 * soft_step(y - a.bases[LEFT] - 0.04, 0.1)
    cage += paint_curves(np.concatenate(collar), width=0.026, size=size)
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / (0.8 * a.rib_pitch))
    bones: Plane = np.float32(0.095 * a.rib_brightness) * cage
    bones += 0.025 * soft_step(0.035 - np.abs(x - MIDLINE), 0.03) * discs
    return _blur(bones, size)


def _vessels(a: Anatomy, lungs: tuple[Lung, Lung], size: int) -> Plane:
    rng = np.random.Generator(np.random.Philox(a.vessel_key))
    t = np.linspace(0, 1, 6)
    trunks: list[Curve] = []
    twigs: list[Curve] = []
    vessels: Plane = np.zeros((size, size), dtype=np.float32)
    for lung in lungs:
        vessels += 0.13 * draw_cloud(size, lung.place(0.08, 0.46), (0.025, 0.05))
        angle = np.linspace(-1.3, 1.45, 10)[:, None] + rng.uniform(-0.15, 0.15, (10, 1))
        reach = rng.uniform(0.55, 0.9, (10, 1)) * t
        bend = np.cumsum(rng.normal(0, 0.05, (10, t.size)), axis=1) * t
        branches = lung.locate(
            0.05 + reach * np.cos(angle) + bend * np.sin(angle),
            0.46 + 0.58 * reach * np.sin(angle) + bend * np.cos(angle),
        )
        trunks.append(branches[:, :4])
        twigs.append(branches[:, 2:])
        for fork in (1, 2, 3):
            turn = rng.choice([-0.6, 0.6], (10, 1))
            dx, dy = np.moveaxis(branches[:, -1] - branches[:, fork], -1, 0)[..., None]
            turned = np.stack(
                [dx * np.cos(turn) - dy * np.sin(turn), dx * np.sin(turn) + dy * np.cos(turn)],
                axis=-1,
            )
            twigs.append(branches[:, fork, None] + turned * t[:4, None])
    lines = 0.10 * paint_curves(np.concatenate(trunks), width=0.008, size=size)
    lines += 0.08 * paint_curves(
        [twig for group in twigs for twig in group], width=0.005, size=size
    )
    vessels += _blur(lines, size)
    return vessels


def _blur(lines: Plane, size: int) -> Plane:
    return np.asarray(cv2.GaussianBlur(lines, (0, 0), max(0.3, 0.003 * size)), dtype=np.float32)
