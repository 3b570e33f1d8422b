"""How often studies that are looked at after each seed err, and how many seeds they take.

Trials are drawn as in `validity_verdicts`: scores of arms under seeds, and of resampled patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.rates import Rate, Simulation
from xlite.scores.anytime import MOST_SEEDS, Looks
from xlite.scores.last_look import foresee
from xlite.scores.seed_variance import SeedVariance, combine_seeds, estimate_seed_noise

Bools = NDArray[np.bool_]

_SOURCES = {
    "seeds alone": (1.0, 0.0, 0.0),
    "seeds, and images less": (0.8, 0.33, 0.6),
    "seeds as images": (0.8, 1.0, 0.6),
    "images twice as far": (0.8, 2.0, 0.6),
}
"""Standard deviations of a difference by seeds, images and the two together; the first and the
last are 1 together, τ."""
_LEVEL = 0.95
_TRIALS = 2000
_FIRST = 3
_HOPE = 0.1
"""As `judging.growth` has it."""
_FIXED = 12
_FEWER = 500
_EFFECTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Ended:
    """How studies ended; arrays are (trials,)."""

    is_above: Bools
    is_below: Bools
    is_equivalent: Bools
    seeds: NDArray[np.int64]


def errors_of_looks() -> list[Rate]:
    """Equal variants are told apart in a study that is looked at after each of its seeds."""
    rates = []
    for most in (6, 12, 24):
        for arms in (2, 4):
            for words, sources in _SOURCES.items():
                found = end_studies(most, arms, sources, first=2, stops_hopeless=False)
                case = f"{most} seeds of {arms} variants, {words}"
                rates.append(_rate(case, found.is_above | found.is_below, most=0.05))
    for most in (6, 12, 24):
        found = end_studies(
            most, 2, _SOURCES["seeds alone"], first=2, looks=None, stops_hopeless=False
        )
        case = f"for comparison: {most} seeds of 2 variants, seeds alone, looked at as if once"
        rates.append(_rate(case, found.is_above | found.is_below))
    return rates


def errors_of_equivalence() -> list[Rate]:
    """Variants that differ by the margin are called equivalent in a study of several looks."""
    rates = []
    for arms in (2, 4):
        for words, (seed, image, both) in _SOURCES.items():
            sources = (seed / 4, image / 4, both / 4)
            found = end_studies(12, arms, sources, change=1.0, margin=1.0, first=2)
            case = f"12 seeds of {arms} variants, {words}"
            rates.append(_rate(case, found.is_equivalent, most=0.05))
    return rates


def seeds_at_equal_power() -> list[Rate]:
    """Seeds of a study that ends when it is decided, as a share of a fixed one's of equal power."""
    rates = []
    for arms in (2, 4):
        for words in list(_SOURCES)[:2]:
            rates += _compare_seeds(arms, words, 0.9)
    return rates


def _compare_seeds(arms: int, words: str, power: float) -> list[Rate]:
    sources = _SOURCES[words]
    effect = _find_effect(arms, sources, power)
    case = f"{arms} variants, {words}, power {power:.0%}"
    for most in range(_FIXED + 5, MOST_SEEDS + 1):
        found = end_studies(most, arms, sources, change=effect, trials=_FEWER)
        if found.is_above.mean() >= power - 0.01:
            break
    taken = [
        end_studies(most, arms, sources, change=share * effect, trials=_FEWER).seeds / _FIXED
        for share in _EFFECTS
    ]
    rates = [_rate(f"{case}: found with {most} seeds at most", found.is_above)]
    rates += [
        _rate(f"{case}: seeds at {share:g} times that change", each)
        for share, each in zip(_EFFECTS, taken, strict=True)
    ]
    mean = np.concatenate(taken)
    return [*rates, _rate(f"{case}: seeds, mean over these changes", mean, most=0.6)]


