"""Heads on a candidate's features: what each says of the films that it was not fitted to.

N films, V views, D features, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from xlite.judging.labelled_predictions import LabelledPredictions, known_columns
from xlite.probing.linear_head import Choice, fit_linear_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xlite.probing.feature_folder import Features
    from xlite.probing.probed_data import ProbedData
    from xlite.splitting.fold_splits import FoldSplits
    from xlite.tables.manifest import Manifest


@dataclass(frozen=True, eq=False)
class FilmFeatures:
    """Features, and the ids of their N films."""

    features: Features
    image_ids: Sequence[str]

    def take(self, manifest: Manifest) -> NDArray[np.float32]:
        """(n, V, D) those of a manifest's films."""
        rows = pd.Index(self.image_ids).get_indexer(pd.Index(manifest.image_ids))
        return self.features.values[rows]


@dataclass(frozen=True, eq=False, kw_only=True)
class Heads:
    """What the heads of a candidate say, and what they chose."""

    name: str
    predictions: tuple[LabelledPredictions, ...]
    """Of each repeat of the folds; one without folds."""
    choices: tuple[Choice, ...]
    """Of each head."""


def fit_over_folds(films: FilmFeatures, folds: FoldSplits, *, name: str) -> Heads:
    """Every film once a repeat, by the head that was fitted to the training part of its fold."""
    predictions, choices = [], []
    for repeat in range(folds.repeats):
        pieces = []
        for number in folds.numbers(repeat):
            parts = folds.splits[number].parts
            piece, choice = fit_and_predict(films, parts["train"], parts["test"], name=name)
            pieces.append(piece)
            choices.append(choice)
        predictions.append(_pool(pieces, folds.images))
    return Heads(name=name, predictions=tuple(predictions), choices=tuple(choices))


def fit_heads(films: FilmFeatures, data: ProbedData, *, name: str) -> Heads:
    """What a candidate's heads say of the films that are judged: over folds, or of a split."""
    if data.folds is not None:
        return fit_over_folds(films, data.folds, name=name)
    labelled, choice = fit_and_predict(films, data.train, data.judged, name=name)
    return Heads(name=name, predictions=(labelled,), choices=(choice,))


def fit_and_predict(
    films: FilmFeatures, train: Manifest, judged: Manifest, *, name: str
) -> tuple[LabelledPredictions, Choice]:
    """What a head that is fitted to the films of `train` says of those of `judged`."""
    head = fit_linear_head(
        films.take(train), train.labels, train.patient_codes, widths=films.features.widths
    )
    labelled = LabelledPredictions(
        name=name,
        image_ids=judged.image_ids,
        patient_ids=judged.table["patient_id"].to_numpy(),
        targets=judged.labels,
        probs=expit(head.predict_logits(films.take(judged))),
        vocabulary=judged.vocabulary,
        columns=known_columns(judged),
    )
    return labelled, head.choice


def _pool(pieces: Sequence[LabelledPredictions], images: Manifest) -> LabelledPredictions:
    """The pieces of all folds as one, in the order of `images`."""
    pooled = replace(
        pieces[0],
        image_ids=np.concatenate([piece.image_ids for piece in pieces]),
        patient_ids=np.concatenate([piece.patient_ids for piece in pieces]),
        targets=np.concatenate([piece.targets for piece in pieces]),
        probs=np.concatenate([piece.probs for piece in pieces]),
        columns={
            column: np.concatenate([piece.columns[column] for piece in pieces])
            for column in pieces[0].columns
        },
    )
    places = pd.Index(images.image_ids).get_indexer(pd.Index(pooled.image_ids))
    return pooled.select(np.argsort(places, kind="stable"))
