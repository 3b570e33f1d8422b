"""Simulations of how well maps point: do intervals over patients hold the planted truth?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.rates import Rate, Simulation
from xlite.scores.clustered_means import compare_means, measure_mean

_TRIALS = 2000
_SIZES = (8, 20, 100)

Values = NDArray[np.float64]
Draw = Callable[[Values, np.random.Generator], tuple[Values, Values]]
"""Scores of two kinds of map on films, from how easy each film's patient is, in [0, 1]."""


def measure_intervals() -> list[Rate]:
    """Intervals of pointing and energy hold the truth, of patients with one to three films."""
    kinds: dict[str, tuple[Draw, float, float]] = {
        # E[U^(1/3)] of a Beta(2, 2) is 27/35.
        "pointing": (_point, 27 / 35, 1 / 2),
        "energy": (_share_energy, 0.30, 0.25),
    }
    rates = []
    for name, (draw, own, other) in kinds.items():
        for size in _SIZES:
            held = np.array([_try(draw, own, other, size, trial) for trial in range(_TRIALS)])
            rate = partial(Rate, trials=_TRIALS, least=0.925, most=0.985)
            for what, share in zip(("its mean", "its gain"), held.mean(axis=0), strict=True):
                rates.append(rate(case=f"{name}, {size} patients: {what}", rate=float(share)))
    return rates


def _try(draw: Draw, own: float, other: float, size: int, trial: int) -> tuple[bool, bool]:
    rng = np.random.default_rng([size, trial])
    patients = np.repeat(np.arange(size), rng.integers(1, 4, size))
    ones, others = draw(rng.beta(2, 2, size)[patients], rng)
    mean, gain = measure_mean(ones, patients), compare_means(ones, others, patients)
    return mean.low <= own <= mean.high, gain.low <= own - other <= gain.high


def _point(ease: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    draws = rng.random((2, len(ease)))
    return (draws[0] < ease ** (1 / 3)).astype(float), (draws[1] < ease).astype(float)


def _share_energy(ease: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    noise = 0.1 * rng.random((2, len(ease)))
    return 0.5 * ease + noise[0], 0.4 * ease + noise[1]


SIMULATIONS: dict[str, Simulation] = {"localisation": measure_intervals}
