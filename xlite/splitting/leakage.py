"""What leaks between the parts of a split, whoever made it, and how alike they are.

Arrays in, one result object out; reading the parts' tables is done in `xlite.splitting.audit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlite.errors import InputError, LeakageError
from xlite.ids import (
    NO_MATCH,
    canonical_image_names,
    canonical_patient_ids,
    have_one_depth,
    is_rounded_id,
    match_image_names,
)
from xlite.labels import NO_FINDING, has_no_finding
from xlite.results.split import PartSummary, SplitAudit
from xlite.splitting.patient_disjoint import measure_deviation

if TYPE_CHECKING:
    from xlite.tables.manifest import Manifest

MIN_POSITIVES = 30
"""Under this many positives the 95 % interval of an AUROC of 0.8 is wider than ±0.09 (Hanley &
McNeil 1982, doi:10.1148/radiology.143.1.7063747), which hides what experiments hope to see."""

_MOST_DEVIATION_PP = 5.0

_OVERLAPS = (
    "patient_overlap",
    "images_of_shared_patients",
    "image_overlap",
    "patients_respelled",
    "images_respelled",
)


@dataclass(frozen=True)
class SplitPart:
    """One part of a split, one entry an image."""

    image_id: NDArray[Any]
    """(N,) names of the images, with or without their folders."""
    patient_id: NDArray[Any]
    """(N,) ids of the patients, in any spelling."""
    labels: NDArray[np.int8]
    """(N, C)."""


def find_leakage(parts: Mapping[str, SplitPart], *, labels: Sequence[str]) -> SplitAudit:
    """The audit of two or more parts, by name; `labels` names their C label columns.

    Patients and images are compared in the canonical form of `xlite.ids`; what only matches in
    that form is counted again as respelled, and named in a warning. Leakage is found, not judged:
    the caller raises. Raises InputError for fewer than two parts, an empty part, a missing id, and
    a patient id that was a number and lost digits.

    >>> none = np.zeros((2, 1), dtype=np.int8)
    >>> train = SplitPart(np.array(["a", "b"]), np.array(["1", "02"]), none)
    >>> val = SplitPart(np.array(["c", "d"]), np.array([2, 2]), none)
    >>> audit = find_leakage({"train": train, "val": val}, labels=["Mass"])
    >>> audit.patient_overlap, audit.images_of_shared_patients, audit.patients_respelled
    ({'train|val': 1}, {'train|val': 2}, {'train|val': 1})
    """
    if len(parts) < 2:
        raise InputError("a split has two parts or more to compare: name at least two files.")
    for name, part in parts.items():
        if len(part.labels) == 0:
            raise InputError(f"part {name!r} has no images. Leave it out, or check its file.")
        if part.labels.shape[1] != len(labels):
            raise ValueError(f"{name}: {part.labels.shape[1]} label columns, {len(labels)} names")
        _check_ids(name, part)
    patients = _encode(
        {name: canonical_patient_ids(part.patient_id) for name, part in parts.items()}
    )
    image_names = {name: canonical_image_names(part.image_id) for name, part in parts.items()}
    images = _encode(image_names)
    may_end_alike = not have_one_depth(image_names.values())
    overlap: dict[str, Any] = {name: {} for name in _OVERLAPS}
    warnings: list[str] = []
    for (first, one), (second, other) in combinations(parts.items(), 2):
        pair = f"{first}|{second}"
        is_shared = np.isin(patients[second], patients[first])
        overlap["patient_overlap"][pair] = len(np.unique(patients[second][is_shared]))
        overlap["images_of_shared_patients"][pair] = int(is_shared.sum())
        found = _find_respelled(one.patient_id, other.patient_id, is_shared, patients[second])
        overlap["patients_respelled"][pair] = len(found)
        warnings += _warn_about_spelling(pair, "patients", found)
        is_shared = np.isin(images[second], images[first])
        if may_end_alike:
            rest = np.flatnonzero(~is_shared)
            matched = match_image_names(image_names[second][rest], image_names[first])
            is_shared[rest] = matched != NO_MATCH
        overlap["image_overlap"][pair] = len(np.unique(images[second][is_shared]))
        found = _find_respelled(one.image_id, other.image_id, is_shared, images[second])
        overlap["images_respelled"][pair] = len(found)
        warnings += _warn_about_spelling(pair, "images", found)
    summaries, max_deviation = _summarise_parts(
        {name: part.labels for name, part in parts.items()}, patients, labels
    )
    warnings += [*_warn_about_repeats(images), *_warn_about_kinds(parts)]
    warnings += _warn_about_rare(summaries)
    return SplitAudit(
        **overlap, parts=summaries, max_deviation_pp=max_deviation, warnings=tuple(warnings)
    )


def audit_parts(parts: Mapping[str, Manifest]) -> SplitAudit:
    """The audit of parts that have the same vocabulary."""
    vocabulary = next((part.vocabulary for part in parts.values()), ())
    return find_leakage(
        {
            name: SplitPart(part.image_ids, part.patient_ids, part.labels)
            for name, part in parts.items()
        },
        labels=vocabulary,
    )


def require_no_leakage(audit: SplitAudit) -> None:
    """Raise LeakageError when patients, images or films stand on two sides."""
    if audit.has_leakage:
        remedy = "Make a patient-disjoint split with `xlite split`."
        if audit.near_duplicates:
            remedy = (
                "Give both names of a film to one patient, or drop one of them, and make a split "
                "with `xlite split`."
            )
        raise LeakageError(
            f"the split leaks: {audit.describe_leakage()}. Scores on it are too good. {remedy}"
        )


def _check_ids(name: str, part: SplitPart) -> None:
    for what, values in (("patient", part.patient_id), ("image", part.image_id)):
        missing = np.flatnonzero(pd.isna(values))
        if len(missing):
            raise InputError(
                f"{len(missing)} of {len(values)} rows of part {name!r} have no {what} id "
                f"(first: row {missing[0] + 1}). Fill the column in: without it leakage can't be "
                "ruled out."
            )
    rounded = [str(value) for value in pd.unique(part.patient_id) if is_rounded_id(str(value))]
    if rounded:
        raise InputError(
            f"part {name!r} has the patient id {rounded[0]}, a number that lost digits, so that "
            "patients may have become one. Export the ids as text."
        )


def _encode(ids: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.intp]]:
    """The ids of each part as integers that agree between the parts."""
    codes, _ = pd.factorize(np.concatenate(list(ids.values())))
    ends = np.cumsum([len(values) for values in ids.values()])
    return dict(zip(ids, np.split(codes, ends[:-1]), strict=True))


def _find_respelled(
    ids: NDArray[Any],
    other_ids: NDArray[Any],
    is_shared: NDArray[np.bool_],
    codes: NDArray[np.intp],
) -> list[str]:
    """The shared ids of the other part, once each, whose spelling this part does not have."""
    if not is_shared.any():
        return []
    spellings = set(map(str, ids))
    shared = pd.Series(other_ids[is_shared]).astype(str)
    of_id = codes[is_shared]
    is_known = shared.isin(spellings).groupby(of_id).transform("any").to_numpy()
    return list(shared[~is_known].groupby(of_id[~is_known]).first())


def _summarise_parts(
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


def _warn_about_spelling(pair: str, what: str, found: Sequence[str]) -> list[str]:
    if not found:
        return []
    first = canonical_patient_ids(found[:1])[0] if what == "patients" else found[0]
    how = f"{found[0]!r}, which is {first!r}" if first != found[0] else repr(found[0])
    return [
        f"{pair}: {len(found):,} {what} on both sides are written differently in the two (first: "
        f"{how}), and only match when case, leading zeros, a fraction of zeros, folders and "
        "backslashes are overlooked."
    ]


def _warn_about_kinds(parts: Mapping[str, SplitPart]) -> list[str]:
    """A warning where the patients of one part are numbers and those of another never are."""
    is_number = {
        name: {text.isdigit() for text in canonical_patient_ids(pd.unique(part.patient_id))}
        for name, part in parts.items()
    }
    numbers = [name for name, kinds in is_number.items() if kinds == {True}]
    texts = [name for name, kinds in is_number.items() if kinds == {False}]
    if not (numbers and texts):
        return []
    return [
        f"patients are numbers in {', '.join(numbers)} and names in {', '.join(texts)}, so that "
        "none can match. Parts of one hospital need ids of one form: leakage is not ruled out."
    ]


def _warn_about_repeats(images: Mapping[str, NDArray[np.intp]]) -> list[str]:
    repeats = {name: len(codes) - len(np.unique(codes)) for name, codes in images.items()}
    return [
        f"{name}: {count} rows repeat an image of the same part; they count twice in every score."
        for name, count in repeats.items()
        if count
    ]


def _warn_about_rare(summaries: Mapping[str, PartSummary]) -> list[str]:
    warnings = []
    for name, part in summaries.items():
        rare = [f"{label} ({n})" for label, n in part.positives.items() if n < MIN_POSITIVES]
        if rare:
            warnings.append(
                f"{name}: fewer than {MIN_POSITIVES} positives for {', '.join(rare)}; "
                "scores of these labels will have wide intervals (none can be computed at 0)."
            )
    return warnings


def warn_about_parts(parts: Mapping[str, Manifest], audit: SplitAudit) -> list[str]:
    """What is odd in the labels of a split and yet no leak: a sentence each.

    A label that all images have, most often a table that was read wrong, and a prevalence that is
    another in one part by more than five percentage points and than chance.
    """
    names = next(iter(parts.values())).vocabulary
    everywhere = [
        name
        for column, name in enumerate(names)
        if all((part.labels[:, column] == 1).all() for part in parts.values())
    ]
    found = []
    if everywhere:
        found.append(
            f"every image has {', '.join(everywhere)}: no score of it can be computed. Check the "
            "options of columns."
        )
    deviation, name, part = max(_list_deviations(audit), default=(0.0, "", ""))
    if deviation > _MOST_DEVIATION_PP:
        found.append(
            f"the prevalence of {name} is another in {part} by {deviation:.1f} percentage points, "
            "more than chance makes of so many images: scores of the parts can't be compared."
        )
    return found


def _list_deviations(audit: SplitAudit) -> Iterator[tuple[float, str, str]]:
    """How far a label's prevalence in a part is from that in all, where chance is not enough.

    That is by more than two standard errors of a share of the part's images.
    """
    num_images = sum(part.images for part in audit.parts.values())
    for where, part in audit.parts.items():
        for name in part.positives:
            share = sum(one.positives[name] for one in audit.parts.values()) / num_images
            deviation = abs(part.deviation_pp[name])
            if deviation > 200 * np.sqrt(share * (1 - share) / part.images):
                yield deviation, name, where