def _find_effect(arms: int, sources: tuple[float, float, float], power: float) -> float:
    """The effect that a fixed study of all seeds finds with this chance."""
    scores, resampled = draw_studies(arms, _FIXED, sources, change=0.0, trials=_FEWER, seed=1)
    noise = estimate_seed_noise(scores)
    found = combine_seeds(scores[1] - scores[0], resampled, noise=noise)
    # A change moves mean and limits, and nothing else.
    return float(np.quantile(-found.low, power))


def end_studies(
    most: int,
    arms: int,
    sources: tuple[float, float, float],
    *,
    change: float = 0.0,
    margin: float = 0.0,
    first: int = _FIRST,
    looks: Any = ...,
    stops_hopeless: bool = True,
    trials: int = _TRIALS,
    seed: int = 0,
) -> Ended:
    """How so many studies end that are looked at after each seed from the `first` to the `most`.

    looks: None for limits as of one look. margin: of equivalence, 0 for none.
    """
    scores, resampled = draw_studies(arms, most, sources, change=change, trials=trials, seed=seed)
    above, below, equivalent = (np.zeros(trials, dtype=bool) for _ in range(3))
    seeds = np.full(trials, most)
    is_open = np.ones(trials, dtype=bool)
    for count in range(first, most + 1):
        judge = partial(combine_seeds, looks=Looks(most) if looks is ... else looks)
        found = judge(
            scores[1, :count] - scores[0, :count],
            resampled[:count],
            noise=estimate_seed_noise(scores[:, :count]),
        )
        is_equal = _is_equivalent(found, margin)
        above |= is_open & (found.low > 0)
        below |= is_open & (found.high < 0)
        equivalent |= is_open & is_equal & ~(found.low > 0) & ~(found.high < 0)
        ends = (found.low > 0) | (found.high < 0) | is_equal
        if stops_hopeless and count < most:
            ends |= ~_may_decide(found, margin)
        seeds = np.where(is_open & ends, count, seeds)
        is_open &= ~ends
    return Ended(above, below, equivalent, seeds)


def _may_decide(found: SeedVariance, margin: float) -> Bools:
    foreseen = [foresee(found, _HOPE, way, level=_LEVEL) for way in (1, -1, 0)]
    is_equal = [_is_equivalent(one, margin) for one in foreseen]
    return np.any([(one.low > 0) | (one.high < 0) for one in foreseen] + is_equal, axis=0)


def _is_equivalent(found: SeedVariance, margin: float) -> Bools:
    if not margin:
        return np.zeros(np.shape(found.low), dtype=bool)
    tails = (found.chance_below(-margin), 1 - found.chance_below(margin))
    return np.asarray((tails[0] < 1 - _LEVEL) & (tails[1] < 1 - _LEVEL))


def draw_studies(
    arms: int,
    seeds: int,
    sources: tuple[float, float, float],
    *,
    change: float,
    trials: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores (A, S, trials), and resampled differences of the first two arms (S, R, trials)."""
    rng = np.random.default_rng((seed, arms, seeds))
    of_seed, of_image, of_both = (sd / np.sqrt(2) for sd in sources)
    scores = (
        of_seed * rng.normal(size=(arms, seeds, trials))
        + of_image * rng.normal(size=(arms, 1, trials))
        + of_both * rng.normal(size=(arms, seeds, trials))
    )
    scores[1] += change
    shape = (seeds, 100, trials)
    apart = np.sqrt(2) * of_both * rng.normal(size=shape)
    shared = np.sqrt(2) * of_image * rng.normal(size=(1, *shape[1:]))
    return scores, (scores[1] - scores[0])[:, None] + shared + apart


def _rate(case: str, happened: NDArray[Any], **limits: float) -> Rate:
    return Rate(case=case, rate=float(happened.mean()), trials=len(happened), **limits)


SIMULATIONS: dict[str, Simulation] = {
    "looks": errors_of_looks,
    "equivalent-looks": errors_of_equivalence,
    "seeds-taken": seeds_at_equal_power,
}
