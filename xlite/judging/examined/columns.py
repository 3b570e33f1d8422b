"""Which columns of anyone's table hold images, patients and labels, where nobody has said so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlite.judging.predictions_file import IMAGE_COLUMNS
from xlite.labels import UNKNOWN, simplify_label
from xlite.tables.manifest import (
    AGE_COL,
    COLUMNS,
    IMAGE_COL,
    LABELS_COL,
    PATIENT_COL,
    SEX_COLS,
    UNKNOWN_COL,
    VIEW_COL,
)
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    import pandas as pd

LABEL_CODES = {
    **{"1": 1, "0": 0, "-1": UNKNOWN, "": UNKNOWN},
    **dict.fromkeys(("nan", "none", "null", "na", "n/a", "u", "uncertain", "?"), UNKNOWN),
    **{"true": 1, "false": 0},
}
"""What a cell of a column that is one label says, in lower case and without a fraction of zeros."""

_IMAGE = (IMAGE_COL, *IMAGE_COLUMNS, "dicom_id", "dicom", "image_name", "file_name", "img", "id")
_PATIENT = (PATIENT_COL, "patient", "pid", "subject_id", "subject", "person_id", "study_patient")
_TEXT = (LABELS_COL, "labels", "label", "findings", "finding", "target", "diagnosis")
_VIEW = (VIEW_COL, "view", "ap_pa", "ap/pa", "projection")
_SEX = (*SEX_COLS, "sex", "gender")
_AGE = (AGE_COL, "age")
_NO_LABEL = re.compile(
    r"unnamed.*|index|fold|split|part|set|frontal.*|lateral.*|.*follow.?up.*|width|height|"
    r"study.*|series.*|report.*|site|hospital|.*date.*|year|.*spacing.*|.*pixel.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class TableColumns:
    """The columns of a table by what they hold; None where none does."""

    image: str | None
    patient: str | None
    text: str | None
    """Label text; None where each label has a column."""
    labels: tuple[str, ...]
    """Columns of 1, 0 and unknown."""
    view: str | None
    sex: str | None
    age: str | None

    @property
    def others(self) -> frozenset[str]:
        """The names of all that are none of a label's."""
        mine = (self.image, self.patient, self.view, self.sex, self.age)
        return frozenset(name for name in mine if name is not None)


def find_columns(cells: pd.DataFrame, layout: TableFormat | None) -> TableColumns:
    """The columns of a table, by their names and, of labels, by what is in them.

    cells: of text. layout: what the caller has said of them, which goes first.
    """
    header = list(map(str, cells.columns))
    said = layout or TableFormat()
    image = _find(header, (said.image_col, *_IMAGE))
    patient = said.patient_col or _find(header, _PATIENT)
    view, sex, age = (_find(header, names) for names in (_VIEW, _SEX, _AGE))
    text = None if said.label_cols else _find(header, (said.labels_col, *_TEXT))
    taken = {image, patient, view, sex, age}
    labels = said.label_cols
    if not labels:
        candidates = [name for name in header if name not in taken and name not in COLUMNS]
        labels = tuple(name for name in candidates if is_label_column(name, cells[name]))
    if text is not None and text in labels:
        text = None  # a single label in a column called "label"
    if text == said.labels_col and not said.label_cols:
        labels = ()
    return TableColumns(
        image=image,
        patient=patient,
        text=None if labels else text,
        labels=labels,
        view=view,
        sex=sex,
        age=age,
    )


def is_label_column(name: str, cells: pd.Series[str]) -> bool:
    """Whether a column holds nothing but what is said of one label, and says anything."""
    if not name or _NO_LABEL.fullmatch(name) or name == UNKNOWN_COL:
        return False
    codes = {LABEL_CODES.get(normalise_cell(text)) for text in cells.unique()}
    return None not in codes and bool(codes & {0, 1})


def normalise_cell(text: str) -> str:
    """A cell of a label in the spelling of LABEL_CODES.

    >>> normalise_cell("1.0"), normalise_cell("U")
    ('1', 'u')
    """
    return text.lower().removesuffix(".0")


def _find(header: Sequence[str], names: Iterable[str]) -> str | None:
    """The first column that is called by one of the names, the earlier names first."""
    by_name: dict[str, str] = {}
    for column in header:
        by_name.setdefault(simplify_label(column), column)
    return next((by_name[key] for name in names if (key := simplify_label(name)) in by_name), None)
