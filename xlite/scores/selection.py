"""The score of the best of several, freed of what it owes to having been chosen by it.

n candidates on the same patients, R resamples of these. Of candidates that are equal but for noise
the best is not better than the others, and yet its score is, by 2.2 standard errors for the best of
50. Where candidates differ in truth, too, part of its lead is true. How much, the selection itself
says when it is resampled (the coupled bootstrap of Oliveira, Lei and Tibshirani 2021,
arXiv:2111.09447): with noise e drawn as resampled patients draw it,

    s + √α e chooses,    s - e / √α is told of what it chose,

two scores whose errors are independent of each other, so that the second owes nothing to the
choice. Its mean over the draws is unbiased for candidates that are seen with 1 + α times the
variance; what remains is found by a second bootstrap, in which the scores are the truth, and taken
off. α = 1 is nearly the out-of-bag estimate of Tsamardinos et al. 2018 (Mach. Learn. 107:1895). It
costs a candidate that is truly best by three standard errors 0.9 of one, α = 1/4 a third of that,
and 0.16 after the second bootstrap.

Ours: the second bootstrap, which also gives the interval; e of resampled patients instead of normal
draws; and the scale arcsin √s, on which the noise of a share is alike everywhere (Bartlett 1947,
Biometrics 3:39). As it is, a share is resampled with the less noise the nearer it is to 1, so that
whoever has won by luck looks surer than it is: the best of 50 whose AUROC was 0.80 stayed 0.0032
too good, with labels of 12 and 24 patients 0.012. Scaled it is 0.0011 and 0.005. Normal quantiles
or the logit would leave nothing of either, but the best of 30 that was perfect in 40 cases by luck
lost 0.26 too much, and 0.05 thus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import stdev

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from xlite.errors import ArgumentError

_GRID = np.linspace(-10.0, 10.0, 4001)
_ALPHA = 0.25
_SHARE_WITHIN = 0.4
"""Of the resamples, those of the first bootstrap; the others make the second."""
_CELLS = 2_000_000
"""Numbers held at once: draws of the first times draws of the second bootstrap times candidates."""
_NORMAL_DRAWS = 1000
_ROUNDING = 1e-12
"""What a mean of equal numbers may differ from them by."""

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BestOfSeveral:
    """The best of several as it was measured, and corrected for having been chosen."""

    place: int
    """Which of the candidates it is."""
    measured: float
    measured_low: float
    measured_high: float
    corrected: float
    low: float
    high: float

    @property
    def optimism(self) -> float:
        """By how much it is too good as measured."""
        return self.measured - self.corrected


def correct_best(
    scores: Values,
    drawn: Values,
    *,
    level: float = 0.95,
    limits: tuple[float, float] | None = None,
    chosen_by: tuple[Values, Values] | None = None,
) -> BestOfSeveral:
    """The best of n candidates, its score as measured and corrected, each with an interval.

    scores: (n,) in [0, 1], the highest is best. drawn: (R, n), the same in resamples of the
    patients, the same resamples for all, or under any other draws of their noise. limits: the
    interval of the best as measured; None for the basic bootstrap's. The corrected interval is as
    much wider or narrower as the second bootstrap's is than that of a score that nobody chose.
    chosen_by: scores (n,) and resamples (R, n) of another score that has chosen; None where it was
    this one.

    The best of one is as measured. Raises ArgumentError for shapes that do not fit.

    >>> drawn = np.random.default_rng(0).normal([0.80, 0.82], 0.01, size=(1000, 2))
    >>> best = correct_best(np.array([0.80, 0.82]), drawn)
    >>> best.place, round(best.measured, 2), round(best.corrected, 2)
    (1, 0.82, 0.82)
    """
    by, drawn_by = chosen_by or (scores, drawn)
    if drawn.ndim != 2 or not scores.shape == by.shape == drawn.shape[1:] == drawn_by.shape[1:]:
        raise ArgumentError(f"scores (n,) need draws (R, n), got {scores.shape}, {drawn.shape}")
    place = int(by.argmax())
    found = _correct(
        place,
        (_stabilise(scores), _center(_stabilise(drawn))),
        (_stabilise(by), _center(_stabilise(drawn_by))),
        level=level,
        limits=None if limits is None else _stabilise(np.array(limits)),
    )
    measured = float(scores[place])
    corrected = _to_share(found.corrected)
    measured_low, measured_high = limits or map(
        _to_share, (found.measured_low, found.measured_high)
    )
    return BestOfSeveral(
        place=place,
        measured=measured,
        measured_low=measured_low,
        measured_high=measured_high,
        corrected=min(corrected, measured),
        low=_to_share(found.low),
        high=_to_share(found.high),
    )


def expected_best_of(count: int) -> float:
    """The mean of the largest of `count` independent standard normal values; 0 for one.

    >>> [round(expected_best_of(count), 3) for count in (2, 10, 45)]
    [0.564, 1.539, 2.208]
    """
    density = np.exp(-(_GRID**2) / 2) / np.sqrt(2 * np.pi)
    values = _GRID * count * density * ndtr(_GRID) ** (count - 1)
    return float(values.sum() * (_GRID[1] - _GRID[0]))


def selection_optimism(scores: Sequence[float], standard_error: float) -> float:
    """By how much the best of the scores is too good, on average; 0 for a single one.

    scores: all that the best was chosen from. standard_error: the noise of one of them, in the same
    units, as `correct_best` draws it where no predictions are at hand: normal, and each its own.
    Noise that all share, as that of the same images is in part, does not choose, and makes this an
    upper bound; no more noise is drawn than the spread of the scores and its own standard error
    have room for. Their order does not matter.

    >>> round(selection_optimism([0.80, 0.81, 0.82], 0.01), 3)
    0.005
    """
    if len(scores) < 2:
        return 0.0
    rng = np.random.default_rng(0)
    room = stdev(scores) * (1 + 1 / sqrt(2 * (len(scores) - 1)))
    noise = min(standard_error, room) * rng.normal(size=(_NORMAL_DRAWS, len(scores)))
    ordered = np.sort(np.array(scores, dtype=np.float64))
    seen = (ordered, _center(noise))
    return max(0.0, _correct(len(scores) - 1, seen, seen).optimism)


def _correct(
    place: int,
    told: tuple[Values, Values],
    choosing: tuple[Values, Values],
    *,
    level: float = 0.95,
    limits: Values | None = None,
) -> BestOfSeveral:
    """`correct_best` on a scale on which noise is alike everywhere.

    told, choosing: scores (n,) and their noise (R, n).
    """
    (scores, noise), (by, noise_by) = told, choosing
    half = np.array([(1 - level) / 2, (1 + level) / 2])
    plain_low, plain_high = (float(one) for one in np.quantile(noise[:, place], half))
    measured = float(scores[place])
    measured_low, measured_high = (
        limits
        if limits is not None
        else (
            measured - plain_high,
            measured - plain_low,
        )
    )
    if len(scores) == 1:
        error, expected, low, high = 0.0, measured, plain_low, plain_high
    else:
        within = max(1, round(_SHARE_WITHIN * len(noise)))
        inner = _Draws(noise[:within], noise_by[:within])
        expected = float(inner.tell_best(scores[None], by[None])[0])
        seen, seen_by = scores + noise[within:], by + noise_by[within:]
        errors = inner.tell_best(seen, seen_by) - scores[seen_by.argmax(axis=1)]
        error = float(errors.mean())
        low, high = (float(one) - error for one in np.quantile(errors, half))
    # A leader that no resample unseats has lost nothing, and gains nothing by the second bootstrap.
    corrected = min(expected - error, measured)
    return BestOfSeveral(
        place=place,
        measured=measured,
        measured_low=float(measured_low),
        measured_high=float(measured_high),
        corrected=corrected,
        low=corrected - (measured - measured_low) * _ratio(high, plain_high),
        high=corrected + (measured_high - measured) * _ratio(low, plain_low),
    )


@dataclass(frozen=True, eq=False)
class _Draws:
    """Draws of the candidates' noise, (K, n): of the score that is told, and of what chose."""

    told: Values
    choosing: Values

    def tell_best(self, scores: Values, by: Values) -> Values:
        """What is told of the best by draws that did not choose it, the mean of K: (B,) of (B, n).

        What all candidates share in a draw is nought on average, and left out for being noise.
        """
        step = np.sqrt(_ALPHA)
        moved = step * self.choosing
        own = (self.told - self.told.mean(axis=1, keepdims=True)) / step
        found = np.empty(len(scores))
        size = max(1, _CELLS // moved.size)
        for start in range(0, len(scores), size):
            some = slice(start, start + size)
            places = (by[some, None, :] + moved).argmax(axis=-1)
            told = np.take_along_axis(scores[some], places, axis=1)
            found[some] = (told - own[np.arange(len(own)), places]).mean(axis=1)
        return found


def _stabilise(shares: Values) -> Values:
    return np.asarray(np.arcsin(np.sqrt(np.clip(shares, 0.0, 1.0))))


def _to_share(angle: float) -> float:
    return float(np.sin(np.clip(angle, 0.0, np.pi / 2)) ** 2)


def _center(drawn: Values) -> Values:
    return np.asarray(drawn - drawn.mean(axis=0))


def _ratio(reach: float, plain: float) -> float:
    """How much farther a limit is than that of a score that nobody chose; 1 without any noise."""
    return max(reach / plain, 0.0) if abs(plain) > _ROUNDING else 1.0
