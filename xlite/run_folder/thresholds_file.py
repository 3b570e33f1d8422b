"""The file of fitted thresholds: threshold and scaling by label, and whom they have seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from xlite.errors import InputError
from xlite.files import write_json
from xlite.ids import canonical_image_names, canonical_patient_ids
from xlite.records import Record
from xlite.run_folder.file_names import RUN_THRESHOLDS
from xlite.scores.calibration import LogitScaling
from xlite.scores.fitted_thresholds import FittedThresholds, check_calibration
from xlite.scores.threshold_methods import check_method

RUN_METHOD, RUN_CALIBRATION = "f1", "platt"
"""Of a run's own thresholds: `xlite evaluate`'s default, on probs that mean what they say."""

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
    def of(
        cls,
        name: str,
        image_ids: Iterable[Any],
        patient_ids: Iterable[Any],
        *,
        split_sha256: str | None = None,
    ) -> FittedOn:
        """What thresholds that are fitted on these images have seen; `name` is whose probs."""
        names = _short_names(image_ids)
        return cls(
            name=name,
            num_images=len(names),
            split_sha256=split_sha256,
            images_sha256=hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest(),
            marks=frozenset(map(_mark, names)),
            patient_marks=frozenset(map(_mark, canonical_patient_ids(patient_ids))),
        )

    def count_images(self, names: Iterable[Any]) -> int:
        """How many of these images thresholds have seen, folders aside."""
        return sum(_mark(name) in self.marks for name in _short_names(names))

    def count_patients(self, ids: Iterable[Any]) -> int:
        """How many of these patients they have seen; none where version 0.1 wrote the file."""
        return len(self.find_patients(ids))

    def find_patients(self, ids: Iterable[Any]) -> list[str]:
        """Those of these patients whom they have seen, as they are compared, in order."""
        patients = sorted(set(canonical_patient_ids(ids)))
        return [patient for patient in patients if _mark(patient) in self.patient_marks]


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
    write_json(path, describe_thresholds(fitted, fitted_on))


def describe_thresholds(fitted: FittedThresholds, fitted_on: FittedOn) -> dict[str, Any]:
    """The content of the file as plain values."""
    return {
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
    }


def write_run_thresholds(run_dir: Path, fitted: FittedThresholds, fitted_on: FittedOn) -> None:
    """Write a run's own thresholds, which are fitted on its validation part."""
    write_thresholds(run_dir / RUN_THRESHOLDS, fitted, fitted_on)


def read_thresholds(
    path: Path, *, remedy: str = "Write it with `xlite evaluate --save-thresholds FILE`."
) -> tuple[FittedThresholds, FittedOn]:
    """The thresholds in a file of `write_thresholds`, and what they have seen.

    Raises InputError, which ends in `remedy`, for another file, and for thresholds, slopes or
    intercepts that none can be.
    """
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


def _short_names(names: Iterable[Any]) -> list[str]:
    # Without folders: the same image may be named with one in another table.
    return [str(name).rpartition("/")[2] for name in canonical_image_names(names)]


def _split_marks(marks: str) -> frozenset[str]:
    starts = range(0, len(marks), _MARK_DIGITS)
    return frozenset(marks[at : at + _MARK_DIGITS] for at in starts)


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_MARK_DIGITS]
