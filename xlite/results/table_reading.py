"""What is understood of a source's tables: what `xlite tables` prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from xlite.results import Number, Result
from xlite.results.split import Blank, FoldRule

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class ReaderAgreement(Result):
    """How far the readers of the same images agree on a label."""

    images_of_any: int
    """Images that at least one reader says have the label."""
    images_of_all: int
    """Images that all of their readers say have it."""
    kappa: Number
    """Fleiss' kappa over images with the most common number of readers; NaN below two."""


@dataclass(frozen=True, kw_only=True)
class LabelCounts(Result):
    """What the cells of a label say, in images."""

    left_out: ClassVar[frozenset[str]] = frozenset({"agreement", "boxes"})

    present: int
    absent: int
    """Said to be absent; blank cells are not among them."""
    uncertain: int
    blank: int
    agreement: ReaderAgreement | None = None
    """Where several readers saw an image."""
    boxes: int | None = None
    """Where the source has boxes of any label."""


@dataclass(frozen=True, kw_only=True)
class TableReading(Result):
    """What was read of label tables: counts, and what was assumed and left out."""

    dataset: str
    """The source, or "csv" for a table whose columns are named."""
    files: dict[str, list[str]]
    """The files that were read, by what they hold."""
    rows: int
    """Of the table, before any is left out or folded."""
    images: int
    patients: int | None
    """None where the table names none, so that each image counts as one of its own."""
    rows_left_out: dict[str, int]
    """Rows that are not read, by the reason."""
    labels: dict[str, LabelCounts]
    blank: Blank
    """What a blank cell means."""
    fold_rows: FoldRule | None
    """When an image has a label that some of its readers name; None where it has one reading."""
    views: dict[str, int]
    """Images by view; "" where it is not known."""
    sexes: dict[str, int]
    images_with_age: int
    parts: dict[str, int]
    """Images by official part; "" outside of all."""
    assumes: tuple[str, ...]
    """What reading took for granted."""
    path: str | None = None
    """The plain table that was written."""
    image_table: Any = field(default=None, repr=False, compare=False)
    """A data frame with a row an image: `image_id`, `patient_id`, `view`, `age`, `sex` and what
    else the source has. Not in JSON."""
    boxes: Any = field(default=None, repr=False, compare=False)
    """A data frame with a row a box: `image_id`, `label`, `x`, `y`, `width`, `height` in pixels,
    `reader`; None where the source has none. Not in JSON."""

    def to_dict(self) -> dict[str, Any]:
        """The values that JSON has, by the names of the fields."""
        own = super().to_dict()
        return {name: own[name] for name in own if name not in ("image_table", "boxes")}

    def to_frame(self) -> pd.DataFrame:
        """One row a label: `label`, `present`, `absent`, `uncertain`, `blank`."""
        import pandas as pd

        names = ("present", "absent", "uncertain", "blank")
        return pd.DataFrame(
            [
                {"label": label, **{name: getattr(counts, name) for name in names}}
                for label, counts in self.labels.items()
            ]
        )
