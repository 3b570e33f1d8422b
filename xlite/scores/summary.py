"""The scores of one set of predictions as nested plain values, ready for JSON.

N images, C classes. AUROC and average precision need no threshold. F1 does, and it is never
judged on the rows its threshold was fitted on: it is cross-fitted between two halves of the
patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlite.scores.ranking import PerClass, Probs, Targets, macro_mean, ranking_scores
from xlite.scores.thresholded import count_at_thresholds, crossfit_f1, f1, fit_f1_thresholds


def summarize_scores(
    targets: Targets,
    probs: Probs,
    labels: Sequence[str],
    *,
    groups: NDArray[Any],
) -> dict[str, Any]:
    """Per class and macro scores of targets (N, C) and probs (N, C).

    groups: (N,) patient ids. The thresholds that are reported beside the cross-fitted F1 were
    fitted on all rows, for use on other images. The macro mean is over defined classes; the others
    are named in `undefined`.
    """
    auroc, average_precision = ranking_scores(targets, probs)
    at_half = count_at_thresholds(targets, probs, np.full(targets.shape[1], 0.5))
    columns: dict[str, PerClass] = {
        "auroc": auroc,
        "average_precision": average_precision,
        "f1_at_half": f1(at_half),
        "f1": crossfit_f1(targets, probs, groups),
        "threshold": fit_f1_thresholds(targets, probs),
    }
    positives = (targets == 1).sum(axis=0)
    known = (targets >= 0).sum(axis=0)
    per_class = {
        name: {
            "positives": int(positives[c]),
            "prevalence": float(positives[c] / known[c]) if known[c] else float("nan"),
            **{score: float(values[c]) for score, values in columns.items()},
        }
        for c, name in enumerate(labels)
    }
    judged = {score: values for score, values in columns.items() if score != "threshold"}
    return {
        "images": len(targets),
        "patients": len(np.unique(groups)),
        "f1_thresholds": "cross-fitted",
        "macro": {score: macro_mean(values)[0] for score, values in judged.items()},
        "undefined": {
            score: [labels[c] for c in macro_mean(values)[1]]
            for score, values in judged.items()
            if macro_mean(values)[1]
        },
        "per_class": per_class,
    }
