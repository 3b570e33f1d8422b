"""`split.json`: what a split was made of, what its parts hold, and the SHA-256 of its files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from xlite.results import Result
from xlite.splitting.part_summary import PartSummary, tabulate_parts
from xlite.tables.label_table import TableFormat, written_format
from xlite.tables.manifest import is_written_as_nih

if TYPE_CHECKING:
    import pandas as pd

SPLIT_REMEDY = "Run `xlite split` first, or pass --split DIR."

Layout = Literal["nih", "columns"]


def layout_of(vocabulary: tuple[str, ...]) -> Layout:
    """How `write_manifest` stores labels of this vocabulary."""
    return "nih" if is_written_as_nih(vocabulary) else "columns"


@dataclass(frozen=True, kw_only=True)
class RecordedFormat(Result):
    """The format of the label table that a split was made from, as options of `xlite split`."""

    image_col: str
    labels_col: str
    separator: str
    label_cols: tuple[str, ...] = ()
    patient_col: str | None = None
    vocabulary: tuple[str, ...] = ()

    @classmethod
    def of(cls, table_format: TableFormat) -> Self:
        """The format as a record keeps it."""
        return cls(**asdict(table_format))

    def to_table_format(self) -> TableFormat:
        """The same as `read_manifest` takes it."""
        return TableFormat(**asdict(self))


@dataclass(frozen=True, kw_only=True)
class SplitRecord(Result):
    """A split: what `split_by_patient` returns, `xlite split --json` prints, `split.json` keeps.

    Version 0.1 knew NIH's columns only and wrote no schema version.
    """

    newest_schema: ClassVar[int] = 2

    schema_version: Annotated[int, Field(ge=1)] = 1
    source: str | None = None
    """The label table's file name; None where it was no file."""
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
    parts: dict[str, PartSummary] = field(default_factory=dict)
    files: dict[str, str]
    """SHA-256 by file name; empty for a split that was not written."""
    rows: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """(n,) rows of the label table by part, in their order there. Not in JSON: empty when read."""

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
        mine, others = self.to_json(), other.to_json()
        return all(mine[name] == others[name] for name in mine if name not in skipped)

    def to_json(self) -> dict[str, Any]:
        """The content of `split.json`."""
        return {name: value for name, value in super().to_json().items() if name != "rows"}

    def to_frame(self) -> pd.DataFrame:
        """One row a part and label; see `tabulate_parts`."""
        return tabulate_parts(self.parts)
