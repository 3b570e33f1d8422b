"""All methods against all others in the macro mean of one score, none of them picked beforehand.

A leader that the data picked is the best by chance, too: tests against it, even if corrected for
their number, tell ten equal models apart in 37 % of trials, and its score is too high. So every
pair is tested, on the distribution of the largest of their statistics, and scores are shown as well
as they are expected to be on other patients and with other seeds.

M methods times seeds, R resamples of the patients, K pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.methods import share_seeds
from xlite.scores.bootstrap import average_classes
from xlite.scores.multiplicity import adjust_holm, adjust_max_t

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.paired_difference import PairedDifference
    from xlite.judging.paired_differences import JudgedMethods

_RNG_SEED = 0


@dataclass(frozen=True, kw_only=True)
class AllPairs:
    """Every pair of methods in one score."""

    differences: Mapping[tuple[str, str], PairedDifference]
    """The second minus the first, in the order of the methods."""
    p: Mapping[frozenset[str], float]
    """Two-sided, of each pair, corrected for all of them; NaN without seeds in common."""
    noise: float
    """The variance of one method's score about the truth as far as it moves differences; or NaN."""
    seed_variance: float
    """The part of it that is of seeds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Spread:
    """How far chance moves each pair: arrays are (K,)."""

    of_seeds: NDArray[np.float64]
    of_images: NDArray[np.float64]
    seed_freedom: float
    """0 with one seed."""
    image_freedom: float

    @property
    def of_a_methods_seeds(self) -> float:
        """The variance of one method's mean over seeds: half of that of a difference."""
        return float(self.of_seeds.mean() / 2) if self.of_seeds.size else 0.0


def compare_all_pairs(judged: JudgedMethods, score: str) -> AllPairs:
    """The difference of each pair in the macro mean, with p corrected for all pairs.

    p is from the largest |difference| / standard error of all pairs (Tukey 1953; Westfall and Young
    1993, section 2.3.2), whose distribution without any difference is drawn: the images by the
    resamples of patients, the same for all methods, and the seeds by normal draws of the spread
    that is pooled over all pairs (`_pool_spread`); both over standard errors that are as uncertain
    as those of the data, by χ² draws. A pair's own p is the least that its corrected p can be, and
    over folds that of the corrected test over folds, which Holm corrects for all pairs.
    """
    names = [method.name for method in judged.methods]
    differences = {
        pair: judged.difference(*pair, score) for pair in itertools.combinations(names, 2)
    }
    spread = _pool_spread(judged, score, differences)
    error = np.sqrt(spread.of_seeds + spread.of_images)
    difference = np.array([one.macro.difference for one in differences.values()])
    own = np.array([one.macro.p for one in differences.values()])
    statistic = np.abs(difference) / np.where(error > 0, error, np.nan)
    null = _draw_null(judged, score, list(differences), spread)
    corrected = np.fmax(adjust_max_t(statistic, null), own)
    corrected[np.isnan(own)] = np.nan
    # Of two predictions that are the very same there is no statistic, but a p of 1.
    corrected[own == 1] = 1.0
    if judged.folds is not None:
        over_folds = [judged.difference_over_folds(*pair, score) for pair in differences]
        p = [np.nan if one is None else float(one.macro.p) for one in over_folds]
        corrected = np.maximum(corrected, adjust_holm(np.array(p)))
    known = ~np.isnan(error)
    return AllPairs(
        differences=differences,
        p={frozenset(pair): float(p) for pair, p in zip(differences, corrected, strict=True)},
        noise=float((error[known] ** 2).mean() / 2) if known.any() else float("nan"),
        seed_variance=spread.of_a_methods_seeds,
    )


def pool_seed_variance(judged: JudgedMethods, score: str) -> float:
    """The variance that seeds give a method's macro mean over its own.

    0 with one seed each, and of one method, which no other is there to be pooled with.
    """
    names = [method.name for method in judged.methods]
    if len(names) < 2:
        return 0.0
    pairs = itertools.combinations(names, 2)
    return _pool_spread(
        judged, score, {pair: judged.difference(*pair, score) for pair in pairs}
    ).of_a_methods_seeds


