"""What folds are made of: each fold's test part, and how evenly the folds share the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from xlite.results import Number, Result
from xlite.results.split import RecordedFormat

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class FoldSummary(Result):
    """What one fold, the test part of its split folder, holds."""

    folder: str
    """Name of the split folder: its number, from 0."""
    repeat: int
    """From 0; the folds of one repeat hold every image once."""
    images: int
    patients: int
    no_finding: int
    positives: dict[str, int]
    """Images with each label."""
    positive_patients: dict[str, int]
    """Patients with an image of each label, and of no finding."""
    strata: dict[str, dict[str, int]] = field(default_factory=dict)
    """Patients with each value of each further column that was stratified over."""


@dataclass(frozen=True, kw_only=True)
class FoldsRecord(Result):
    """Folds: what `make_folds` returns, `xlite split --folds --json` prints, `folds.json` keeps."""

    schema_version: Annotated[int, Field(ge=1)] = 1
    source: str | None = None
    """The label table's file name; None where it was no file."""
    table_format: RecordedFormat | None = None
    seed: int
    num_folds: Annotated[int, Field(ge=2)]
    repeats: Annotated[int, Field(ge=1)]
    val: float | None = None
    """Validation's share of the images outside the test part; None where no part is for it."""
    stratify: tuple[str, ...] = ()
    """Further columns that were stratified over."""
    labels: tuple[str, ...]
    patient_overlap: int = 0
    """Patients on two sides of any fold."""
    max_positive_excess: Number
    """The largest distance in patients of a label's positives in a fold, or of those without a
    finding, from a K-th of all."""
    folds: tuple[FoldSummary, ...]
    warnings: tuple[str, ...] = ()
    files: dict[str, str]
    """SHA-256 of each fold's `split.json`, which has those of its tables; empty where nothing was
    written."""
    rows: tuple[dict[str, Any], ...] = field(default=(), repr=False, compare=False)
    """For each fold the (n,) rows of the label table by part. Not in JSON: empty when read."""

    def is_same(self, other: FoldsRecord) -> bool:
        """Whether both were made alike."""
        skipped = {"schema_version", "files"}
        mine, others = self.to_json(), other.to_json()
        return all(mine[name] == others[name] for name in mine if name not in skipped)

    def to_dict(self) -> dict[str, Any]:
        """The values that `folds.json` has, by the names of the fields."""
        return {name: value for name, value in super().to_dict().items() if name != "rows"}

    def to_frame(self) -> pd.DataFrame:
        """One row a fold and label: `fold`, `repeat`, `label`, `images` of the fold, `positives`
        and `positive_patients`."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "fold": number,
                    "repeat": fold.repeat,
                    "label": label,
                    "images": fold.images,
                    "positives": count,
                    "positive_patients": fold.positive_patients[label],
                }
                for number, fold in enumerate(self.folds)
                for label, count in fold.positives.items()
            ]
        )
