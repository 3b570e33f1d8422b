"""The visible signature of each of NIH's 14 findings on a synthetic film.

Where a finding sits is drawn from `site`, a generator of the patient's own, so that a finding
that persists stays in its place; how dense and how far it has spread is drawn from `course`, a
generator of the film. Sizes and contrasts range from plain to barely visible: a perfect score is
out of reach. Units are those of `synthetic_anatomy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import cv2
import numpy as np

from xlite.synthetic.anatomy import (
    LEFT,
    MIDLINE,
    RIGHT,
    Anatomy,
    Lung,
    Plane,
    draw_cloud,
    draw_disc,
    paint_curves,
    pixel_grid,
    soft_step,
)
from xlite.synthetic.film import Film

Rng = np.random.Generator


def _enlarge_heart(anatomy: Anatomy, site: Rng, course: Rng) -> Anatomy:
    return replace(anatomy, heart_width=site.uniform(0.51, 0.64) + course.uniform(-0.02, 0.02))


def _raise_diaphragm(anatomy: Anatomy, site: Rng, course: Rng) -> Anatomy:
    # The side comes first, as in _add_atelectasis: band and volume loss are in the same lung.
    bases = list(anatomy.bases)
    bases[site.integers(2)] -= course.uniform(0.02, 0.07)
    return replace(anatomy, bases=(bases[RIGHT], bases[LEFT]))


def _overinflate(anatomy: Anatomy, site: Rng, course: Rng) -> Anatomy:
    drop = site.uniform(0.01, 0.05)
    return replace(
        anatomy,
        bases=(anatomy.bases[RIGHT] + drop + 0.01, anatomy.bases[LEFT] + drop),
        dome_depth=anatomy.dome_depth * site.uniform(0.3, 0.8),
        half_width=anatomy.half_width + 0.01,
        heart_width=anatomy.heart_width * site.uniform(0.75, 0.9),
        air=anatomy.air * course.uniform(1.02, 1.15),
        rib_pitch=anatomy.rib_pitch * 1.05,
    )


DEFORMATIONS: Mapping[str, Callable[[Anatomy, Rng, Rng], Anatomy]] = {
    "Cardiomegaly": _enlarge_heart,
    "Atelectasis": _raise_diaphragm,
    "Emphysema": _overinflate,
}
"""Findings that change the patient's shape; called as f(anatomy, site, course)."""


def _add_atelectasis(film: Film, site: Rng, course: Rng) -> None:
    lung = film.lungs[site.integers(2)]
    across, down = site.uniform(0.15, 0.35), site.uniform(0.62, 0.85)
    length = course.uniform(0.4, 0.6)
    t = np.linspace(0, 1, 8)
    band = lung.locate(across + length * t, down + site.uniform(-0.06, 0.06) * t)
    width = course.uniform(0.010, 0.019)
    film.fill_lung(lung, course.uniform(0.4, 0.8) * _draw_band(film, band, width))
    # Crowded, airless lung below the band.
    film.fill_lung(lung, course.uniform(0.05, 0.25) * soft_step(lung.down - down, 0.2))


def _add_effusion(film: Film, site: Rng, course: Rng) -> None:
    for lung in _affected_lungs(film, site, both=0.3):
        # The meniscus climbs the lateral wall.
        level = course.uniform(0.78, 1.12) - 0.22 * np.clip(lung.across, 0, 1) ** 2.5
        film.fill_lung(lung, course.uniform(0.8, 0.95) * soft_step(lung.down - level, 0.06))


def _add_infiltration(film: Film, site: Rng, course: Rng) -> None:
    for lung in _affected_lungs(film, site, both=0.6):
        centre = lung.place(site.uniform(0.3, 0.6), site.uniform(0.4, 0.85))
        patches = soft_step(_draw_texture(film, 0.035, course), 2.5)
        region = draw_cloud(film.size, centre, (0.09, 0.11))
        film.fill_lung(lung, course.uniform(0.3, 0.65) * patches * region)


def _add_mass(film: Film, site: Rng, course: Rng) -> None:
    lung = film.lungs[site.integers(2)]
    centre = lung.place(site.uniform(0.25, 0.75), site.uniform(0.2, 0.8))
    radius = site.uniform(0.040, 0.075) * course.uniform(0.9, 1.1)
    mass = draw_disc(film.size, centre, (radius, radius * site.uniform(0.8, 1.2)), edge=0.35)
    lobes = 1 + 0.12 * _draw_texture(film, 0.03, course)
    film.fill_lung(lung, course.uniform(0.4, 0.85) * mass * lobes)


def _add_nodule(film: Film, site: Rng, course: Rng) -> None:
    for _ in range(site.geometric(0.6)):
        lung = film.lungs[site.integers(2)]
        centre = lung.place(site.uniform(0.25, 0.85), site.uniform(0.12, 0.85))
        radius = site.uniform(0.017, 0.032)
        nodule = draw_disc(film.size, centre, (radius, radius), edge=0.4)
        film.fill_lung(lung, course.uniform(0.5, 0.9) * nodule)


def _add_pneumonia(film: Film, site: Rng, course: Rng) -> None:
    lung = film.lungs[site.integers(2)]
    centre = lung.place(site.uniform(0.3, 0.65), site.uniform(0.3, 0.85))
    patch = draw_cloud(film.size, centre, (course.uniform(0.06, 0.09), course.uniform(0.07, 0.11)))
    fluff = 1 + 0.25 * _draw_texture(film, 0.05, course)
    film.fill_lung(lung, course.uniform(0.35, 0.75) * patch * fluff)


