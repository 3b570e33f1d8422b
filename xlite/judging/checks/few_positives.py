"""XL009: labels of which a part holds too few to judge by."""

from __future__ import annotations

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.splitting.leakage import MIN_POSITIVES

_MOST_SHOWN = 6


def look(split: ExaminedSplit) -> Observation:
    """Labels with fewer than 30 positive images in validation or in test.

    From 30 on the 95 % interval of an AUROC of 0.8 is narrower than ±0.09 (Hanley and McNeil
    1982), which is the least that a comparison could use. Patients are counted beside the images.
    A label that no part has any positive of is left out of that: it is no label of this data.
    """
    judged = [name for name in ("val", "test") if name in split.parts]
    if not judged:
        return NotApplicable("the split has neither a validation nor a test part")
    found, numbers = [], {}
    anywhere = [
        any((split.labels(name)[:, column] == 1).any() for name in split.parts)
        for column in range(len(split.vocabulary))
    ]
    for name in judged:
        labels = split.labels(name)
        patients = split.parts[name].patient_ids
        few = []
        for column, label in enumerate(split.vocabulary):
            is_positive = labels[:, column] == 1
            count = int(is_positive.sum())
            if not anywhere[column] or count >= MIN_POSITIVES:
                continue
            numbers[f"{label} in {name}"] = count
            of = "" if patients is None else f" of {len(set(patients[is_positive]))} patients"
            few.append((count, f"{label} {count}{of}"))
        if few:
            few.sort()
            shown = ", ".join(text for _, text in few[:_MOST_SHOWN])
            more = f" and {len(few) - _MOST_SHOWN} more" if len(few) > _MOST_SHOWN else ""
            found.append(f"positives in {name}: {shown}{more}")
    if not found:
        return Passed(
            f"each label has {MIN_POSITIVES} positives or more in {' and '.join(judged)}",
            {"labels": len(split.vocabulary)},
        )
    return Issue(f"{'; '.join(found)}. {MIN_POSITIVES} are needed.", numbers)


CHECK = Check(
    code="XL009",
    title="too few positives to judge by",
    severity="warning",
    subject=ExaminedSplit,
    look=look,
    consequence="Scores of these labels move by a tenth from one draw of patients to the next, "
    "whatever the model; each weighs as much in the macro mean as the common ones.",
    remedy="Judge them out of fold (`xlite split --folds 5`), give them with their intervals, or "
    "leave them out of the macro mean.",
)
