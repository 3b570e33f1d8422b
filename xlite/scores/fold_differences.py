"""A difference of two models over folds: each fold trained without, and tested on, its own images.

K folds a repeat, F folds in all repeats; further axes (classes) may follow.

With d_f the difference on the test part of fold f, the mean over folds has a standard error of
√(s² / F), s² = Var_f(d_f), only if the d_f were independent. They are not: any two folds share most
of their training images, and of two repeats the test parts overlap as well. Nadeau and Bengio 2003
(Machine Learning 52:239, doi:10.1023/A:1024068626366) estimate the correlation of two of them as
n_test / (n_test + n_train), from which follows

    t = mean_f d_f / √((1 / F + n_test / n_train) s²)      on K - 1 degrees of freedom

Bouckaert and Frank 2004 (PAKDD, LNAI 3056:3) use it over repeats of folds, on F - 1 degrees of
freedom. But repeats deal the same patients anew: they steady the mean and say nothing of other
patients. On F - 1 degrees equal learners of 200 images differ in 6 % of trials at a nominal 5 with
two repeats of five folds and in 10 % with ten, on K - 1 in 3 to 4 % (`folds-of-equal-learners` of
`benchmarks/validity_folds.py`). The naive test, without the second term and on F - 1 degrees, errs
in 10 % with one repeat, and in 60 % with ten.

Ours counts patients, the images of one being no independent ones, and those of the training part
alone, without the validation part that was carved out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldDifference:
    """The mean difference over folds with both tests of it; every array has shape (...)."""

    num_folds: NDArray[np.int64]
    """The folds in which the difference is defined."""
    difference: Values
    """The mean over those."""
    standard_error: Values
    """Corrected; NaN with less than two folds."""
    freedom: Values
    """Of Student's t: the folds of one repeat, less one."""
    low: Values
    """Lower limit of the corrected interval."""
    high: Values
    """Its upper limit."""
    p: Values
    """Two-sided p of no difference, corrected."""
    p_naive: Values
    """The same of folds taken to be independent: too small. To see what the correction does."""

    def chance_below(self, limit: float) -> Values:
        """The probability that the true difference lies below a limit, by the corrected t.

        It is the posterior of the Bayesian correlated t-test (Benavoli et al. 2017, JMLR 18:77).
        NaN where no fold differs from another.
        """
        error = np.where(self.standard_error > 0, self.standard_error, np.nan)
        return np.asarray(stdtr(self.freedom, (limit - self.difference) / error))


def compare_folds(
    differences: Values, *, repeats: int = 1, test_per_train: float, level: float = 0.95
) -> FoldDifference:
    """The mean of differences over folds, with the corrected test and the naive one beside it.

    differences: (F, ...), of one fold each, the mean over seeds where there are several; NaN where
    a fold has no image with, or without, a finding: it is left out. repeats: how often all images
    were dealt to folds. test_per_train: patients of a test part for each one of a training part,
    n_test / n_train. Limits and p are NaN where less than two folds a repeat are left.

    >>> found = compare_folds(np.array([0.01, 0.03, 0.02, 0.02, 0.02]), test_per_train=0.25)
    >>> float(found.difference.round(3)), float(found.p.round(4)), float(found.p_naive.round(4))
    (0.02, 0.0135, 0.0032)
    """
    defined = ~np.isnan(differences)
    count = defined.sum(axis=0)
    is_enough = count >= 2 * repeats
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(defined, differences, 0.0).sum(axis=0) / count
        squares = np.where(defined, (differences - mean) ** 2, 0.0).sum(axis=0)
        variance = np.where(is_enough, squares / (count - 1), np.nan)
        error = np.sqrt((1 / count + test_per_train) * variance)
        naive = np.sqrt(variance / count)
    freedom = np.maximum(count / repeats - 1, 1)
    margin = stdtrit(freedom, (1 + level) / 2) * error
    return FoldDifference(
        num_folds=np.asarray(count),
        difference=np.asarray(mean),
        standard_error=np.asarray(error),
        freedom=np.asarray(freedom, dtype=np.float64),
        low=np.asarray(mean - margin),
        high=np.asarray(mean + margin),
        p=_find_p(mean, error, freedom),
        p_naive=_find_p(mean, naive, np.maximum(count - 1, 1)),
    )


def _find_p(mean: Values, error: Values, freedom: Values | NDArray[np.int64]) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * stdtr(freedom, -np.abs(mean) / error)
    # Equal predictions differ by exactly nothing: that is no evidence, not undefined.
    return np.where((mean == 0) & (error == 0), 1.0, p)
