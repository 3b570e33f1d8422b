"""Simulations of how many images it takes, and of what more would bring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.rates import Rate, Simulation
from xlite.scores.auroc_interval import auroc_interval
from xlite.scores.learning_curve import forecast_curve
from xlite.scores.sample_size import (
    assume_precision,
    factor_for_width,
    plan_difference,
)
from xlite.scores.seed_variance import combine_seeds

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_SHARES = np.array([0.25, 0.5, 1.0])
_AHEAD = np.array([2.0, 4.0])
_SEED_DEVIATION = 0.01


def forecasts() -> list[Rate]:
    """Forecasts of learning curves hold the mean of new runs on more patients (90 % intervals)."""
    rates = []
    for name, draw in _SHAPES.items():
        for num_seeds in (1, 3, 5):
            rng = np.random.default_rng(11)
            held = np.array([_forecast(draw(rng), num_seeds, rng) for _ in range(600)])
            case = f"{name}, 3 sizes × {num_seeds} {'seed' if num_seeds == 1 else 'seeds'}"
            for column, factor in enumerate(_AHEAD):
                rate = float(held[:, column].mean())
                rates.append(
                    Rate(case=f"{case}: {factor:g} times", rate=rate, trials=len(held), least=0.88)
                )
    return rates


def planned_widths() -> list[Rate]:
    """Sets of the planned size have, on average, the interval that was asked for."""
    rates = []
    for auroc in (0.7, 0.8, 0.9):
        for prevalence in (0.02, 0.1):
            rng = np.random.default_rng(5)
            pilot = _draw(rng, 1000, prevalence, auroc)[0]
            precision = assume_precision(pilot, np.arange(1000), auroc=auroc)
            size = round(1000 * float(factor_for_width(precision, 0.05)[0]))
            widths = []
            for _ in range(300):
                found = auroc_interval(*_draw(rng, size, prevalence, auroc))
                widths.append(float(found.high[0] - found.low[0]) / 2)
            rate = float(np.mean(np.array(widths) <= 1.1 * 0.05))
            case = f"AUROC {auroc}, prevalence {prevalence:g}: {size:,} images"
            within = f"{case}, no wider than 1.1 times"
            rates.append(Rate(case=within, rate=rate, trials=300))
            mean = float(np.mean(widths))
            case = f"{case}, mean half-width / 0.05"
            ratio = Rate(
                case=case, rate=mean / 0.05, trials=300, least=0.95, most=1.05, is_amount=True
            )
            rates.append(ratio)
    return rates


def planned_differences() -> list[Rate]:
    """The difference that is called detectable is found with 80 % chance."""
    rates = []
    targets = np.repeat(np.array([[1], [0]], dtype=np.int8), [150, 1350], axis=0)
    precision = assume_precision(targets, np.arange(1500), auroc=0.8)
    error = float(precision.standard_error[0])
    for num_seeds in (2, 3, 5, 10):
        rng = np.random.default_rng(6)
        plan = plan_difference(precision, 0.05, num_seeds=num_seeds)
        found = [_is_found(plan.detectable, num_seeds, error, rng) for _ in range(2000)]
        rate = float(np.mean(found))
        rates.append(
            Rate(case=f"{num_seeds} seeds", rate=rate, trials=len(found), least=0.77, most=0.83)
        )
    return rates


def _forecast(curve: Curve, num_seeds: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether the interval at each factor holds the mean of as many new runs."""
    noise = rng.uniform(0.003, 0.015)
    # Smaller sets of patients move scores more.
    of_size = noise * _SHARES[:, None] ** -0.25
    runs = curve(_SHARES)[:, None] + of_size * rng.normal(size=(len(_SHARES), num_seeds))
    truth = curve(_AHEAD) + noise * rng.normal(size=len(_AHEAD)) / np.sqrt(num_seeds)
    forecast = forecast_curve(list(_SHARES), runs)
    return np.asarray((forecast.low <= truth) & (truth <= forecast.high))


def _draw_power(rng: np.random.Generator) -> Curve:
    level, gain, exponent = rng.uniform(0.7, 0.85), rng.uniform(0.01, 0.06), rng.uniform(0.1, 1)
    return lambda x: np.asarray(level - gain * (x**-exponent - 1))


def _draw_logarithm(rng: np.random.Generator) -> Curve:
    level, slope = rng.uniform(0.7, 0.85), rng.uniform(0.005, 0.03)
    return lambda x: np.asarray(np.minimum(level + slope * np.log(x), 1.0))


def _draw_flat(rng: np.random.Generator) -> Curve:
    level = rng.uniform(0.7, 0.85)
    return lambda x: np.full_like(x, level)


def _draw_exponential(rng: np.random.Generator) -> Curve:
    level, gain, speed = rng.uniform(0.7, 0.85), rng.uniform(0.005, 0.03), rng.uniform(0.5, 2)
    return lambda x: np.asarray(level + gain * (1 - np.exp(-speed * (x - 1))))


def _draw_sigmoid(rng: np.random.Generator) -> Curve:
    level, middle, width = rng.uniform(0.7, 0.8), rng.uniform(1, 3), rng.uniform(0.7, 1.5)

    def rise(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(1 / (1 + np.exp(-(np.log2(x) + middle) / width)))

    return lambda x: np.asarray(0.5 + (level - 0.5) * rise(x) / rise(np.ones(1)))


_SHAPES: dict[str, Callable[[np.random.Generator], Curve]] = {
    "power": _draw_power,
    "logarithm": _draw_logarithm,
    "flat": _draw_flat,
    "exponential": _draw_exponential,
    "sigmoid of the logarithm": _draw_sigmoid,
}


def _draw(
    rng: np.random.Generator, num_images: int, prevalence: float, auroc: float
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    targets = (np.arange(num_images) < prevalence * num_images).astype(np.int8)[:, None]
    return targets, rng.normal(size=targets.shape) + np.sqrt(2) * ndtri(auroc) * targets


def _is_found(difference: float, num_seeds: int, error: float, rng: np.random.Generator) -> bool:
    """Whether the verdict's interval lies above 0 in one study."""
    seeds = difference + rng.normal(0, error)
    seeds = seeds + rng.normal(0, _SEED_DEVIATION * np.sqrt(2), num_seeds)
    drawn = seeds[:, None] + rng.normal(0, error, 300)
    return bool(combine_seeds(seeds, drawn, image_freedom=149).low > 0)


SIMULATIONS: dict[str, Simulation] = {
    "forecasts": forecasts,
    "planned-widths": planned_widths,
    "planned-differences": planned_differences,
}
