"""One synthetic radiograph: a patient's build, findings in it, and how the film was taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from xlite.labels import NIH_LABELS
from xlite.synthetic.anatomy import Anatomy, Plane, draw_anatomy, paint_curves
from xlite.synthetic.film import draw_normal_film
from xlite.synthetic.findings import DEFORMATIONS, OPACITIES, OUTLINES

Projection = Literal["PA", "AP"]


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawnFilm:
    """A film, and where its findings show on it."""

    pixels: NDArray[np.uint8]
    """(S, S)"""
    signs: dict[str, Plane]
    """By finding, (S, S), 0 and more: how far it changed the brightness before exposure of what is
    at each place of the film; of one that changes the patient's shape, what has that shape."""


def draw_radiograph(
    findings: NDArray[np.integer[Any]],
    *,
    patient_rng: np.random.Generator,
    image_rng: np.random.Generator,
    image_size: int,
    view: Projection = "PA",
) -> NDArray[np.uint8]:
    """One chest film, (S, S) uint8: lungs dark, bones bright, the patient's left on the right.

    findings: (14,) of 0 and 1 in the order of NIH_LABELS. The patient's build and the sites of
    findings come from `patient_rng`: start it anew for each film of a patient. Positioning,
    exposure, noise and the density of findings come from `image_rng`. An AP film has a larger
    heart, a higher diaphragm and less contrast, which makes the view a confounder, as in life.
    Raises ValueError for findings of another shape.
    """
    return draw_film(
        findings,
        patient_rng=patient_rng,
        image_rng=image_rng,
        image_size=image_size,
        view=view,
    ).pixels


def draw_film(
    findings: NDArray[np.integer[Any]],
    *,
    patient_rng: np.random.Generator,
    image_rng: np.random.Generator,
    image_size: int,
    view: Projection = "PA",
) -> DrawnFilm:
    """The film of `draw_radiograph`, and where on it each finding shows."""
    if findings.shape != (len(NIH_LABELS),):
        raise ValueError(f"findings must have shape ({len(NIH_LABELS)},), not {findings.shape}")
    anatomy = _position(draw_anatomy(patient_rng), view, image_rng)
    site_keys = patient_rng.integers(2**62, size=len(NIH_LABELS))
    course_keys = image_rng.integers(2**62, size=len(NIH_LABELS))
    present = [NIH_LABELS[label] for label in np.flatnonzero(findings == 1)]

    def streams(finding: str) -> tuple[np.random.Generator, np.random.Generator]:
        # A stream for each finding: one does not move because another came or went.
        label = NIH_LABELS.index(finding)
        return philox(int(site_keys[label])), philox(int(course_keys[label]))

    for finding in present:
        if finding in DEFORMATIONS:
            anatomy = DEFORMATIONS[finding](anatomy, *streams(finding))
    film = draw_normal_film(anatomy, size=image_size)
    signs = {}
    for finding in present:
        before = film.brightness()
        if finding in OPACITIES:
            OPACITIES[finding](film, *streams(finding))
        outline = OUTLINES.get(finding)
        signs[finding] = outline(film) if outline else np.abs(film.brightness() - before)
    pixels, turn = _expose(film.brightness(), view, image_rng)
    return DrawnFilm(
        pixels=pixels,
        signs={finding: _turn(sign, turn, cv2.BORDER_CONSTANT) for finding, sign in signs.items()},
    )


def _position(anatomy: Anatomy, view: Projection, rng: np.random.Generator) -> Anatomy:
    breath = rng.uniform(-0.015, 0.015)
    magnification = 1.0
    if view == "AP":
        # The heart lies nearer the tube and so casts a larger shadow; bedside films are often
        # taken lying, with less of a breath.
        breath, magnification = breath - 0.03, 1.07
    right, left = anatomy.bases
    return replace(
        anatomy,
        bases=(right + breath, left + breath),
        heart_width=anatomy.heart_width * magnification,
    )


def _expose(
    brightness: Plane, view: Projection, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The film, and the turn and shift of the patient under the tube as an affine map (2, 3)."""
    size = len(brightness)
    _draw_foreign(brightness, view, rng)
    middle, degrees, zoom = (size / 2, size / 2), rng.uniform(-2.5, 2.5), rng.uniform(0.96, 1.05)
    turn = np.asarray(cv2.getRotationMatrix2D(middle, degrees, zoom), dtype=np.float64)
    turn[:, 2] += rng.uniform(-0.02, 0.02, 2) * size
    turned = _turn(brightness, turn, cv2.BORDER_REPLICATE)
    grey = np.clip(turned, 0, None).astype(np.float32) ** np.float32(rng.uniform(0.65, 1.0))
    grey *= np.float32(rng.uniform(0.85, 1.0))
    if view == "AP":
        # Scatter without a grid fogs the film.
        grey = np.float32(0.1) + np.float32(rng.uniform(0.65, 0.85)) * grey
    mottle = rng.standard_normal((size, size), dtype=np.float32)
    grey += np.float32(rng.uniform(0.012, 0.03)) * mottle
    film: NDArray[np.uint8] = np.clip(np.rint(grey * 255), 0, 255).astype(np.uint8)
    return film, turn


def _turn(plane: Plane, turn: NDArray[np.float64], border: int) -> Plane:
    turned = cv2.warpAffine(plane, turn, plane.shape, borderMode=border)
    return np.asarray(turned, dtype=np.float32)


def _draw_foreign(brightness: Plane, view: Projection, rng: np.random.Generator) -> None:
    # The marker "L" on the patient's left, and on bedside films the leads of a monitor.
    size = len(brightness)
    corner = np.array([rng.uniform(0.87, 0.92), rng.uniform(0.06, 0.12)])
    letter = corner + np.array([[0.0, -0.04], [0.0, 0.0], [0.025, 0.0]])
    brightness += np.float32(0.7) * paint_curves([letter], width=0.007, size=size)
    if view == "AP":
        t = np.linspace(0, 1, 8)
        leads = []
        for _ in range(rng.integers(3)):
            x = rng.uniform(0.2, 0.8) + rng.uniform(-0.3, 0.3) * t
            y = rng.uniform(0.1, 0.3) + rng.uniform(0.3, 0.6) * t + 0.04 * np.sin(6 * t)
            leads.append(np.stack([x, y], axis=1))
        brightness += np.float32(0.18) * paint_curves(leads, width=0.005, size=size)


def philox(seed: int, key: int = 0) -> np.random.Generator:
    """A stream of its own for each pair of numbers."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, key], np.uint64)))
