"""`split.json`: what a split was made of, and the SHA-256 of its files."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from xlite.records import Record
from xlite.tables.label_table import TableFormat, written_format
from xlite.tables.manifest import is_written_as_nih

SPLIT_REMEDY = "Run `xlite split` first, or pass --split DIR."

Layout = Literal["nih", "columns"]


def layout_of(vocabulary: tuple[str, ...]) -> Layout:
    """How `write_manifest` stores labels of this vocabulary."""
    return "nih" if is_written_as_nih(vocabulary) else "columns"


class RecordedFormat(BaseModel):
    """The format of the label table that a split was made from, as options of `xlite split`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    image_col: str
    labels_col: str
    separator: str
    label_cols: tuple[str, ...] = ()
    patient_col: str | None = None
    vocabulary: tuple[str, ...] = ()

    def to_table_format(self) -> TableFormat:
        """The same as `read_manifest` takes it."""
        return TableFormat(**self.model_dump())


class SplitRecord(Record):
    """The content of `split.json`. Version 0.1 knew NIH's columns only and wrote no version."""

    newest_schema: ClassVar[int] = 2

    source: str | None = None
    """The label table's file name."""
    table_format: RecordedFormat | None = None
    seed: int | None = None
    ratios: list[float] | None = None
    official_lists: bool = False
    subset: float | None = None
    labels: tuple[str, ...]
    layout: Layout = "nih"
    """How the labels are stored: NIH's label text, or one column a label."""
    patient_overlap: int = 0
    max_deviation_pp: float | None = None
    parts: dict[str, Any] = Field(default_factory=dict)
    """Images, patients, positives and deviations of each part."""
    files: dict[str, str]
    """SHA-256 by file name."""

    @property
    def is_guarded(self) -> bool:
        """Whether cells that a spreadsheet would run carry an apostrophe, as they do since 0.2."""
        return self.schema_version > 1

    def files_format(self) -> TableFormat:
        """The format of the split's own files."""
        return TableFormat() if self.layout == "nih" else written_format(self.labels)

    def is_same_split(self, other: SplitRecord) -> bool:
        """Whether both were made alike, whatever version wrote them."""
        skipped = {"schema_version", "files", "layout"}
        return self.model_dump(exclude=skipped) == other.model_dump(exclude=skipped)
