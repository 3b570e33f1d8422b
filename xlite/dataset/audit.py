"""The audit of a split, whoever made it: what leaks between its parts, and how alike they are.

Arrays in, one result object out; reading the parts' tables is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlite.dataset.stratify import measure_deviation
from xlite.errors import InputError
from xlite.labels import NO_FINDING, has_no_finding

MIN_POSITIVES = 30
"""Under this many positives the 95 % interval of an AUROC of 0.8 is wider than ±0.09 (Hanley &
McNeil 1982, doi:10.1148/radiology.143.1.7063747), which hides what experiments hope to see."""

_ID_KINDS = {"string": "text", "integer": "numbers", "floating": "numbers"}


@dataclass(frozen=True)
class SplitPart:
    """One part of a split, one entry an image."""

    image_id: NDArray[Any]
    """(N,) names of the images, in one form in all parts."""
    patient_id: NDArray[Any]
    """(N,) ids of the patients, in one form in all parts."""
    labels: NDArray[np.int8]
    """(N, C)."""


@dataclass(frozen=True)
class PartSummary:
    """What one part holds, in images and patients."""

    images: int
    patients: int
    no_finding: int
    positives: dict[str, int]
    deviation_pp: dict[str, float]
    """Prevalence of each label, and of no finding, minus that in all parts together."""


@dataclass(frozen=True)
class SplitAudit:
    """What leaks between the parts, and what they hold; pairs are named "train|val"."""

    patient_overlap: dict[str, int]
    """Patients in both parts."""
    images_of_shared_patients: dict[str, int]
    """Images of the second part whose patient is in the first."""
    image_overlap: dict[str, int]
    """Image names in both parts."""
    parts: dict[str, PartSummary]
    max_deviation_pp: float
    warnings: tuple[str, ...]

    @property
    def has_leakage(self) -> bool:
        """Whether a patient or an image stands on two sides."""
        return any(self.patient_overlap.values()) or any(self.image_overlap.values())

    def to_dict(self) -> dict[str, Any]:
        """The audit as plain dicts, lists and numbers, for JSON."""
        return {
            "patient_overlap": dict(self.patient_overlap),
            "images_of_shared_patients": dict(self.images_of_shared_patients),
            "image_overlap": dict(self.image_overlap),
            "parts": {
                name: {
                    "images": part.images,
                    "patients": part.patients,
                    "no_finding": part.no_finding,
                    "positives": dict(part.positives),
                    "deviation_pp": dict(part.deviation_pp),
                }
                for name, part in self.parts.items()
            },
            "max_deviation_pp": self.max_deviation_pp,
            "warnings": list(self.warnings),
        }


def audit_split(parts: Mapping[str, SplitPart], *, labels: Sequence[str]) -> SplitAudit:
    """The audit of two or more parts, by name; `labels` names their C label columns.

    Leakage is found, not judged: the caller raises. Raises InputError for fewer than two parts,
    an empty part, a missing id, and ids that are numbers in one part and text in another (they
    would never match, and leakage would go unseen).

    >>> none = np.zeros((2, 1), dtype=np.int8)
    >>> train = SplitPart(np.array(["a", "b"]), np.array([1, 2]), none)
    >>> val = SplitPart(np.array(["c", "d"]), np.array([2, 2]), none)
    >>> audit = audit_split({"train": train, "val": val}, labels=["Mass"])
    >>> audit.patient_overlap, audit.images_of_shared_patients, audit.has_leakage
    ({'train|val': 1}, {'train|val': 2}, True)
    """
    if len(parts) < 2:
        raise InputError("a split has two parts or more to compare: name at least two files.")
    for name, part in parts.items():
        if len(part.labels) == 0:
            raise InputError(f"part {name!r} has no images. Leave it out, or check its file.")
        if part.labels.shape[1] != len(labels):
            raise ValueError(f"{name}: {part.labels.shape[1]} label columns, {len(labels)} names")
    patients = _encode_ids({name: part.patient_id for name, part in parts.items()}, what="patient")
    images = _encode_ids({name: part.image_id for name, part in parts.items()}, what="image")
    patient_overlap, images_of_shared = _count_shared(patients)
    image_overlap, _ = _count_shared(images)

    all_labels = np.concatenate([part.labels for part in parts.values()])
    part_of_row = np.repeat(np.arange(len(parts)), [len(part.labels) for part in parts.values()])
    deviation = measure_deviation(all_labels, part_of_row)
    names = [*labels, NO_FINDING]
    summaries = {
        name: PartSummary(
            images=len(part.labels),
            patients=len(np.unique(patients[name])),
            no_finding=int(has_no_finding(part.labels).sum()),
            positives=dict(zip(labels, (part.labels == 1).sum(axis=0).tolist(), strict=True)),
            deviation_pp=dict(zip(names, deviation.table_pp[row].tolist(), strict=True)),
        )
        for row, (name, part) in enumerate(parts.items())
    }
    return SplitAudit(
        patient_overlap=patient_overlap,
        images_of_shared_patients=images_of_shared,
        image_overlap=image_overlap,
        parts=summaries,
        max_deviation_pp=deviation.max_pp,
        warnings=(*_warn_about_repeats(images), *_warn_about_rare(summaries)),
    )


def _encode_ids(ids: Mapping[str, NDArray[Any]], *, what: str) -> dict[str, NDArray[np.intp]]:
    """The ids of each part as integers that agree between the parts."""
    for name, values in ids.items():
        missing = np.flatnonzero(pd.isna(values))
        if len(missing):
            raise InputError(
                f"{len(missing)} of {len(values)} rows of part {name!r} have no {what} id "
                f"(first: row {missing[0] + 1}). Fill the column in: without it leakage can't be "
                "ruled out."
            )
    inferred = {name: str(pd.api.types.infer_dtype(values)) for name, values in ids.items()}
    kinds = {name: _ID_KINDS.get(kind, kind) for name, kind in inferred.items()}
    if len(set(kinds.values())) > 1:
        listing = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
        raise InputError(
            f"the {what} ids have different types ({listing}), so none could match. Write them "
            "in one form, with the same leading zeros, in all files."
        )
    codes, _ = pd.factorize(np.concatenate([values.astype(object) for values in ids.values()]))
    ends = np.cumsum([len(values) for values in ids.values()])
    return dict(zip(ids, np.split(codes, ends[:-1]), strict=True))


def _count_shared(
    codes: Mapping[str, NDArray[np.intp]],
) -> tuple[dict[str, int], dict[str, int]]:
    """Per pair of parts: the ids in both, and the rows of the second part that have one of them."""
    num_ids = 1 + max(int(part_codes.max()) for part_codes in codes.values())
    is_in = {
        name: np.bincount(part_codes, minlength=num_ids) > 0 for name, part_codes in codes.items()
    }
    shared: dict[str, int] = {}
    rows: dict[str, int] = {}
    for first, second in combinations(codes, 2):
        shared[f"{first}|{second}"] = int((is_in[first] & is_in[second]).sum())
        rows[f"{first}|{second}"] = int(is_in[first][codes[second]].sum())
    return shared, rows


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
