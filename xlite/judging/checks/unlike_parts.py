"""XL003: a validation part that is unlike the test part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.scores.clustered_shares import compare_shares, measure_share
from xlite.scores.multiplicity import adjust_holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEVEL = 0.01
_LEAST_PATIENTS = 10
_LEAST_RATIO = 1.5
_LEAST_VIEW_SHARE = 0.1
_MOST_SHOWN = 5


class _Difference(NamedTuple):
    what: str
    val: float
    test: float
    p: float
    is_large: bool


def look(split: ExaminedSplit) -> Observation:
    """The prevalence of each label, and the share of each view, in validation against test.

    A difference counts where it is both large (a prevalence 1.5 times the other's, a view's share
    ten points from the other's) and beyond chance: p below 0.01 with patients as the unit, after
    Holm's correction for all labels and views. A label of fewer than ten patients in the two parts
    together tells nothing and is left out.
    """
    missing = [name for name in ("val", "test") if name not in split.parts]
    if missing:
        return NotApplicable(f"the split has no {' and no '.join(missing)} part")
    if split.record is not None and split.record.hold_out:
        return NotApplicable(
            f"the test part is held out on purpose: {', '.join(split.record.hold_out)}"
        )
    differences = [*_compare_labels(split), *_compare_views(split)]
    if not differences:
        return NotApplicable("no label has ten patients, and no view is known")
    corrected = adjust_holm(np.array([one.p for one in differences]))
    found = [
        one for one, p in zip(differences, corrected, strict=True) if one.is_large and p < _LEVEL
    ]
    numbers = {"compared": len(differences), "unlike": len(found)}
    numbers |= {f"{one.what} in {part}": getattr(one, part) for one in found for part in _PARTS}
    if not found:
        return Passed(f"{len(differences)} labels and views are alike in val and test", numbers)
    found.sort(key=lambda one: one.p)
    shown = "; ".join(
        f"{one.what} {one.val:.1%} of val and {one.test:.1%} of test" for one in found[:_MOST_SHOWN]
    )
    more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return Issue(f"{shown}{more} (p < {_LEVEL} each, corrected for {len(differences)}).", numbers)


_PARTS = ("val", "test")


def _compare_labels(split: ExaminedSplit) -> list[_Difference]:
    labels = {name: split.labels(name) for name in _PARTS}
    found = []
    for column, label in enumerate(split.vocabulary):
        is_known = {name: labels[name][:, column] >= 0 for name in _PARTS}
        positive = {name: labels[name][is_known[name], column] == 1 for name in _PARTS}
        patients = {name: _units(split, name)[is_known[name]] for name in _PARTS}
        found += _compare(label, positive, patients, is_prevalence=True)
    return found


def _compare_views(split: ExaminedSplit) -> list[_Difference]:
    views = {name: split.parts[name].column("view") for name in _PARTS}
    if any(column is None for column in views.values()):
        return []
    texts = {name: np.char.upper(column.astype(str)) for name, column in views.items()}  # type: ignore[union-attr]
    kinds = sorted(set(np.concatenate(list(texts.values()))) - {""})
    # Of two views the second's share is the rest.
    kinds = kinds[:1] if len(kinds) == 2 else kinds
    found = []
    for kind in kinds:
        is_known = {name: texts[name] != "" for name in _PARTS}
        shows = {name: texts[name][is_known[name]] == kind for name in _PARTS}
        patients = {name: _units(split, name)[is_known[name]] for name in _PARTS}
        found += _compare(f"view {kind}", shows, patients, is_prevalence=False)
    return found


def _compare(
    what: str,
    counts: dict[str, NDArray[np.bool_]],
    patients: dict[str, NDArray[Any]],
    *,
    is_prevalence: bool,
) -> list[_Difference]:
    """The difference of a share between the parts; none where too few patients are behind it."""
    val, test = (measure_share(counts[name], patients[name]) for name in _PARTS)
    p = compare_shares(val, test)
    if val.patients + test.patients < _LEAST_PATIENTS or math.isnan(p):
        return []
    low, high = sorted((val.share, test.share))
    is_large = high >= _LEAST_RATIO * low if is_prevalence else high - low >= _LEAST_VIEW_SHARE
    return [_Difference(what, val.share, test.share, p, is_large)]


def _units(split: ExaminedSplit, part: str) -> NDArray[Any]:
    """(N,) the patients, or the images where no column has patients."""
    table = split.parts[part]
    return table.image_ids if table.patient_ids is None else table.patient_ids


CHECK = Check(
    code="XL003",
    title="validation that is unlike test",
    severity="warning",
    subject=ExaminedSplit,
    look=look,
    consequence="What is chosen on validation (epoch, model, threshold) is chosen for other "
    "patients than it is judged on, and validation's scores say little of the test part's.",
    remedy="Make all parts of one table with `xlite split`, which stratifies over labels "
    "(--stratify COLUMN for views); where the test part is given, say how it differs.",
)
