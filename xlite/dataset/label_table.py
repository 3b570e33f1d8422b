"""Label tables, read into a manifest.

NIH's `Data_Entry_2017.csv` and its v2020 header are recognised; any other CSV needs a
`TableFormat` that names its columns.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.dataset.manifest import (
    AGE_COL,
    IMAGE_COL,
    LABELS_COL,
    PATIENT_COL,
    SEX_COLS,
    UNKNOWN_COL,
    VIEW_COL,
    Manifest,
)
from xlite.errors import InputError
from xlite.labels import (
    NIH_LABELS,
    UNKNOWN,
    UnknownLabelError,
    discover_vocabulary,
    encode_label_texts,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NIH_FILE_NAME = r"^0*(\d+)_\d{3}\.png$"
_UNCERTAIN_CELLS = {"1": 1, "0": 0, "-1": UNKNOWN, "": UNKNOWN, "nan": UNKNOWN}


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

    @property
    def is_nih(self) -> bool:
        """Whether labels are NIH's, so that a label outside its 14 is an error."""
        return self.labels_col == LABELS_COL and not self.label_cols


def read_manifest(
    path: Path,
    *,
    table_format: TableFormat | None = None,
    vocabulary: Sequence[str] | None = None,
) -> Manifest:
    """The manifest in a label table (CSV, or CSV compressed with gzip).

    `vocabulary` defaults to NIH's 14 labels for a table in NIH's format, to the label columns
    where there are such, and otherwise to the labels that occur.
    Raises InputError, naming row and value, for a file that is no such table.
    """
    layout = table_format or TableFormat()
    text = _read_csv_text(path)
    header = [name.strip() for name in next(csv.reader(io.StringIO(text)))]
    wanted = _wanted_columns(path, header, layout)
    try:
        raw = pd.read_csv(
            io.StringIO(text),
            header=0,
            names=_unique_names(header),
            usecols=wanted,
            dtype=str,
            keep_default_na=False,
            index_col=False,
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(f"{path} can't be read as a CSV: {error}") from None
    if raw.empty:
        raise InputError(f"{path} has a header and no rows. Pass a label table with images.")
    raw = raw.fillna("").apply(_strip_cells)
    image_id = raw[layout.image_col]
    _check_image_ids(path, image_id)
    labels, names = _encode_labels(path, raw, layout, vocabulary)
    sex_col = next((name for name in SEX_COLS if name in raw), None)
    empty = pd.Series("", index=raw.index)
    table = pd.DataFrame(
        {
            "image_id": image_id,
            "path": "",
            "patient_id": _patient_ids(path, raw, layout),
            "view": raw.get(VIEW_COL, empty),
            "age": _parse_age(raw.get(AGE_COL, empty)),
            "sex": raw[sex_col] if sex_col else "",
        }
    )
    return Manifest(table=table, labels=labels, vocabulary=names)


def _read_csv_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"label table {path} does not exist. Pass --labels CSV.") from None
    except IsADirectoryError:
        raise InputError(f"label table {path} is a folder. Pass the CSV in it.") from None
    except OSError as error:
        raise InputError(f"label table {path} can't be read: {error.strerror}.") from None
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError):
            raise InputError(f"{path} is a damaged gzip file. Download it again.") from None
    if not data.strip():
        raise InputError(f"{path} is empty. Download or export the label table again.")
    if re.match(
        rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|\?xml)", data[:256], re.IGNORECASE
    ):
        raise InputError(
            f"{path} is a web page, not a CSV: the download gave a login or error page. "
            "Open it in a browser to see which, and download the table itself."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} is not UTF-8 (byte 0x{data[error.start]:02x} in line {line}). "
            "Save it again as UTF-8 CSV."
        ) from None


def _unique_names(header: Sequence[str]) -> list[str]:
    # NIH's 2017 header ends in a comma: its last, nameless column must not clash with another.
    return [name if name and name not in header[:i] else f"#{i}" for i, name in enumerate(header)]


def _wanted_columns(path: Path, header: Sequence[str], layout: TableFormat) -> list[str]:
    needed = [layout.image_col, *(layout.label_cols or (layout.labels_col,))]
    options = {layout.image_col: "--image-col", layout.labels_col: "--labels-col or --label-cols"}
    if layout.patient_col:
        needed.append(layout.patient_col)
        options[layout.patient_col] = "--patient-col"
    for name in needed:
        if name not in header:
            raise InputError(
                f"{path} has no column {name!r}; it has: {', '.join(filter(None, header))}. "
                f"Pass {options.get(name, '--label-cols')}."
            )
    optional = (PATIENT_COL, AGE_COL, *SEX_COLS, VIEW_COL, UNKNOWN_COL)
    return list(dict.fromkeys([*needed, *(name for name in optional if name in header)]))


