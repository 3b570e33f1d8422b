"""What a split is made of, what its parts hold, and what leaks between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from xlite.results import Number, Result
from xlite.results.label_map import MapReport
from xlite.results.near_duplicates import NearDuplicate

if TYPE_CHECKING:
    import pandas as pd

Layout = Literal["nih", "columns"]
Blank = Literal["unknown", "absent"]
"""What an empty cell of a label means: CheXpert's is a label that no report mentions, which most
take as absent."""

FoldRule = Literal["majority", "any", "all"]
"""When an image that several have read has a label: more than half say so, one, or all."""


@dataclass(frozen=True, kw_only=True)
class PartSummary(Result):
    """What one part holds, in images and patients."""

    images: int
    patients: int
    no_finding: int
    positives: dict[str, int]
    deviation_pp: dict[str, Number]
    """Prevalence of each label, and of no finding, minus that in all parts together."""


@dataclass(frozen=True, kw_only=True)
class SplitAudit(Result):
    """What leaks between the parts, and what they hold; pairs are named "train|val"."""

    left_out: ClassVar[frozenset[str]] = frozenset({"near_duplicates"})

    patient_overlap: dict[str, int]
    """Patients in both parts."""
    images_of_shared_patients: dict[str, int]
    """Images of the second part whose patient is in the first."""
    image_overlap: dict[str, int]
    """Images in both parts."""
    patients_respelled: dict[str, int]
    """Patients in both parts whose ids are spelled differently in the two: `0013` and `13`."""
    images_respelled: dict[str, int]
    """Images in both parts whose names are spelled differently: with and without a folder."""
    parts: dict[str, PartSummary]
    max_deviation_pp: Number
    warnings: tuple[str, ...]
    near_duplicates: tuple[NearDuplicate, ...] | None = None
    """Images of two parts that are the same film under two names; None, and not in JSON, where no
    image was looked at."""

    @property
    def has_leakage(self) -> bool:
        """Whether a patient, an image or a film stands on two sides."""
        overlaps = (*self.patient_overlap.values(), *self.image_overlap.values())
        return any(overlaps) or bool(self.near_duplicates)

    def describe_leakage(self) -> str:
        """Which pairs share how many patients and images, respelled or not, and how many films."""
        found = []
        for what, overlap, respelled in (
            ("patients", self.patient_overlap, self.patients_respelled),
            ("images", self.image_overlap, self.images_respelled),
        ):
            for pair, count in overlap.items():
                if count:
                    other = f" ({respelled[pair]:,} of them spelled differently)"
                    found.append(
                        f"{count:,} {what} in {' and '.join(pair.split('|'))}"
                        f"{other if respelled[pair] else ''}"
                    )
        if self.near_duplicates:
            found.append(f"{len(self.near_duplicates):,} films under two names in two parts")
        return ", ".join(found)

    def to_frame(self) -> pd.DataFrame:
        """One row a part and label: `part`, `label`, `images` of the part, `positives`,
        `prevalence_pct` among them, and `deviation_pp`."""
        return _tabulate_parts(self.parts)


@dataclass(frozen=True, kw_only=True)
class RecordedFormat(Result):
    """The format of the label table that a split was made from, as options of `xlite split`."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            *("blank", "dataset", "fold_rows", "label_map", "views", "one_per_patient", "min_age"),
            *("dicom", "hash_ids", "part_col"),
        }
    )

    image_col: str
    labels_col: str
    separator: str
    label_cols: tuple[str, ...] = ()
    patient_col: str | None = None
    vocabulary: tuple[str, ...] = ()
    blank: Blank | None = None
    dataset: str | None = None
    fold_rows: FoldRule | None = None
    label_map: str | None = None
    part_col: str | None = None
    views: str | None = None
    one_per_patient: bool | None = None
    min_age: float | None = None
    dicom: str | None = None
    hash_ids: str | None = None
    """The file of the key, and never the key."""


