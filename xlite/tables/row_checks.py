"""Checks of a label table's images and patients, and ages as tables write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.ids import (
    canonical_image_names,
    canonical_patient_ids,
    find_nested_name,
    is_rounded_id,
)
from xlite.labels import MISSING_TEXTS
from xlite.tables.csv_table import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PART_NAMES = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""The parts of a split by what tables call them."""


def check_image_ids(path: Path, image_id: pd.Series[str]) -> None:
    """Raise InputError for an image without a name, named twice, or outside the image folder."""
    if (image_id == "").any():
        raise InputError(f"{path}: row {first_row(image_id == '')} has no image name.")
    canonical = pd.Series(canonical_image_names(image_id.tolist()), index=image_id.index)
    repeated = canonical.duplicated()
    if repeated.any():
        same = canonical == canonical[repeated].iloc[0]
        rows = " and ".join(map(str, same.index[same]))
        spellings = " and ".join(show(name) for name in image_id[same].unique())
        raise InputError(
            f"{path}: {int(repeated.sum())} duplicate image rows, the first is {spellings} in rows "
            f"{rows}. Keep one row an image."
        )
    nested = find_nested_name(canonical.tolist())
    if nested:
        found = [f"{show(image_id.iloc[at])} (row {image_id.index[at]})" for at in nested]
        raise InputError(
            f"{path}: {' and '.join(found)} may be one image, named without and with its folder. "
            "Name all images with their folders, or keep one row an image."
        )
    # Looked for in all names at once: a search in each took a second of CheXpert's table.
    every_name = "\n".join(["", *image_id.tolist()])
    if not any(sign in every_name for sign in ("\n/", "\\", ":", "..")):
        return
    escapes = image_id.str.contains(r"^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)", regex=True)
    if escapes.any():
        raise InputError(
            f"{path}: row {first_row(escapes)} has the image path "
            f"{show(image_id[escapes].iloc[0])}, which leaves the image folder. Use paths relative "
            "to --images."
        )


def first_row(mask: pd.Series[bool]) -> int:
    """The index of the first row that a mask has."""
    return int(mask.index[int(np.argmax(mask.to_numpy()))])


def check_patients(path: Path, patients: pd.Series[str]) -> None:
    """Raise InputError for missing and rounded ids, and for one patient in two spellings."""
    codes, distinct = pd.factorize(patients.to_numpy(dtype=object))
    spellings: list[str] = distinct.tolist()

    def row_of(spelling: str) -> int:
        return int(patients.index[int(np.argmax(codes == spellings.index(spelling)))])

    missing = [text for text in spellings if text.casefold() in MISSING_TEXTS]
    if missing:
        raise InputError(
            f"{path}: row {row_of(missing[0])} has no patient id in {patients.name!r}. "
            "Fill it in, or drop the row: without it a split can leak."
        )
    rounded = [text for text in spellings if is_rounded_id(text)]
    if rounded:
        raise InputError(
            f"{path}: row {row_of(rounded[0])} has the patient id {show(rounded[0])}, a number "
            "that lost digits, so that patients may have become one. Export the ids as text."
        )
    canonical = pd.Series(canonical_patient_ids(spellings))
    repeated = canonical.duplicated()
    if repeated.any():
        same = np.flatnonzero(canonical == canonical[repeated].iloc[0])
        found = [f"{show(spellings[k])} (row {row_of(spellings[k])})" for k in same]
        raise InputError(
            f"{path}: one patient is written in more than one way in {patients.name!r}: "
            f"{' and '.join(found)}. Write each patient's id in one way; ids of different patients "
            "have to differ in more than case, leading zeros or a fraction of zeros."
        )


def read_part_names(path: Path, cells: pd.Series[str]) -> pd.Series[str]:
    """The part of a split that each image is in, train, val or test; InputError for another."""
    parts = cells.str.casefold().map(_PART_NAMES)
    if parts.isna().any():
        row = first_row(parts.isna())
        raise InputError(
            f"{path}: row {row} has {show(cells[row])} in {cells.name!r}, which is no part of a "
            "split. Use train, val (or valid, validation, dev) or test."
        )
    return parts


def parse_ages(cells: pd.Series[str]) -> NDArray[np.float64]:
    """(N,) ages in years from DICOM's writing or plain numbers; NaN for anything else.

    >>> parse_ages(pd.Series(["058Y", "006M", "41", "?"]))
    array([58. ,  0.5, 41. ,  nan])
    """
    # The 2017 table has DICOM ages ("058Y", "013M", "001D"), the 2020 one plain years. There
    # are some hundred distinct ones.
    codes, distinct = pd.factorize(cells)
    parts = pd.Series(distinct, dtype=str).str.extract(r"^(\d+(?:\.\d+)?)\s*([YMWDymwd]?)$")
    per_year = parts[1].str.upper().map({"Y": 1.0, "": 1.0, "M": 12.0, "W": 52.18, "D": 365.25})
    years = (parts[0].astype(float) / per_year).to_numpy(dtype=np.float64)
    return np.asarray(years[codes])
