"""Forecasts of learning curves: their intervals hold where the truth is planted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from xlite.scores.learning_curve import forecast_curve

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "power": lambda x: 0.80 - 0.04 * (x**-0.4 - 1),
    "logarithm": lambda x: 0.75 + 0.02 * np.log(x),
    "flat": lambda x: np.full_like(x, 0.78),
    "levels off": lambda x: 0.82 - 0.05 * np.exp(-2 * x),
}
SHARES = np.array([0.25, 0.5, 1.0])


@pytest.mark.parametrize("name", CURVES)
def test_the_interval_holds_nine_times_of_ten(name: str) -> None:
    rng, curve = np.random.default_rng(7), CURVES[name]
    ahead = np.array([2.0, 4.0])
    held = []
    for _ in range(60):
        runs = curve(SHARES)[:, None] + rng.normal(0, 0.01, (3, 3))
        forecast = forecast_curve(SHARES, runs)
        truth = curve(ahead) + rng.normal(0, 0.01 / 3**0.5, 2)
        held.append((forecast.low <= truth) & (truth <= forecast.high))
    assert np.mean(held) >= 0.85


def test_what_is_far_is_less_sure_and_runs_that_are_missing_are_left_out() -> None:
    runs = np.array([[0.70, 0.71], [0.74, np.nan], [0.77, 0.76]])
    forecast = forecast_curve(SHARES, runs)
    widths = forecast.high - forecast.low
    assert widths[0] < widths[1]
    assert (forecast.low <= forecast.median).all()
    assert (forecast.high <= 1).all()


def test_two_sizes_are_no_curve() -> None:
    with pytest.raises(ValueError, match="three sizes"):
        forecast_curve([0.5, 1.0], np.array([[0.7], [0.8]]))
