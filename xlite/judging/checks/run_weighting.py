"""What a run's loss and sampler saw of the training part, for the checks that weigh them.

C labels, in the order of the run's.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.losses.label_counts import count_labels
from xlite.sampling.exposure import Exposure, expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.source_sets import divide_by_source
from xlite.sampling.weights import sampling_weights
from xlite.tables.manifest import FURTHER_COLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.examined.run import ExaminedRun
    from xlite.judging.examined.split import ExaminedSplit
    from xlite.settings import SamplerSettings


@dataclass(frozen=True, eq=False)
class DrawnExposure:
    """What is shown of each label, computed and not drawn."""

    drawn: Exposure
    """Under the sampler."""
    natural: Exposure
    """Each image once."""


def natural_prevalence(run: ExaminedRun) -> NDArray[np.float64]:
    """(C,) the share of positives among known images of training; where the split is not at hand,
    among all of them, as the run's record counts.
    """
    labels = train_labels(run)
    if labels is not None:
        return count_labels(labels, run.folder.labels).prevalence
    data = run.folder.data
    return np.array(data.train_positives) / max(data.images.get("train", 0), 1)


def exposure_of(run: ExaminedRun) -> DrawnExposure | None:
    """What the run's sampler shows of each label; None where its split is not at hand."""
    if run.split is None or "train" not in run.split.parts:
        return None
    return _compute_exposure(run.split, run.settings.sampler, run.folder.labels)


@functools.lru_cache(maxsize=32)
def _compute_exposure(
    split: ExaminedSplit, sampler: SamplerSettings, labels: tuple[str, ...]
) -> DrawnExposure:
    # Runs of a study share it but for the seed; solving for the weights takes longest.
    train = split.parts["train"]
    sets = find_label_sets(train.labels_of(labels))
    if sampler.source_shares is not None:
        sets = divide_by_source(sets, train.cells.get(FURTHER_COLS["source"]))
    weights = sampling_weights(sets, sampler, vocabulary=labels)
    natural = expected_exposure(sets, None)
    return DrawnExposure(natural if weights is None else expected_exposure(sets, weights), natural)


def train_labels(run: ExaminedRun) -> NDArray[np.int8] | None:
    """(N, C) of the training part; None where its split is not at hand."""
    if run.split is None or "train" not in run.split.parts:
        return None
    return run.split.parts["train"].labels_of(run.folder.labels)
