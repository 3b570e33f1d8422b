"""XL018: labels that the view alone tells, AP films being of sicker patients."""

from __future__ import annotations

import math
import re

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.scores.clustered_shares import compare_shares, measure_share
from xlite.scores.multiplicity import adjust_holm

_LEAST_AUROC = 0.65
_LEVEL = 0.01
_LEAST_PATIENTS = 10
_MOST_SHOWN = 5
_AP = re.compile(r"\s*(?:ap\b|antero-?posterior|portable)", re.IGNORECASE)


def look(split: ExaminedSplit) -> Observation:
    """The AUROC of "the film is AP" alone for each label of the test part (of validation where
    there is none): 0.65 or more, or 0.35 or less, and beyond chance with p below 0.01, patients
    being the unit, after Holm's correction for all labels.

    Bedside films are AP, and of patients who can't stand. A model that only tells the views apart
    has that AUROC. Labels of fewer than ten patients are left out.
    """
    part = next((name for name in ("test", "val", "train") if name in split.parts), None)
    views = None if part is None else split.parts[part].column("view")
    if part is None or views is None:
        return NotApplicable("no column holds the view")
    is_ap = np.array([_AP.match(str(view)) is not None for view in views])
    is_known = np.array([bool(view) for view in views])
    if is_ap[is_known].all() or not is_ap.any():
        return NotApplicable(f"all films of {part} are of one kind of view")
    patients = split.parts[part].patient_ids
    units = split.parts[part].image_ids if patients is None else patients
    labels = split.labels(part)
    rows, p_values = [], []
    for column, label in enumerate(split.vocabulary):
        with_label, without = (is_known & (labels[:, column] == value) for value in (1, 0))
        if len(set(units[with_label])) < _LEAST_PATIENTS or not without.any():
            continue
        one = measure_share(is_ap[with_label], units[with_label])
        other = measure_share(is_ap[without], units[without])
        p = compare_shares(one, other)
        rows.append((label, one.share, other.share, 0.5 + (one.share - other.share) / 2))
        p_values.append(0.0 if math.isnan(p) and one.share != other.share else p)
    if not rows:
        return NotApplicable(f"no label of {part} has ten patients")
    corrected = adjust_holm(np.array(p_values))
    told = [
        row
        for row, p in zip(rows, corrected, strict=True)
        if abs(row[3] - 0.5) >= _LEAST_AUROC - 0.5 and p < _LEVEL
    ]
    largest = max((0.5 + abs(row[3] - 0.5) for row in rows), default=math.nan)
    numbers = {"labels": len(rows), "told by the view": len(told), "largest AUROC": largest}
    if not told:
        return Passed(f"the view alone has an AUROC of at most {largest:.2f}", numbers)
    numbers |= {f"AUROC of the view for {row[0]}": row[3] for row in told}
    told.sort(key=lambda row: -abs(row[3] - 0.5))
    shown = "; ".join(
        f"{label}: {with_label:.0%} of its films in {part} are AP, and {without:.0%} of the others "
        f"(AUROC of the view alone {auroc:.2f})"
        for label, with_label, without, auroc in told[:_MOST_SHOWN]
    )
    more = f"; and {len(told) - _MOST_SHOWN} more" if len(told) > _MOST_SHOWN else ""
    return Issue(f"{shown}{more}.", numbers)


CHECK = Check(
    code="XL018",
    title="a label that the view tells",
    severity="warning",
    subject=ExaminedSplit,
    look=look,
    consequence="A model can score by telling bedside films from others, and fails where sick and "
    "well are filmed alike.",
    remedy="Give its scores within views, too: `xlite evaluate --by view`; or judge on a held-out "
    "view (`xlite split --hold-out view=AP`).",
)