@dataclass(frozen=True, kw_only=True)
class FoldPlace(Result):
    """Which fold a split's test part is; numbers are from 0."""

    number: int
    """Counted on over the repeats: the name of the split's folder."""
    num_folds: int
    """Folds of a repeat."""
    repeat: int


@dataclass(frozen=True, kw_only=True)
class SplitRecord(Result):
    """A split: what `split_by_patient` returns, `xlite split --json` prints, `split.json` keeps.

    Version 0.1 knew NIH's columns only and wrote no schema version.
    """

    newest_schema: ClassVar[int] = 2
    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            "val",
            "stratify",
            "hold_out",
            "images_left_out",
            "fold",
            "warnings",
            "blank",
            "official_parts",
            "given",
            "mapping",
        }
    )

    schema_version: Annotated[int, Field(ge=1)] = 1
    source: str | None = None
    """The label table's file name; None where it was no file."""
    table_format: RecordedFormat | None = None
    seed: int | None = None
    ratios: list[float] | None = None
    official_lists: bool = False
    official_parts: tuple[str, ...] | None = None
    """The parts that the source itself has; any other was carved out of its training part."""
    given: tuple[str, ...] | None = None
    """The files that were taken as the parts."""
    subset: float | None = None
    val: float | None = None
    """Validation's share of the images outside the test part, where that is a fold or held out."""
    stratify: tuple[str, ...] | None = None
    """Columns that were stratified over, besides the labels."""
    hold_out: tuple[str, ...] | None = None
    """What the test part was chosen by, as COLUMN=VALUE."""
    images_left_out: int | None = None
    """Other images of the patients who were held out: they are in no part."""
    fold: FoldPlace | None = None
    warnings: tuple[str, ...] | None = None
    labels: tuple[str, ...]
    layout: Layout = "nih"
    """How the labels are stored: NIH's label text, or one column a label."""
    blank: Blank | None = None
    """What an empty cell of a label means; None where the source has none."""
    mapping: MapReport | None = None
    """What a label map made of the table's own labels."""
    patient_overlap: int = 0
    max_deviation_pp: float | None = None
    parts: dict[str, PartSummary] = field(default_factory=dict)
    files: dict[str, str]
    """SHA-256 by file name; empty for a split that was not written."""
    rows: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """(n,) rows of the label table by part, in their order there. Not in JSON: empty when read."""

    @property
    def is_guarded(self) -> bool:
        """Whether cells that a spreadsheet would run carry an apostrophe, as they do since 0.2."""
        return self.schema_version > 1

    def is_same_split(self, other: SplitRecord) -> bool:
        """Whether both were made alike, whatever version wrote them."""
        skipped = ("schema_version", "files", "layout", "warnings")
        mine, others = self.to_json(), other.to_json()
        for name in skipped:
            mine.pop(name, None), others.pop(name, None)
        return mine == others

    def describe_making(self) -> str:
        """What tells it from other splits of the table, in brackets of a message."""
        said = f"seed {self.seed}"
        if self.fold is not None:
            return f"{said}, one of {self.fold.num_folds} folds"
        if self.hold_out is not None:
            return f"{said}, held out: {', '.join(self.hold_out)}"
        if self.given is not None:
            return f"the parts given in {', '.join(self.given)}"
        return f"{said}, ratios {self.ratios}"

    def to_dict(self) -> dict[str, Any]:
        """The values that `split.json` has, by the names of the fields."""
        return {name: value for name, value in super().to_dict().items() if name != "rows"}

    def to_frame(self) -> pd.DataFrame:
        """One row a part and label: `part`, `label`, `images` of the part, `positives`,
        `prevalence_pct` among them, and `deviation_pp`."""
        return _tabulate_parts(self.parts)


def _tabulate_parts(parts: Mapping[str, PartSummary]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "part": name,
                "label": label,
                "images": part.images,
                "positives": count,
                "prevalence_pct": 100 * count / part.images if part.images else math.nan,
                "deviation_pp": part.deviation_pp[label],
            }
            for name, part in parts.items()
            for label, count in part.positives.items()
        ]
    )
