"""The file of fitted thresholds: threshold and scaling by label, and whom they have seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from xlite.errors import InputError, LeakageError
from xlite.files import write_json
from xlite.ids import canonical_image_names, canonical_patient_ids
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import FittedThresholds, check_calibration
from xlite.records import Record
from xlite.scores.calibration import LogitScaling
from xlite.scores.threshold_methods import check_method

_MARK_DIGITS = 12
_Marks = Annotated[str, Field(pattern=rf"^([0-9a-f]{{{_MARK_DIGITS}}})*$")]


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedOn:
    """The images and patients that thresholds have seen."""

    name: str
    num_images: int
    split_sha256: str | None
    """SHA-256 of the split's part, where the images came from one."""
    images_sha256: str
    """SHA-256 of the sorted names, a line each."""
    marks: frozenset[str]
    """The first 48 bits of each name's SHA-256: enough to count images seen before."""
    patient_marks: frozenset[str]
    """The same of each patient's canonical id. Empty in files of version 0.1."""

    @classmethod
    def of(cls, labelled: LabelledPredictions, *, split_sha256: str | None = None) -> FittedOn:
        """What thresholds that are fitted on these images have seen."""
        names = _names(labelled)
        return cls(
            name=labelled.name,
            num_images=len(labelled),
            split_sha256=split_sha256,
            images_sha256=hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest(),
            marks=frozenset(map(_mark, names)),
            patient_marks=frozenset(map(_mark, canonical_patient_ids(labelled.patient_ids))),
        )

    def count_images(self, names: Iterable[Any]) -> int:
        """How many of these images thresholds have seen, folders aside."""
        return sum(_mark(name) in self.marks for name in _short_names(names))

    def count_patients(self, ids: Iterable[Any]) -> int:
        """How many of these patients they have seen; none where version 0.1 wrote the file."""
        return sum(_mark(one) in self.patient_marks for one in set(canonical_patient_ids(ids)))


class _LabelRecord(Record):
    threshold: float | None = Field(ge=0, le=1)
    """None for a label that none could be fitted for."""
    slope: float = Field(gt=0)
    intercept: float
    notes: list[str]


class _SeenRecord(Record):
    name: str
    images: int = Field(ge=1)
    split_sha256: str | None
    images_sha256: str
    marks: _Marks
    patient_marks: _Marks = ""


class ThresholdsRecord(Record):
    """The content of the file."""

    method: str
    calibration: str
    fitted_on: _SeenRecord
    per_class: dict[str, _LabelRecord] = Field(min_length=1)

    @field_validator("method", "calibration")
    @classmethod
    def _is_known(cls, value: str, info: Any) -> str:
        check = check_method if info.field_name == "method" else check_calibration
        try:
            check(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return value


def write_thresholds(path: Path, fitted: FittedThresholds, fitted_on: FittedOn) -> None:
    """Write thresholds with the marks of the images they have seen as JSON, atomically."""
    write_json(
        path,
        {
            "method": fitted.method,
            "calibration": fitted.calibration,
            "fitted_on": {
                "name": fitted_on.name,
                "images": fitted_on.num_images,
                "split_sha256": fitted_on.split_sha256,
                "images_sha256": fitted_on.images_sha256,
                "marks": "".join(sorted(fitted_on.marks)),
                "patient_marks": "".join(sorted(fitted_on.patient_marks)),
            },
            "per_class": {
                name: {
                    "threshold": float(fitted.thresholds[c]),
                    "slope": float(fitted.scaling.slope[c]),
                    "intercept": float(fitted.scaling.intercept[c]),
                    "notes": fitted.notes.get(name, []),
                }
                for c, name in enumerate(fitted.vocabulary)
            },
        },
    )


def read_thresholds(path: Path) -> tuple[FittedThresholds, FittedOn]:
    """The thresholds in a file of `write_thresholds`, and what they have seen.

    Raises InputError for another file, and for thresholds, slopes or intercepts that none can be.
    """
    remedy = "Write it with `xlite evaluate --save-thresholds FILE`."
    content = ThresholdsRecord.read(path, remedy=remedy)
    seen, rows = content.fitted_on, list(content.per_class.values())
    fitted = FittedThresholds(
        vocabulary=tuple(content.per_class),
        method=content.method,
        calibration=content.calibration,
        scaling=LogitScaling(
            slope=np.array([row.slope for row in rows]),
            intercept=np.array([row.intercept for row in rows]),
        ),
        thresholds=np.array(
            [np.nan if row.threshold is None else row.threshold for row in rows], dtype=np.float64
        ),
        notes={name: row.notes for name, row in content.per_class.items() if row.notes},
    )
    fitted_on = FittedOn(
        name=seen.name,
        num_images=seen.images,
        split_sha256=seen.split_sha256,
        images_sha256=seen.images_sha256,
        marks=_split_marks(seen.marks),
        patient_marks=_split_marks(seen.patient_marks),
    )
    return fitted, fitted_on


def require_unseen(
    fitted_on: FittedOn,
    labelled: LabelledPredictions,
    *,
    split_sha256: str | None = None,
    are_patients_others: bool = False,
) -> None:
    """Raise LeakageError when thresholds were fitted on what they are to be judged on.

    That is any of the images, or of their patients, unless `are_patients_others`: patients of two
    hospitals may have the same ids.
    """
    names = _names(labelled)
    num_seen = fitted_on.count_images(names)
    is_same_part = split_sha256 is not None and split_sha256 == fitted_on.split_sha256
    others = (
        f"the {fitted_on.num_images} of {fitted_on.name}. Scores at them would flatter. Judge "
        "other images, or leave --thresholds out: thresholds are cross-fitted then"
    )
    if num_seen or is_same_part:
        what = "these very images" if num_seen in (0, len(names)) else "images among these"
        raise LeakageError(
            f"the thresholds were fitted on {what}: {num_seen} of {len(names)} images of "
            f"{labelled.name} are among {others}."
        )
    patients = np.unique(canonical_patient_ids(labelled.patient_ids)).tolist()
    shared = [patient for patient in patients if _mark(patient) in fitted_on.patient_marks]
    if shared and not are_patients_others:
        raise LeakageError(
            f"the thresholds were fitted on the same patients: {len(shared)} of {len(patients)} "
            f"patients of {labelled.name} (first: {shared[0]}) have images among {others}. If they "
            "are other people with the same ids, pass --other-patients."
        )


def _names(labelled: LabelledPredictions) -> list[str]:
    return _short_names(labelled.image_ids)


def _short_names(names: Iterable[Any]) -> list[str]:
    # Without folders: the same image may be named with one in another table.
    return [str(name).rpartition("/")[2] for name in canonical_image_names(names)]


def _split_marks(marks: str) -> frozenset[str]:
    starts = range(0, len(marks), _MARK_DIGITS)
    return frozenset(marks[at : at + _MARK_DIGITS] for at in starts)


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_MARK_DIGITS]
