"""What a model scores on patients whom it was trained on, apart from those it has never seen.

C labels. The two sides have no patient in common, so that the interval of their difference is made
of both sides' by MOVER (Zou and Donner 2008, Statist. Med. 27:1693). But the sides differ in more
than having been seen: who is in training by several films is the more ill. What memory gives is
told by a second model that has seen none of these patients, judged on the same images: the
difference less that of the second model (a difference in differences; Card and Krueger 1994), each
side paired image by image with DeLong's variance. A gain is called shown where its interval lies
above 0, and else unproven, whatever its size.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from xlite import console
from xlite.errors import InputError
from xlite.ids import canonical_patient_ids, is_among
from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions, join_predictions
from xlite.judging.predictions_file import read_predictions_file
from xlite.labels import UNKNOWN
from xlite.results.seen_patients import SeenPatients, SeenScores
from xlite.results.shortcut_floor import Auroc
from xlite.scores.auroc_interval import auroc_interval, macro_auroc_interval
from xlite.scores.bootstrap import average_classes, resample_scores
from xlite.scores.delong import compare_aurocs
from xlite.scores.finding_patients import combine_freedoms
from xlite.tables.read_labels import LabelSource, read_labels
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.predictions_file import PredictionSource
    from xlite.tables.manifest import Manifest

Limits = tuple[float, float, float]


def compare_seen_patients(
    predictions: PredictionSource,
    labels: LabelSource,
    *,
    train: LabelSource,
    reference: PredictionSource | None = None,
    table_format: TableFormat | None = None,
    resamples: int = 1000,
    seed: int = 42,
    level: float = 0.95,
) -> SeenPatients:
    """AUROC on images of patients who are in `train`, and on those of others, with the difference.

    predictions: a CSV or data frame that names images of `labels`. train: the label table that the
    model was trained on. reference: predictions for the same images of a model that has seen none
    of their patients. What has no partner is said, and left out. Raises InputError where all
    patients are on one side.
    """
    manifest = read_labels(labels, table_format=table_format)
    path = Path(predictions if isinstance(predictions, str | Path) else "predictions")
    labelled, join = join_predictions(predictions, manifest, name=path.name.split(".")[0])
    for sentence in join.describe():
        console.warn(sentence)
    return judge_seen_patients(
        labelled,
        read_labels(train, table_format=table_format),
        Resampling(num_resamples=resamples, seed=seed, level=level),
        reference=reference,
    )


def shares_patients(labelled: LabelledPredictions, train: Manifest) -> bool:
    """Whether any patient of the judged images is in the training table."""
    return bool(is_among(labelled.patient_ids.tolist(), train.patient_ids.tolist()).any())


def judge_seen_patients(
    labelled: LabelledPredictions,
    train: Manifest,
    resampling: Resampling,
    *,
    reference: PredictionSource | None = None,
) -> SeenPatients:
    """The two sides of predictions; InputError where all patients are on one of them."""
    patients = canonical_patient_ids(labelled.patient_ids.tolist())
    is_seen = is_among(patients, train.patient_ids.tolist())
    if is_seen.all() or not is_seen.any():
        raise InputError(
            f"{'every' if is_seen.all() else 'no'} patient of the {len(labelled):,} judged images "
            "is in the training table, so that there are no two sides to compare. Leave --train "
            "out, or pass the table that the model was trained on."
        )
    other = None if reference is None else _align(reference, labelled)
    sides = [
        np.where(side[:, None], labelled.targets, np.int8(UNKNOWN)).astype(np.int8)
        for side in (is_seen, ~is_seen)
    ]
    seen, unseen = (_Side(side, labelled, other, resampling) for side in sides)
    is_defined = ~np.isnan(seen.interval.auroc) & ~np.isnan(unseen.interval.auroc)
    return SeenPatients(
        seen_images=int(is_seen.sum()),
        unseen_images=int((~is_seen).sum()),
        seen_patients=len(np.unique(patients[is_seen])),
        unseen_patients=len(np.unique(patients[~is_seen])),
        reference=None if reference is None else _name(reference),
        labels=tuple(np.array(labelled.vocabulary, dtype=object)[is_defined].tolist()),
        macro=_compare(seen.macro(is_defined), unseen.macro(is_defined), resampling.level),
        per_class={
            label: _compare(seen.label(c), unseen.label(c), resampling.level)
            for c, label in enumerate(labelled.vocabulary)
        },
    )


class _Side:
    """One side's AUROC, and its paired difference from the reference: value, error, freedom."""

    def __init__(
        self,
        targets: NDArray[np.int8],
        labelled: LabelledPredictions,
        reference: NDArray[np.float64] | None,
        resampling: Resampling,
    ) -> None:
        self.level = resampling.level
        patients = labelled.patient_ids
        probs = [labelled.probs] if reference is None else [labelled.probs, reference]
        self.interval = auroc_interval(
            targets, labelled.probs, patients=patients, level=resampling.level
        )
        self.drawn = resample_scores(
            targets,
            probs,
            patients,
            rng=resampling.generator(),
            num_resamples=resampling.num_resamples,
        )["auroc"]
        self.paired = (
            None
            if reference is None
            else compare_aurocs(targets, reference, labelled.probs, patients=patients)
        )

    def label(self, column: int) -> tuple[Limits, Limits | None]:
        """A label's AUROC with its limits, and its gain over the reference."""
        interval, paired = self.interval, self.paired
        limits = interval.auroc[column], interval.low[column], interval.high[column]
        if paired is None:
            return limits, None
        return limits, (
            paired.difference[column],
            paired.standard_error[column],
            paired.freedom[column],
        )

    def macro(self, columns: NDArray[np.bool_]) -> tuple[Limits, Limits | None]:
        """The same for the mean over some labels."""
        kept = type(self.interval)(
            **{name: getattr(self.interval, name)[columns] for name in ("auroc", "low", "high")}
        )
        low, high = macro_auroc_interval(kept, self.drawn[0][:, columns], level=self.level)
        mean = float(kept.auroc.mean()) if columns.any() else float("nan")
        if self.paired is None:
            return (mean, low, high), None
        gain = float(self.paired.difference[columns].mean()) if columns.any() else float("nan")
        change = average_classes(self.drawn[0][:, columns]) - average_classes(
            self.drawn[1][:, columns]
        )
        freedom = combine_freedoms(
            self.paired.standard_error[columns] ** 2, self.paired.freedom[columns]
        )
        return (mean, low, high), (gain, float(np.nanstd(change, ddof=1)), freedom)


