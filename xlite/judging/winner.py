"""What the score of the best of several methods is worth, chosen by that score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.paired_difference import IMAGES_ONLY, SEEDS_AND_IMAGES
from xlite.results.selection import SelectedScore
from xlite.scores.auroc_interval import auroc_interval, macro_auroc_interval
from xlite.scores.bootstrap import macro_interval
from xlite.scores.precision_interval import precision_intervals
from xlite.scores.resampling import count_freedom
from xlite.scores.selection import correct_best

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.paired_differences import JudgedMethods

_RNG_SEED = 0


def correct_winner(
    judged: JudgedMethods, score: str, *, seed_variance: float, of: str = "methods"
) -> SelectedScore | None:
    """The method of the highest macro mean of a score, as measured and corrected for the choice.

    score: auroc, average_precision or f1. seed_variance: of `pool_seed_variance`. of: what the
    methods are called, in the plural. The selection is repeated on the resamples of the patients,
    all methods on the same, and under normal draws of what seeds do to each (`correct_best`). None
    where the score is undefined for all.
    """
    macros = {one.name: judged.macro(one.name, score) for one in judged.methods}
    known = {name: value for name, value in macros.items() if value == value}
    if not known:
        return None
    best = max(known, key=lambda name: known[name])
    drawn = np.array([_resample_macro(judged, name, score) for name in known]).T
    low, high = _measure(judged, best, score)
    middle = known[best]
    if seed_variance > 0:
        images = float(drawn[:, list(known).index(best)].var(ddof=1))
        wider = float(np.sqrt(1 + seed_variance / images)) if images > 0 else 1.0
        low, high = middle - (middle - low) * wider, middle + (high - middle) * wider
        rng = np.random.default_rng(_RNG_SEED)
        drawn = drawn + np.sqrt(seed_variance) * rng.normal(size=drawn.shape)
    found = correct_best(
        np.array(list(known.values())),
        drawn,
        level=judged.resampling.level,
        limits=(low, high),
    )
    return SelectedScore(
        name=best,
        score=score,
        among=len(known),
        of=of,
        level=judged.resampling.level,
        covers=SEEDS_AND_IMAGES if seed_variance > 0 else IMAGES_ONLY,
        measured=middle,
        measured_low=float(max(0.0, low)),
        measured_high=float(min(1.0, high)),
        corrected=found.corrected,
        low=max(0.0, found.low),
        high=min(1.0, found.high),
    )


def _resample_macro(judged: JudgedMethods, name: str, score: str) -> NDArray[np.float64]:
    """The macro mean of a method in each resample, (R,), the mean over its seeds.

    A label that is undefined in a resample stays at its score, so that all are of the same labels.
    """
    rows, columns = list(judged.rows(name).values()), judged.macro_columns
    values = judged.scores[score][rows][:, None, columns]
    drawn = judged.resampled[score][rows][..., columns]
    filled = np.where(np.isnan(drawn), values, drawn)
    return np.asarray(np.nanmean(filled, axis=2).mean(axis=0))


def _measure(judged: JudgedMethods, name: str, score: str) -> tuple[float, float]:
    """The limits of a method's macro mean over patients: the means of those of its seeds."""
    columns, level = judged.macro_columns, judged.resampling.level
    method = next(one for one in judged.methods if one.name == name)
    limits = []
    for row, labelled in zip(judged.rows(name).values(), method.predictions.values(), strict=True):
        targets, probs = labelled.targets[:, columns], labelled.probs[:, columns]
        groups = labelled.patient_ids
        drawn = judged.resampled[score][row][:, columns]
        if score == "auroc":
            of_labels = auroc_interval(targets, probs, patients=groups, level=level)
            limits.append(macro_auroc_interval(of_labels, drawn, level=level))
        elif score == "average_precision":
            found = precision_intervals(
                targets,
                probs,
                groups,
                rng=judged.resampling.generator(),
                num_resamples=judged.resampling.num_resamples,
                level=level,
            )
            limits.append((found.macro_low, found.macro_high))
        else:
            freedom = count_freedom(targets == 1, groups)
            values = judged.scores[score][row][columns]
            limits.append(macro_interval(values, drawn, freedom, level=level))
    low, high = np.array(limits, dtype=np.float64).mean(axis=0)
    return float(low), float(high)