def _strip_cells(column: pd.Series[str]) -> pd.Series[str]:
    # Not `.str.strip()`: it was two fifths of what reading a table took.
    cells = list(map(str.strip, column.tolist()))
    return pd.Series(cells, index=column.index, dtype=column.dtype)


def _check_image_ids(path: Path, image_id: pd.Series[str]) -> None:
    if (image_id == "").any():
        raise InputError(f"{path}: row {_first_row(image_id == '')} has no image name.")
    repeated = image_id.duplicated()
    if repeated.any():
        name = image_id[repeated].iloc[0]
        rows = [str(row + 2) for row in np.flatnonzero(image_id == name)]
        raise InputError(
            f"{path}: {int(repeated.sum())} duplicate image rows, the first is {name!r} in rows "
            f"{' and '.join(rows)}. Keep one row an image."
        )
    # Most tables have plain file names, and need no search in each of them.
    every_name = "\n".join(image_id.tolist())
    if not any(sign in every_name for sign in ("/", "\\", ":", "..")):
        return
    escapes = image_id.str.contains(r"^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)", regex=True)
    if escapes.any():
        raise InputError(
            f"{path}: row {_first_row(escapes)} has the image path {image_id[escapes].iloc[0]!r}, "
            "which leaves the image folder. Use paths relative to --images."
        )


def _first_row(mask: pd.Series[bool]) -> int:
    # Row numbers are those of a spreadsheet: the header is row 1.
    return int(np.argmax(mask.to_numpy())) + 2


def _encode_labels(
    path: Path, raw: pd.DataFrame, layout: TableFormat, vocabulary: Sequence[str] | None
) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    if layout.label_cols:
        columns = [_encode_column(path, raw[name]) for name in layout.label_cols]
        return np.stack(columns, axis=1), layout.label_cols
    texts = raw[layout.labels_col].to_numpy(dtype=object)
    if vocabulary is None:
        vocabulary = (
            NIH_LABELS if layout.is_nih else discover_vocabulary(texts, separator=layout.separator)
        )
    names = tuple(vocabulary)
    try:
        labels = encode_label_texts(texts, names, separator=layout.separator)
        if UNKNOWN_COL in raw:
            labels[encode_label_texts(raw[UNKNOWN_COL].to_numpy(dtype=object), names) == 1] = (
                UNKNOWN
            )
    except UnknownLabelError as error:
        raise InputError(
            f"{path}: unknown label {error.label!r} in row {error.position + 2} "
            f"({raw[layout.image_col].iloc[error.position]}).{error.hint} "
            f"The vocabulary is: {', '.join(names)}."
        ) from None
    return labels, names


def _encode_column(path: Path, cells: pd.Series[str]) -> NDArray[np.int8]:
    # "1.0" is what pandas writes for a column that has a gap.
    codes = cells.str.lower().str.removesuffix(".0").map(_UNCERTAIN_CELLS)
    if codes.isna().any():
        row = _first_row(codes.isna())
        raise InputError(
            f"{path}: row {row} has {cells.iloc[row - 2]!r} in label column {cells.name!r}. "
            "Use 1 (present), 0 (absent), -1 or empty (unknown)."
        )
    return np.asarray(codes, dtype=np.int8)


def _patient_ids(path: Path, raw: pd.DataFrame, layout: TableFormat) -> pd.Series[str]:
    column = layout.patient_col or (PATIENT_COL if PATIENT_COL in raw else None)
    if column:
        patients = raw[column]
        if (patients == "").any():
            raise InputError(
                f"{path}: row {_first_row(patients == '')} has no patient id in {column!r}. "
                "Fill it in, or drop the row: without it a split can leak."
            )
        return patients
    patients = raw[layout.image_col].str.extract(_NIH_FILE_NAME, expand=False)
    if patients.isna().any():
        raise InputError(
            f"{path} has no column {PATIENT_COL!r}, and the name "
            f"{raw[layout.image_col][patients.isna()].iloc[0]!r} in row "
            f"{_first_row(patients.isna())} doesn't follow NIH's pattern 00000013_005.png. "
            "Pass --patient-col: without patients a split can leak."
        )
    return patients


def _parse_age(cells: pd.Series[str]) -> NDArray[np.float64]:
    # The 2017 table has DICOM ages ("058Y", "013M", "001D"), the 2020 one plain years. There
    # are some hundred distinct ones.
    codes, distinct = pd.factorize(cells)
    parts = pd.Series(distinct, dtype=str).str.extract(r"^(\d+(?:\.\d+)?)\s*([YMWDymwd]?)$")
    per_year = parts[1].str.upper().map({"Y": 1.0, "": 1.0, "M": 12.0, "W": 52.18, "D": 365.25})
    years = (parts[0].astype(float) / per_year).to_numpy(dtype=np.float64)
    return np.asarray(years[codes])
