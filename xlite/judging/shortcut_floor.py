"""The floor under a score: what the table says of an image without any pixel, and what is above it.

N images, C labels. Age, sex, view and visit number alone reach a macro AUROC of 0.62 on NIH's
table: a model is worth what it adds to them. Scores of the table are of patients that its model has
not been fitted on, and so are those of table and image together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from xlite.judging.evaluation import Resampling
from xlite.judging.stacked_logits import stack_logits
from xlite.labels import UNKNOWN
from xlite.randomness import derive_generator
from xlite.results.shortcut_floor import Auroc, FloorScores, ShortcutFloor, WithinView
from xlite.scores.auroc_interval import AurocInterval, auroc_interval, macro_auroc_interval
from xlite.scores.bootstrap import average_classes, percentile_interval, resample_scores
from xlite.scores.delong import compare_aurocs
from xlite.scores.ranking import macro_mean
from xlite.scores.table_model import fit_table_model
from xlite.scores.within_groups import auroc_within_groups
from xlite.splitting.equal_folds import assign_folds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions

NUM_FOLDS = 5
FEWEST_PATIENTS = 2 * NUM_FOLDS
"""Of fewer nothing is cross-fitted."""

_EQUAL = 0.999
_FEWEST_EQUAL = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class FloorRows:
    """Images of other patients, which the table's model is fitted on."""

    columns: Mapping[str, NDArray[Any]]
    """(M,) floats or texts each."""
    targets: NDArray[np.int8]
    """(M, C)."""
    what: str
    """What they are, in words."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FloorQuestion:
    """The columns of the images that are judged, and what their model is fitted on."""

    columns: Mapping[str, NDArray[Any]]
    """(N,) floats or texts each; none where the table says nothing."""
    left_out: Mapping[str, str]
    fitted: FloorRows | None
    """None to cross-fit on the images themselves."""
    known: list[_TableScores] = field(default_factory=list)
    """What was found of the columns alone when this was asked last: they take most of the time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _TableScores:
    """What the columns alone say of images: the same for whatever model is judged on these."""

    targets: NDArray[np.int8]
    """(N, C) those that were asked of."""
    patient_ids: NDArray[Any]
    """(N,)"""
    folds: NDArray[np.int64]
    fitted: NDArray[np.float64]
    """(N, C) of all columns together; NaN for a label that they can't know."""
    alone: dict[str, NDArray[np.float64]]
    """(N, C) of each column, ranked within folds where it is cross-fitted."""
    judged_alone: dict[Resampling, dict[str, Auroc]] = field(default_factory=dict)

    def is_of(self, labelled: LabelledPredictions) -> bool:
        """Whether these are the images and labels that are judged."""
        return np.array_equal(self.targets, labelled.targets) and np.array_equal(
            self.patient_ids, labelled.patient_ids
        )


def _score_tables(labelled: LabelledPredictions, asked: FloorQuestion) -> _TableScores | None:
    """The scores of the columns, kept with the question; None without columns or patients."""
    if asked.known and asked.known[0].is_of(labelled):
        return asked.known[0]
    folds = deal_folds(labelled)
    if not asked.columns or folds is None:
        return None
    alone = {name: score_table(labelled, asked, [name], folds) for name in asked.columns}
    if asked.fitted is None:
        alone = {name: rank_within(one, folds) for name, one in alone.items()}
    found = _TableScores(
        targets=labelled.targets,
        patient_ids=labelled.patient_ids,
        folds=folds,
        fitted=score_table(labelled, asked, list(asked.columns), folds),
        alone={name: np.nan_to_num(one) for name, one in alone.items()},
    )
    asked.known[:] = [found]
    return found


def judge_floor(
    labelled: LabelledPredictions, asked: FloorQuestion, resampling: Resampling
) -> ShortcutFloor | None:
    """The AUROC of the columns, together and each alone, and what the image adds to them.

    Of a label, what is added has DeLong's interval of a paired difference, with patients as
    clusters; of the macro mean, percentiles over resampled patients. None without columns, or with
    fewer than ten patients.
    """
    table = _score_tables(labelled, asked)
    if table is None:
        return None
    is_fitted = ~np.isnan(table.fitted).all(axis=0)
    targets = np.where(is_fitted, labelled.targets, np.int8(UNKNOWN)).astype(np.int8)
    scores = np.nan_to_num(table.fitted)
    together = stack_logits(targets, scores, labelled.probs, table.folds)
    if asked.fitted is None:
        scores, together = (rank_within(one, table.folds) for one in (scores, together))
    patients, level = labelled.patient_ids, resampling.level
    drawn = resample_scores(
        targets,
        [scores, together],
        patients,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
    )["auroc"]
    floor = auroc_interval(targets, scores, patients=patients, level=level)
    added = compare_aurocs(targets, scores, together, patients=patients)
    low, high = added.limits(level)
    macro_limits = percentile_interval(
        average_classes(drawn[1]) - average_classes(drawn[0]), level=level
    )
    macro = (macro_mean(added.difference)[0], *map(float, macro_limits))
    if resampling not in table.judged_alone:
        table.judged_alone[resampling] = {
            name: _judge_alone(targets, column, patients, resampling)
            for name, column in table.alone.items()
        }
    return ShortcutFloor(
        columns=tuple(asked.columns),
        columns_left_out=dict(asked.left_out),
        fitted_on="cross-fitted by patient" if asked.fitted is None else asked.fitted.what,
        macro=_add(_describe_macro(floor, drawn[0], level), *macro),
        per_class={
            label: _add(_describe(floor, c), added.difference[c], low[c], high[c])
            for c, label in enumerate(labelled.vocabulary)
        },
        by_column=table.judged_alone[resampling],
        equals=_find_equal(labelled.vocabulary, targets, table.alone),
    )