def _compare(
    seen: tuple[Limits, Limits | None], unseen: tuple[Limits, Limits | None], level: float
) -> SeenScores:
    (a, a_low, a_high), (b, b_low, b_high) = seen[0], unseen[0]
    low = a - b - np.hypot(a - a_low, b_high - b)
    high = a - b + np.hypot(a_high - a, b - b_low)
    gain: dict[str, Any] = {}
    is_shown = low > 0
    if seen[1] is not None and unseen[1] is not None:
        value = seen[1][0] - unseen[1][0]
        freedom = min(seen[1][2], unseen[1][2])
        reach = float(
            stdtrit(max(freedom, 1), 0.5 + level / 2) * np.hypot(seen[1][1], unseen[1][1])
        )
        gain = {"gain": value, "gain_low": value - reach, "gain_high": value + reach}
        is_shown = value - reach > 0
    return SeenScores(
        seen=Auroc(auroc=float(a), auroc_low=float(a_low), auroc_high=float(a_high)),
        unseen=Auroc(auroc=float(b), auroc_low=float(b_low), auroc_high=float(b_high)),
        difference=float(a - b),
        difference_low=float(low),
        difference_high=float(high),
        **{name: float(one) for name, one in gain.items()},
        is_shown=bool(is_shown),
    )


def _align(reference: PredictionSource, labelled: LabelledPredictions) -> NDArray[np.float64]:
    """The reference's (N, C) probs; InputError where it lacks an image or a label."""
    file = read_predictions_file(reference, labelled.vocabulary)
    rows = file.match(labelled.image_ids)
    probs = np.full(labelled.probs.shape, np.nan)
    columns = [labelled.vocabulary.index(label) for label in file.vocabulary]
    is_known = rows >= 0
    for place, column in enumerate(columns):
        probs[rows[is_known], column] = file.probs[is_known, place]
    if np.isnan(probs).any():
        raise InputError(
            f"{file.path} lacks images or labels of the predictions that it is the reference of. "
            "Pass predictions of another model for the same images and labels."
        )
    return probs


def _name(source: PredictionSource) -> str:
    return "predictions" if isinstance(source, pd.DataFrame) else Path(source).name
