"""What each part of a split holds, in images, patients and positives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlite.labels import NO_FINDING, has_no_finding
from xlite.results import Number, Result
from xlite.splitting.patient_disjoint import measure_deviation


@dataclass(frozen=True, kw_only=True)
class PartSummary(Result):
    """What one part holds, in images and patients."""

    images: int
    patients: int
    no_finding: int
    positives: dict[str, int]
    deviation_pp: dict[str, Number]
    """Prevalence of each label, and of no finding, minus that in all parts together."""


def summarise_parts(
    part_labels: Mapping[str, NDArray[np.int8]],
    patients: Mapping[str, NDArray[Any]],
    labels: Sequence[str],
) -> tuple[dict[str, PartSummary], float]:
    """What each part holds, and the largest deviation of a prevalence in percentage points.

    part_labels: (N, C) of each part. patients: (N,) codes or ids that agree between the parts.
    """
    all_labels = np.concatenate(list(part_labels.values()))
    part_of_row = np.repeat(
        np.arange(len(part_labels)), [len(found) for found in part_labels.values()]
    )
    deviation = measure_deviation(all_labels, part_of_row)
    summaries = {}
    for row, (name, found) in enumerate(part_labels.items()):
        by_label = dict(zip(labels, deviation.table_pp[row, :-1].tolist(), strict=True))
        # A label of that name goes before the share of images without any label.
        by_label.setdefault(NO_FINDING, float(deviation.table_pp[row, -1]))
        summaries[name] = PartSummary(
            images=len(found),
            patients=len(np.unique(patients[name])),
            no_finding=int(has_no_finding(found).sum()),
            positives=dict(zip(labels, (found == 1).sum(axis=0).tolist(), strict=True)),
            deviation_pp=by_label,
        )
    return summaries, deviation.max_pp


def tabulate_parts(parts: Mapping[str, PartSummary]) -> pd.DataFrame:
    """One row a part and label: `part`, `label`, `images` of the part, `positives`,
    `prevalence_pct` among them, and `deviation_pp`."""
    return pd.DataFrame(
        [
            {
                "part": name,
                "label": label,
                "images": part.images,
                "positives": count,
                "prevalence_pct": 100 * count / part.images if part.images else np.nan,
                "deviation_pp": part.deviation_pp[label],
            }
            for name, part in parts.items()
            for label, count in part.positives.items()
        ]
    )
