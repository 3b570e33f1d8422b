"""A row of the history: what an epoch has cost and reached.

N images, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.scores.ranking import PerClass, Probs, Targets, macro_mean, ranking_scores
from xlite.scores.thresholded import crossfit_counts, f1, precision, recall
from xlite.training.predict import to_probs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.training.state import EpochTally


def score_epoch(
    part: str,
    targets: Targets,
    logits: NDArray[np.float32],
    vocabulary: Sequence[str],
    groups: NDArray[Any],
) -> tuple[dict[str, float], dict[str, float]]:
    """The scores of logits (N, C): macro as columns `part_score`, each class's `part_score_label`.

    AUROC and average precision; F1, precision and recall at thresholds that are fitted on one
    half of the `groups` (N,), the patients, and judged on the other.
    """
    # AUROC and AP depend on ranks alone; probs serve the thresholds as well.
    return score_probs(part, targets, to_probs(logits), vocabulary, groups)


def score_probs(
    part: str,
    targets: Targets,
    probs: Probs,
    vocabulary: Sequence[str],
    groups: NDArray[Any],
) -> tuple[dict[str, float], dict[str, float]]:
    """The same of probs (N, C)."""
    auroc, average_precision = ranking_scores(targets, probs)
    counts = crossfit_counts(targets, probs, groups)
    columns: dict[str, PerClass] = {
        "auroc": auroc,
        "average_precision": average_precision,
        "f1": f1(counts),
        "precision": precision(counts),
        "recall": recall(counts),
    }
    macro = {f"{part}_{score}": macro_mean(values)[0] for score, values in columns.items()}
    per_class = {
        f"{part}_{score}_{label}": float(value)
        for score, values in columns.items()
        for label, value in zip(vocabulary, values, strict=True)
    }
    return macro, per_class


def describe_losses(part: str, components: Mapping[str, float]) -> dict[str, float]:
    """The loss as a column, and its components where it has more than one."""
    row = {f"{part}_loss": sum(components.values())}
    if len(components) > 1:
        row |= {f"{part}_loss_{name}": value for name, value in components.items()}
    return row


def describe_tally(tally: EpochTally) -> dict[str, float]:
    """The columns of an epoch's training: loss, gradient norm, seconds by phase."""
    means = {name: total / tally.num_images for name, total in tally.loss_sums.items()}
    return {
        **describe_losses("train", means),
        "grad_norm_mean": tally.norm_sum / tally.num_steps if tally.num_steps else float("nan"),
        "grad_norm_max": tally.norm_max,
        **{f"seconds_{phase}": seconds for phase, seconds in tally.seconds.items()},
    }
