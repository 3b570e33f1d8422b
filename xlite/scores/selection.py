"""By how much the best of several is too good, for having been chosen by the score it is told with.

Of n scores that are equal but for noise the best is not better than the others, and yet its score
is: by E_n σ, where E_n is what the largest of n standard normal values is on average. Where the
candidates differ in truth too, the score of the best is made of both, and a share σ² / σ_total² of
its distance from the mean is noise (the shrinkage of Efron, 2011, doi:10.1198/jasa.2011.tm11181):

    optimism = E_n σ² / σ_total

with σ the standard error of one score and σ_total the standard deviation of all n.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import stdev

import numpy as np
from scipy.special import ndtr

_GRID = np.linspace(-10.0, 10.0, 4001)


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
    units. Noise that all share, as that of the same images is in part, does not choose, and makes
    this an upper bound. Noise above the spread of the scores is taken to be all of the spread.

    >>> round(selection_optimism([0.80, 0.82, 0.84], 0.01), 4)
    0.0042
    """
    if len(scores) < 2:
        return 0.0
    spread = stdev(scores)
    if spread == 0:
        return 0.0
    return expected_best_of(len(scores)) * min(standard_error**2 / spread, spread)
