"""Simulations of the probe for burnt-in marks, with planted truth."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.rates import Rate, Simulation
from xlite.labels import NIH_LABELS
from xlite.scores.border_marks import find_marks, measure_contrast
from xlite.scores.table_model import fit_table_model
from xlite.synthetic.radiograph import draw_radiograph

_POOL, _IMAGES, _SIDE = 1500, 400, 128
_SHARES = np.linspace(0.08, 0.2, len(NIH_LABELS))
_TOKEN = (
    np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=bool).repeat(2, 0).repeat(2, 1)
)
"""A letter L of 8 x 6 pixels."""


def marks_on_the_border() -> list[Rate]:
    """A mark on 30 % of one label's positives is flagged by the border's probe, and none is not."""
    return [
        flag_studies("no mark", trials=100, most=0.05),
        flag_studies("the letter on 40 % of AP films", trials=100, share_of_ap=0.4, most=0.05),
        flag_studies("on 30 % of one label's positives", trials=100, share=0.3, least=0.95),
        flag_studies(
            "the same, and on 20 % of all others elsewhere",
            trials=100,
            share=0.3,
            elsewhere=0.2,
            least=0.95,
        ),
    ]


def flag_studies(
    case: str,
    *,
    trials: int,
    share: float = 0.0,
    share_of_ap: float = 0.0,
    elsewhere: float = 0.0,
    least: float | None = None,
    most: float | None = None,
) -> Rate:
    """How many studies of 400 films are flagged; with a mark, for its own label."""
    films, targets, is_ap = draw_pool()
    flagged = 0
    for trial in range(trials):
        rng = np.random.default_rng([trial, 7])
        rows = rng.choice(_POOL, _IMAGES, replace=False)
        shown, labels, ap = films[rows], targets[rows], is_ap[rows]
        contrast = measure_pool()[rows]
        label = int(rng.integers(len(NIH_LABELS)))
        carries = (labels[:, label] == 1) & (rng.random(_IMAGES) < share)
        carries |= ap & (rng.random(_IMAGES) < share_of_ap)
        for row in np.flatnonzero(carries):
            burn(shown[row], rng, top=4, left=100)
        other = rng.random(_IMAGES) < elsewhere
        for row in np.flatnonzero(other):
            burn(shown[row], rng, top=int(rng.integers(3, 110)), left=4)
        for row in np.flatnonzero(carries | other):
            contrast[row] = measure_contrast(shown[row])
        views = np.where(ap, "AP", "PA").astype(object)
        scores = fit_table_model([views], labels).score([views])
        found = find_marks(contrast, labels, np.nan_to_num(scores))
        flagged += any(one.column == label for one in found) if share else bool(found)
    return Rate(case=case, rate=flagged / trials, trials=trials, least=least, most=most)


def burn(film: np.ndarray, rng: np.random.Generator, *, top: int, left: int) -> None:
    """Write the letter on a film, three pixels to and fro."""
    y, x = top + int(rng.integers(-3, 4)), left + int(rng.integers(-3, 4))
    film[y : y + _TOKEN.shape[0], x : x + _TOKEN.shape[1]][_TOKEN] = 250


@cache
def measure_pool() -> np.ndarray:
    """The contrast of the pool's films, without marks."""
    return np.stack([measure_contrast(film) for film in draw_pool()[0]])


@cache
def draw_pool() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Films of as many patients with their labels, of which AP ones have more, and the view."""
    rng = np.random.default_rng(0)
    is_ap = rng.random(_POOL) < 0.4
    odds = np.where(is_ap[:, None], 1.6, 0.6)
    targets = (rng.random((_POOL, len(NIH_LABELS))) < _SHARES * odds).astype(np.int8)
    films = [
        draw_radiograph(
            targets[k],
            patient_rng=np.random.default_rng([k, 1]),
            image_rng=np.random.default_rng([k, 2]),
            image_size=_SIDE,
            view="AP" if is_ap[k] else "PA",
        )
        for k in range(_POOL)
    ]
    return np.stack(films), targets, is_ap


SIMULATIONS: dict[str, Simulation] = {"border-marks": marks_on_the_border}
"""The simulations of this module by name."""
