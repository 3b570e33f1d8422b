"""The report's section on folds: how evenly they share the patients of each label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from xlite.records import Record
from xlite.reporting.html_page import (
    Cell,
    Column,
    Facts,
    Paragraph,
    Section,
    Table,
    number,
)

_REMEDY = "Run the `xlite split --folds` command that made it again, or pass another --split."


class _Fold(BaseModel):
    """What one fold holds."""

    model_config = ConfigDict(strict=True, defer_build=True)

    images: int
    patients: int
    positive_patients: dict[str, int]


class _FoldsRecord(Record):
    """`folds.json`, as far as the report shows it."""

    source: str | None = None
    seed: int
    num_folds: Annotated[int, Field(ge=2)]
    repeats: int
    val: float | None = None
    patient_overlap: Literal[0]
    """A fold that leaks is never recorded."""
    max_positive_excess: float
    folds: list[_Fold]


def count_folds(record_path: Path) -> str:
    """The data of a `folds.json` in a line."""
    record = _FoldsRecord.read(record_path, remedy=_REMEDY)
    of_one = record.folds[: record.num_folds]
    images, patients = sum(one.images for one in of_one), sum(one.patients for one in of_one)
    source = f" from {record.source}" if record.source else ""
    times = f", {record.repeats} times over" if record.repeats > 1 else ""
    return (
        f"Data: {images:,} films of {patients:,} patients{source}, in {record.num_folds} folds by "
        f"patient{times}; no patient stands on two sides."
    )


def describe_folds(record_path: Path) -> Section:
    """How the folds of a `folds.json` were made, and what they share."""
    record = _FoldsRecord.read(record_path, remedy=_REMEDY)
    facts = {
        "Label table": str(record.source or "–"),
        "Seed": str(record.seed),
        "Folds": f"{record.repeats} × {record.num_folds}",
        "Validation": "none" if record.val is None else f"{record.val:g} of the rest",
        "Patients on two sides of a fold": str(record.patient_overlap),
        "Largest distance of a label from its share": f"{record.max_positive_excess:.1f} patients",
    }
    counts = {
        "images": [fold.images for fold in record.folds],
        "patients": [fold.patients for fold in record.folds],
        **{
            label: [fold.positive_patients.get(label, 0) for fold in record.folds]
            for label in (record.folds[0].positive_patients if record.folds else ())
        },
    }
    rows = [
        [
            Cell(name),
            number(sum(found[: record.num_folds]), 0),
            number(sum(found[: record.num_folds]) / record.num_folds, 1),
            number(min(found), 0),
            number(max(found), 0),
        ]
        for name, found in counts.items()
        if found
    ]
    table = Table(
        caption="Patients with each label: in all, a K-th of them, and the least and the most in a "
        "fold of any repeat.",
        columns=[
            Column(title="", is_number=False),
            *(Column(title=title) for title in ("in all", "a fold", "least", "most")),
        ],
        rows=rows,
    )
    said = Paragraph("No patient stands on two sides of a fold.")
    return Section("split", "Folds", [said, Facts(facts), table])
