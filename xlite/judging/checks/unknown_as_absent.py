"""XL022: labels that nobody gave, trained on as if they were absent."""

from __future__ import annotations

import numpy as np

from xlite.ids import match_image_names
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.judging.examined.table import ExaminedTable
from xlite.labels import UNKNOWN

_LEAST_CELLS = 5
_LEAST_SHARE = 0.01
_LEAST_KNOWN_OPEN = 0.01
_LEAST_IMAGES = 100
_MOST_SHOWN = 4


def look(split: ExaminedSplit) -> Observation:
    """Labels that the label table leaves open (empty, -1, U, NaN) and that are 0 in the split: one
    in a hundred of the open ones, and five or more. An empty cell is not open where it means
    absent: by the convention of a source that the table's header or --dataset names, such as
    CheXpert, or as --blank says.

    Without the table at hand, a label that validation or test leaves open for an image in a hundred
    while training, of a hundred images or more, never does: somebody filled it.
    """
    if split.source is not None:
        return _compare_with_table(split, split.source)
    filled = []
    is_any_open = False
    for column, label in enumerate(split.vocabulary):
        is_open = {name: split.labels(name)[:, column] == UNKNOWN for name in split.parts}
        is_any_open |= any(rows.any() for rows in is_open.values())
        train = is_open.pop("train", np.zeros(0, dtype=np.bool_))
        judged = np.concatenate([*is_open.values(), np.zeros(0, dtype=np.bool_)])
        if len(train) >= _LEAST_IMAGES and not train.any() and judged.size:
            share = float(judged.mean())
            if share >= _LEAST_KNOWN_OPEN and judged.sum() >= _LEAST_CELLS:
                filled.append((label, share))
    if not is_any_open:
        return NotApplicable(
            "no label is left open in any part, and the table that the split was made from is not "
            "at hand. Pass --labels"
        )
    numbers: dict[str, float] = {
        "labels": len(split.vocabulary),
        "filled in training": len(filled),
    }
    if not filled:
        return Passed("labels are left open in training as in the other parts", numbers)
    numbers |= {f"open share of {label}": share for label, share in filled}
    shown = ", ".join(f"{label} ({share:.1%})" for label, share in filled[:_MOST_SHOWN])
    return Issue(
        f"validation and test leave {shown} open, and training none of "
        f"{len(split.parts['train']):,} images.",
        numbers,
    )


def _compare_with_table(split: ExaminedSplit, source: ExaminedTable) -> Observation:
    """What became, in the split, of what the table leaves open."""
    num_open = num_absent = num_present = 0
    worst: dict[str, int] = {}
    num_found = 0
    shared = [name for name in split.vocabulary if name in source.vocabulary]
    meant = source.labels_of(shared)
    for name, part in split.parts.items():
        rows = match_image_names(part.image_ids, source.image_ids)
        is_there = rows >= 0
        num_found += int(is_there.sum())
        given = split.labels(name)[is_there]
        given = given[:, [split.vocabulary.index(label) for label in shared]]
        is_open = meant[rows[is_there]] == UNKNOWN
        num_open += int(is_open.sum())
        num_present += int((is_open & (given == 1)).sum())
        is_absent = is_open & (given == 0)
        num_absent += int(is_absent.sum())
        for label, count in zip(shared, is_absent.sum(axis=0).tolist(), strict=True):
            worst[label] = worst.get(label, 0) + count
    if not num_found or not shared:
        return NotApplicable(f"{source.path} and the split have no images or no labels in common")
    numbers = {"open in the table": num_open, "absent in the split": num_absent}
    if not num_open:
        return Passed(f"{source.path} leaves none of {len(shared)} labels open", numbers)
    if num_absent < max(_LEAST_CELLS, _LEAST_SHARE * num_open):
        return Passed(f"{num_absent:,} of {num_open:,} open labels are 0 in the split", numbers)
    named = sorted(worst, key=lambda label: -worst[label])[:_MOST_SHOWN]
    shown = ", ".join(f"{label} {worst[label]:,}" for label in named if worst[label])
    ones = f", and {num_present:,} are 1" if num_present else ""
    return Issue(
        f"of {num_open:,} labels that {source.path} leaves open, {num_absent:,} are 0 in the "
        f"split{ones} ({shown}).",
        numbers,
    )


CHECK = Check(
    code="XL022",
    title="unknown labels taken for absent",
    severity="error",
    subject=ExaminedSplit,
    look=look,
    consequence="The model is taught that findings which nobody looked for are not there, and is "
    "punished for finding them; prevalence and precision are wrong.",
    remedy="Leave these labels empty or -1: loss and scores leave them out. Where zeros are meant "
    "(a policy for uncertain reports), say so beside the scores.",
)