def shrink_scores(scores: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """Scores (M,) drawn together as far as chance has drawn them apart.

    mean + max(0, 1 - noise / Var(scores)) (scores - mean), the empirical Bayes estimate of Efron
    and Morris 1973 (JASA 68:117) with the moment estimate of the spread of the truth. It estimates
    the mean of what the truth may be given the score, so that picking the best hardly biases it.
    We leave out their factor (M - 3) / (M - 1): it serves the squared error, and keeps twice as
    much of the leader's excess. Of ten equal models the best is 1.5 sd of the noise too high, and
    0.2 after shrinkage.

    >>> shrink_scores(np.array([0.80, 0.82, 0.84]), noise=0.0002).round(3).tolist()
    [0.81, 0.82, 0.83]
    """
    spread = scores.var(ddof=1)
    if np.isnan(noise) or not spread > 0:
        return scores
    kept: float = max(0.0, 1 - noise / spread)
    return np.asarray(scores.mean() + kept * (scores - scores.mean()))


def _pool_spread(
    judged: JudgedMethods, score: str, differences: Mapping[tuple[str, str], PairedDifference]
) -> _Spread:
    """The variance of each pair's mean over seeds, its seeds' part pooled over all pairs.

    With equal seeds for all methods the mean over pairs of Var_s(d_s) is twice the two-way residual
    variance, on (M - 1)(S - 1) degrees of freedom, which a method that lacks a seed loses.
    """
    macro = average_classes(judged.scores[score][:, judged.macro_columns])
    observed, interaction, weights = [], [], []
    for (a, b), one in differences.items():
        if one.num_seeds > 1:
            rows = _pair_rows(judged, a, b)
            observed.append((macro[rows[1]] - macro[rows[0]]).var(ddof=1))
            interaction.append(float(one.macro.interaction_sd) ** 2)
            weights.append(one.num_seeds - 1)
    seed, freedom = 0.0, 0.0
    if weights:
        seed = max(0.0, float(np.average(np.subtract(observed, interaction), weights=weights)))
        spare = [len(method.predictions) - 1 for method in judged.methods]
        freedom = float(max(1, sum(spare) - max(spare)))
    counts = np.array([max(one.num_seeds, 1) for one in differences.values()])
    images = [float(one.macro.between_image_sd) ** 2 for one in differences.values()]
    freedoms = [float(one.macro.image_freedom) for one in differences.values()]
    return _Spread(
        of_seeds=seed / counts,
        of_images=np.array(images),
        seed_freedom=freedom,
        image_freedom=min(freedoms),
    )


def _draw_null(
    judged: JudgedMethods, score: str, pairs: Sequence[tuple[str, str]], spread: _Spread
) -> NDArray[np.float64]:
    """|difference| / standard error of each pair without any difference, (R, K)."""
    rng = np.random.default_rng(_RNG_SEED)
    drawn = average_classes(judged.resampled[score][..., judged.macro_columns])
    drawn = drawn - np.nanmean(drawn, axis=1, keepdims=True)
    num_resamples = drawn.shape[1]
    of_seeds, of_images = (
        rng.chisquare(freedom, num_resamples) / freedom if freedom > 0 else np.ones(num_resamples)
        for freedom in (spread.seed_freedom, spread.image_freedom)
    )
    noise = rng.normal(size=drawn.shape)
    null = np.full((num_resamples, len(pairs)), np.nan)
    for column, (a, b) in enumerate(pairs):
        rows = _pair_rows(judged, a, b)
        if not rows.size:
            continue
        # Half of the variance of a difference under one seed is each run's.
        of_run = np.sqrt(spread.of_seeds[column] * rows.shape[1] / 2)
        moved = drawn + of_run * noise
        difference = (moved[rows[1]] - moved[rows[0]]).mean(axis=0)
        square = spread.of_seeds[column] * of_seeds + spread.of_images[column] * of_images
        null[:, column] = np.abs(difference) / np.sqrt(np.where(square > 0, square, np.nan))
    return null


def _pair_rows(judged: JudgedMethods, a: str, b: str) -> NDArray[np.intp]:
    """The rows (2, S) of the runs of a pair that are compared."""
    rows_a, rows_b = judged.rows(a), judged.rows(b)
    pairs = share_seeds(list(rows_a), list(rows_b))
    return np.array([[rows_a[x] for x, _ in pairs], [rows_b[y] for _, y in pairs]], dtype=np.intp)