def judge_within_view(
    labelled: LabelledPredictions, views: NDArray[Any] | None, resampling: Resampling
) -> WithinView | None:
    """The model's AUROC within views; None where all images are of one view, or of no known one."""
    names, counts = np.unique([] if views is None else views[views != ""], return_counts=True)
    if views is None or len(names) < 2:
        return None
    found = auroc_within_groups(
        labelled.targets,
        labelled.probs,
        views.astype(str),
        labelled.patient_ids,
        seed=resampling.seed,
        num_resamples=resampling.num_resamples,
        level=resampling.level,
    )
    mean, low, high = found.macro
    return WithinView(
        views={str(name): int(count) for name, count in zip(names, counts, strict=True)},
        macro=Auroc(auroc=mean, auroc_low=low, auroc_high=high),
        per_class={
            label: _describe(found.classes, c) for c, label in enumerate(labelled.vocabulary)
        },
    )


def deal_folds(labelled: LabelledPredictions) -> NDArray[np.int64] | None:
    """The fold of each image, (N,), a patient's in one; None for too few patients."""
    codes = np.unique(labelled.patient_ids, return_inverse=True)[1]
    if codes.size == 0 or codes.max() + 1 < FEWEST_PATIENTS:
        return None
    rng = derive_generator("shortcut floor")
    return assign_folds(labelled.targets, codes, num_folds=NUM_FOLDS, rng=rng)


def score_table(
    labelled: LabelledPredictions,
    asked: FloorQuestion,
    names: Sequence[str],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(N, C) logits of the named columns' model, less their mean; NaN for a label it can't know."""
    columns = [asked.columns[name] for name in names]
    if asked.fitted is not None:
        others = [asked.fitted.columns[name] for name in names]
        return fit_table_model(others, asked.fitted.targets).score(columns)
    scores = np.full(labelled.targets.shape, np.nan)
    for fold in range(NUM_FOLDS):
        is_held = folds == fold
        model = fit_table_model([one[~is_held] for one in columns], labelled.targets[~is_held])
        scores[is_held] = model.score(columns)[is_held]
    # A label that one fold could not be fitted for is not known in any.
    return np.where(np.isnan(scores).any(axis=0), np.nan, scores)


def rank_within(scores: NDArray[np.float64], folds: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, C) scores of models of several folds as normal scores within each; NaN becomes 0.

    A fold's model has learnt from the others, and their models from it: pooled as they are, scores
    of a column of chance came to an AUROC of 0.47.
    """
    ranked = np.zeros(scores.shape)
    for fold in range(NUM_FOLDS):
        is_held = folds == fold
        ranks = rankdata(np.nan_to_num(scores[is_held]), axis=0)
        ranked[is_held] = ndtri((ranks - 0.5) / is_held.sum())
    return ranked


def _judge_alone(
    targets: NDArray[np.int8],
    scores: NDArray[np.float64],
    patients: NDArray[Any],
    resampling: Resampling,
) -> Auroc:
    drawn = resample_scores(
        targets,
        [scores],
        patients,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
    )["auroc"][0]
    found = auroc_interval(targets, scores, patients=patients, level=resampling.level)
    return _describe_macro(found, drawn, resampling.level)


def _find_equal(
    labels: Sequence[str], targets: NDArray[np.int8], alone: Mapping[str, NDArray[np.float64]]
) -> dict[str, str]:
    """Columns that tell a label without error, by name."""
    found = {}
    for name, scores in alone.items():
        aurocs = auroc_interval(targets, scores).auroc
        for c in np.flatnonzero(aurocs >= _EQUAL):
            if (targets[:, c] == 1).sum() >= _FEWEST_EQUAL:
                found[name] = labels[int(c)]
    return found


def _describe(interval: AurocInterval, column: int) -> Auroc:
    return Auroc(
        auroc=float(interval.auroc[column]),
        auroc_low=float(interval.low[column]),
        auroc_high=float(interval.high[column]),
    )


def _describe_macro(interval: AurocInterval, drawn: NDArray[np.float64], level: float) -> Auroc:
    low, high = macro_auroc_interval(interval, drawn, level=level)
    return Auroc(auroc=macro_mean(interval.auroc)[0], auroc_low=low, auroc_high=high)


def _add(floor: Auroc, adds: float, low: float, high: float) -> FloorScores:
    return FloorScores(
        auroc=floor.auroc,
        auroc_low=floor.auroc_low,
        auroc_high=floor.auroc_high,
        adds=float(adds),
        adds_low=float(low),
        adds_high=float(high),
        is_shown=bool(low > 0),
    )
