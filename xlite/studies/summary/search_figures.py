"""What a search tells of itself: whether rungs foretold the end, and which settings mattered."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xlite.results.study import RungCorrelation, Trial

LEAST_TRIALS: Final = 10
"""With fewer, no share of a setting is told: it would be that of chance."""

_FOLDS = 5
_REPEATS = 5


def rung_correlations(trials: Sequence[Trial]) -> tuple[RungCorrelation, ...]:
    """Spearman's correlation between the scores at each two rungs, of trials that reached both.

    The later of two may be the end. Only trials that were promoted have a later score, so what is
    told is how well the order among the best held, which is less than among all. None with fewer
    than three trials, or where all have one score.

    >>> [one.correlation for one in rung_correlations(())]
    []
    """
    levels = sorted({epochs for trial in trials for epochs in trial.rungs})
    found = []
    for early, late in itertools.combinations(levels, 2):
        pairs = [
            (first, last)
            for trial in trials
            if (first := trial.rungs.get(early)) is not None
            and (last := trial.rungs.get(late)) is not None
        ]
        if pairs:
            rho = _spearman(np.asarray(pairs))
            found.append(
                RungCorrelation(epochs=early, later_epochs=late, trials=len(pairs), correlation=rho)
            )
    return tuple(found)


def setting_importance(trials: Sequence[Trial]) -> dict[str, float | None]:
    """By setting, its share of what made the scores of a search differ; the shares add up to 1.

    A random forest learns the scores from the settings, and is asked about trials that it has not
    seen: a setting's share is by how much its errors grow when the setting's values are exchanged
    between these (Breiman 2001, doi:10.1023/A:1010933404324). With rungs the scores are those at
    the first one, which all trials have, and not of some after more epochs. Settings that did not
    vary are left out; None for all with fewer than 10 trials with a score, or where the forest
    foretells nothing. The same trials give the same shares.
    """
    points = [
        (trial.settings, score) for trial in trials if (score := _first_score(trial)) is not None
    ]
    names = [
        name
        for name in (trials[0].settings if trials else {})
        if len({json.dumps(settings.get(name)) for settings, _ in points}) > 1
    ]
    if len(points) < LEAST_TRIALS or not names:
        return dict.fromkeys(names)
    rows = np.column_stack([_encode([settings.get(n) for settings, _ in points]) for n in names])
    growth = _error_growth(rows, np.asarray([score for _, score in points]))
    if growth.sum() <= 0:
        return dict.fromkeys(names)
    shares = growth / growth.sum()
    return {name: float(share) for name, share in zip(names, shares, strict=True)}


def _first_score(trial: Trial) -> float | None:
    scores: Mapping[int, float | None] = trial.rungs
    return scores[min(scores)] if scores else trial.score


def _encode(values: Sequence[Any]) -> NDArray[np.float64]:
    """Numbers as they are, for a forest sees only their order; other values by their place."""
    if all(isinstance(value, int | float) for value in values):
        return np.asarray(values, dtype=np.float64)
    known = sorted({json.dumps(value) for value in values})
    return np.asarray([known.index(json.dumps(value)) for value in values], dtype=np.float64)


def _error_growth(rows: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """rows: (N, settings). By how much the mean squared error grows, (settings,), at least 0."""
    # Imported here: it takes a second, and only a report asks.
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    growth = np.zeros(rows.shape[1])
    for seen, held_out in KFold(_FOLDS, shuffle=True, random_state=0).split(rows):
        forest = RandomForestRegressor(n_estimators=50, random_state=0).fit(
            rows[seen], scores[seen]
        )
        growth += permutation_importance(
            forest,
            rows[held_out],
            scores[held_out],
            scoring="neg_mean_squared_error",
            n_repeats=_REPEATS,
            random_state=0,
        ).importances_mean
    return np.maximum(growth, 0.0)


def _spearman(pairs: NDArray[np.float64]) -> float | None:
    """pairs: (N, 2)."""
    from scipy.stats import rankdata

    if len(pairs) < 3 or (pairs == pairs[0]).all(axis=0).any():
        return None
    first, last = rankdata(pairs, axis=0).T
    return float(np.asarray(np.corrcoef(first, last))[0, 1])
