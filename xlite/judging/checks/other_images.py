"""XL023: predictions of other images than those that are judged, or of some of them."""

from __future__ import annotations

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.predictions import ExaminedPredictions


def look(predictions: ExaminedPredictions) -> Observation:
    """Whether the images of a file are exactly those of a part of the split (of several, each of
    them whole), or of the label table that is given with it.

    Images match with and without their folders. One that is of no part, one that is missing from a
    part that the file has others of, and one of training in a file of another part are all faults.
    """
    rows = predictions.rows_by_part
    total = len(predictions.file.names)
    if not rows:
        if predictions.said_images is None:
            return NotApplicable("neither a split nor a label table of these images is at hand")
        return _count_alone(total, predictions.said_images)
    is_of = {name: found >= 0 for name, found in rows.items()}
    strangers = int((~np.any(list(is_of.values()), axis=0)).sum())
    main = predictions.main_part
    numbers: dict[str, float] = {"images": total, "of no part": strangers}
    if main is None:
        return Issue(f"none of its {total:,} images is of {_where(predictions)}.", numbers)
    faults = []
    if strangers:
        faults.append(f"{strangers:,} of its {total:,} images are of no part of it")
    for name, found in is_of.items():
        size, count = len(predictions.table_of(name)), int(found.sum())
        numbers[f"of {name}"] = count
        if name == main or count:
            numbers[f"missing of {name}"] = size - count
        if count and predictions.part not in (None, name):
            faults.append(f"{count:,} of them are of {name}, and it is said to be of {main}")
        elif count and count < size:
            faults.append(f"it has {count:,} of {name}'s {size:,} images")
    if faults:
        return Issue(f"beside {_where(predictions)}: {'; '.join(faults)}.", numbers)
    whole = " and ".join(name for name, found in is_of.items() if found.any())
    return Passed(f"its {total:,} images are those of {whole}, all of them", numbers)


def _count_alone(total: int, said: int) -> Observation:
    numbers = {"images": total, "of the run": said}
    if total == said:
        return Passed(f"it has as many images as its run had, {said:,}", numbers)
    return Issue(f"it has {total:,} images, and its run had {said:,} of this part.", numbers)


def _where(predictions: ExaminedPredictions) -> str:
    if predictions.split is not None:
        return f"the split {predictions.split.path}"
    assert predictions.table is not None
    return f"the label table {predictions.table.path}"


CHECK = Check(
    code="XL023",
    title="predictions of other images, or of some alone",
    severity="error",
    subject=ExaminedPredictions,
    look=look,
    consequence="The score is of other patients than it is said to be of; whoever leaves the hard "
    "images out has the better one, and images of training are known by heart.",
    remedy="Predict every image of the part, and no other; or judge it beside the split whose "
    "images these are.",
)