def _add_pneumothorax(film: Film, site: Rng, course: Rng) -> None:
    lung = film.lungs[site.integers(2)]
    # The lung falls away from the apex and the lateral wall towards the hilum.
    reach = 0.75 * lung.across + 0.75 * (1 - lung.down)
    border = course.uniform(0.80, 1.10)
    outside = soft_step(reach - border, 0.03) * lung.mask
    line = np.exp(-(((reach - border) / 0.016) ** 2)) * lung.mask
    film.vessels *= 1 - outside
    film.air *= 1 - course.uniform(0.05, 0.15) * lung.mask * (1 - outside)
    film.air *= 1 + course.uniform(0.03, 0.20) * outside
    film.tissue += np.float32(course.uniform(0.05, 0.14)) * line


def _add_consolidation(film: Film, site: Rng, course: Rng) -> None:
    lung = film.lungs[site.integers(2)]
    # One lobe: a sharp fissure on one side, fading out on the other.
    fissure = site.uniform(0.42, 0.58) + site.uniform(-0.15, 0.15) * (lung.across - 0.5)
    depth = (lung.down - fissure) * (1 if site.random() < 0.6 else -1)
    lobe = soft_step(depth, 0.03) * np.exp(-((np.maximum(depth, 0) / 0.28) ** 2))
    bronchi = 1 - 0.15 * np.abs(_draw_texture(film, 0.02, course))
    film.fill_lung(lung, course.uniform(0.35, 0.8) * lobe * bronchi)


def _add_edema(film: Film, site: Rng, course: Rng) -> None:
    density = course.uniform(0.25, 0.6)
    fluff = 1 + 0.3 * _draw_texture(film, 0.03, course)
    for lung in film.lungs:
        centre = lung.place(site.uniform(0.15, 0.25), site.uniform(0.45, 0.55))
        wing = draw_cloud(film.size, centre, (0.085, 0.14))
        film.fill_lung(lung, density * wing * fluff)


def _add_emphysema(film: Film, site: Rng, course: Rng) -> None:
    film.vessels *= np.float32(course.uniform(0.5, 0.8))


def _add_fibrosis(film: Film, site: Rng, course: Rng) -> None:
    # The zero crossings of a smooth noise form a net.
    net = np.exp(-((_draw_texture(film, site.uniform(0.014, 0.022), course) / 0.35) ** 2))
    density = course.uniform(0.2, 0.55)
    top = site.uniform(0.5, 0.75)
    for lung in _affected_lungs(film, site, both=0.6):
        film.fill_lung(lung, density * net * soft_step(lung.down - top, 0.3))


def _add_pleural_thickening(film: Film, site: Rng, course: Rng) -> None:
    for lung in _affected_lungs(film, site, both=0.25):
        middle, half_length = site.uniform(0.2, 0.7), site.uniform(0.2, 0.35)
        along = soft_step(half_length - np.abs(lung.down - middle), 0.1)
        rind = soft_step(lung.across - 1 + course.uniform(0.06, 0.17), 0.03)
        film.fill_lung(lung, course.uniform(0.4, 0.9) * rind * along)


def _add_hernia(film: Film, site: Rng, course: Rng) -> None:
    radius = site.uniform(0.045, 0.08)
    centre = (
        MIDLINE + site.uniform(0.0, 0.06),
        film.anatomy.bases[LEFT] - site.uniform(0.2, 0.7) * radius,
    )
    _, y = pixel_grid(film.size)
    sac = draw_disc(film.size, centre, (radius, radius), edge=0.12)
    lumen = draw_disc(film.size, centre, (0.82 * radius, 0.82 * radius), edge=0.15)
    level = centre[1] + course.uniform(-0.2, 0.4) * radius
    # Stomach above the diaphragm: a wall, gas in it, and a fluid level.
    film.air *= 1 - 0.9 * sac
    film.tissue += np.float32(0.06) * sac
    film.tissue -= np.float32(course.uniform(0.12, 0.30)) * lumen * soft_step(level - y, 0.01)


OPACITIES: Mapping[str, Callable[[Film, Rng, Rng], None]] = {
    "Atelectasis": _add_atelectasis,
    "Effusion": _add_effusion,
    "Infiltration": _add_infiltration,
    "Mass": _add_mass,
    "Nodule": _add_nodule,
    "Pneumonia": _add_pneumonia,
    "Pneumothorax": _add_pneumothorax,
    "Consolidation": _add_consolidation,
    "Edema": _add_edema,
    "Emphysema": _add_emphysema,
    "Fibrosis": _add_fibrosis,
    "Pleural_Thickening": _add_pleural_thickening,
    "Hernia": _add_hernia,
}
"""Findings that change the film's layers in place; called as f(film, site, course)."""


OUTLINES: Mapping[str, Callable[[Film], Plane]] = {
    "Cardiomegaly": lambda film: film.heart,
    "Emphysema": lambda film: film.lungs[RIGHT].mask + film.lungs[LEFT].mask,
}
"""What of the film shows a finding that is a change of shape: (S, S), 0 where nothing does."""


def _affected_lungs(film: Film, site: Rng, *, both: float) -> tuple[Lung, ...]:
    # Both lungs with that probability, else either.
    lung = film.lungs[site.integers(2)]
    return film.lungs if site.random() < both else (lung,)


def _draw_texture(film: Film, grain: float, rng: Rng) -> Plane:
    """Smooth noise of mean 0 and variance about 0.74, (S, S), with blobs as wide as `grain`."""
    cells = max(4, round(1 / grain))
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    texture = cv2.resize(coarse, (film.size, film.size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(texture, dtype=np.float32)


def _draw_band(film: Film, points: Plane, width: float) -> Plane:
    band = paint_curves([points], width=width, size=film.size)
    blurred = cv2.GaussianBlur(band, (0, 0), max(0.3, 0.25 * width * film.size))
    return np.asarray(blurred, dtype=np.float32)
