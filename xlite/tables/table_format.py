"""Which columns of a label table hold what, and how their cells are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.labels import NIH_LABELS
from xlite.settings import RowSettings
from xlite.tables.manifest import (
    IMAGE_COL,
    LABELS_COL,
    PATIENT_COL,
    Manifest,
    is_written_as_nih,
)

if TYPE_CHECKING:
    from xlite.results.split import Blank, FoldRule
    from xlite.settings.policy import Views

NIH_FILE_NAME = r"^0*(\d+)_\d{3}\.png$"
"""NIH's file names, which say whose the image is: `00000013_005.png`."""
_OF_COLUMNS = (
    *("image_col", "labels_col", "separator", "label_cols"),
    *("patient_col", "vocabulary", "part_col"),
)


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """Which columns of a label table hold what; the defaults are NIH's."""

    image_col: str = IMAGE_COL
    """The column with the image's file name, or its path below the image folder."""
    labels_col: str = LABELS_COL
    """The column with the label text; not read when `label_cols` is given."""
    separator: str = "|"
    """What stands between two labels in `labels_col`."""
    label_cols: tuple[str, ...] = ()
    """One column a label: 1 present, 0 absent, -1 or empty unknown."""
    patient_col: str | None = None
    """The column with the patient's id; None takes "Patient ID", else NIH's file-name pattern."""
    vocabulary: tuple[str, ...] = ()
    """The labels that `labels_col` may hold. Empty takes NIH's 14 for a table with NIH's columns or
    image names, and otherwise the labels that occur."""
    blank: Blank | None = None
    """What an empty cell of a label means; None takes a source's convention, else unknown."""
    dataset: str | None = None
    """The source whose tables they are, which has no columns to name; None to find it by the
    header where it is unmistakable, "csv" for none."""
    fold_rows: FoldRule | None = None
    """When an image has a label that some of its readers name; None for more than half of them."""
    label_map: str | None = None
    """The map, by its name or its file, that the table's labels are read through."""
    part_col: str | None = None
    """The column that says which part of a split an image is in: train, val or test."""
    views: Views | None = None
    """Films of these views alone; None for all."""
    one_per_patient: bool | None = None
    """Whether the first film of each patient counts alone: by study date, or in the order of the
    table."""
    min_age: float | None = None
    """Patients of this age in years at the film, and older; None for all."""

    dicom: Path | None = None
    """The folder of the films as DICOM, whose headers say what the table does not: patient, study
    date, view, sex and age."""
    hash_ids: Path | None = None
    """The file with the key of the hashes that stand for patients and studies."""

    @property
    def names_columns(self) -> bool:
        """Whether anything is said of columns, of which a source's tables need nothing."""
        plain = TableFormat()
        return any(getattr(self, name) != getattr(plain, name) for name in _OF_COLUMNS)

    @property
    def rows(self) -> RowSettings:
        """Which rows count; InputError for a view or an age that is none."""
        asked = {"views": self.views, "min_age": self.min_age}
        asked |= {"one_per_patient": self.one_per_patient}
        return RowSettings.parse(**{name: one for name, one in asked.items() if one is not None})

    @property
    def declared_vocabulary(self) -> tuple[str, ...]:
        """The labels that a table in this format has, whatever occurs; empty where none say."""
        if self.label_cols or self.vocabulary:
            return self.label_cols or self.vocabulary
        return NIH_LABELS if self.labels_col == LABELS_COL else ()


def column_format(vocabulary: Sequence[str], *, blank: Blank | None = None) -> TableFormat:
    """The format in which `write_manifest` writes a table in one column a label."""
    return TableFormat(label_cols=tuple(vocabulary), patient_col=PATIENT_COL, blank=blank)


def written_format(manifest: Manifest) -> TableFormat:
    """The format in which `write_manifest` writes a manifest."""
    if is_written_as_nih(manifest):
        return TableFormat()
    return column_format(manifest.vocabulary, blank=manifest.blank)
