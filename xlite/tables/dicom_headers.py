"""What a label table may lack and DICOM headers have: patient, study date, view, sex and age.

No other element is asked for, and none of another is ever stored or quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from xlite.dicom_file import UnreadableDicomError, element, is_dicom, read_elements
from xlite.errors import InputError
from xlite.inputs import MAX_IMAGE_BYTES, open_regular
from xlite.tables.image_folder import find_images
from xlite.tables.row_checks import parse_ages

if TYPE_CHECKING:
    from xlite.tables.manifest import Manifest

_ELEMENTS = {
    "patient_id": "PatientID",
    "date": "StudyDate",
    "view": "ViewPosition",
    "sex": "PatientSex",
    "age": "PatientAge",
}
_MARK_BYTES = 132
_HEAD_BYTES = 1 << 18
"""What is read of a film first: headers take a few kilobytes, and pixels come last."""


def read_headers(image_ids: Sequence[str], folder: Path) -> pd.DataFrame:
    """patient_id, date, view, sex and age of N films as their headers write them, "" where not.

    The films are found below `folder` as `find_images` finds them. Raises InputError for one that
    is missing, can't be read, is not DICOM or names no patient, and without the extra.
    """
    paths = find_images(image_ids, folder, skip_missing=None)
    found = [Path(path) for path in paths if path is not None]
    rows = [read_header(path) for path in found]
    headers = pd.DataFrame(rows, columns=list(_ELEMENTS), dtype=object)
    require_named_patients(headers, found)
    return headers


def require_named_patients(headers: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Raise InputError where a film's header names no patient."""
    nameless = headers["patient_id"] == ""
    if nameless.any():
        raise InputError(
            f"{int(nameless.sum())} of {len(headers)} films have no PatientID in their headers, "
            f"the first is {paths[int(nameless.argmax())]}. Add a column of patients to the table: "
            "without them a split can leak."
        )


def has_dicom_mark(path: Path) -> bool:
    """Whether a file begins as DICOM does; False for what is no regular file."""
    try:
        with open_regular(path, what="film") as file:
            return is_dicom(file.read(_MARK_BYTES))
    except InputError:
        return False


def fill_from_headers(
    manifest: Manifest, folder: Path | None, *, has_patients: bool = True
) -> Manifest:
    """The manifest with what headers say in each column that its table left empty.

    has_patients: whether the table said whose the images are. None for `folder` changes nothing.
    """
    if folder is None:
        return manifest
    table = manifest.table
    headers = read_headers(manifest.image_ids.tolist(), folder).assign(
        age=lambda rows: parse_ages(rows["age"])
    )
    is_empty = {name: name not in table or _says_nothing(table[name]) for name in _ELEMENTS}
    is_empty["patient_id"] = not has_patients
    filled = {name: headers[name].to_numpy() for name, empty in is_empty.items() if empty}
    return replace(manifest, table=table.assign(**filled))


def _says_nothing(column: pd.Series) -> bool:
    return bool((column.isna() | (column == "")).all())


def read_header(path: Path) -> dict[str, str]:
    """patient_id, date, view, sex and age of a film as its header writes them, "" where not.

    Raises InputError for what is no DICOM file, or one that can't be read.
    """
    with open_regular(path, what="film", remedy="Pass the folder of the films as --dicom.") as file:
        data = file.read(_HEAD_BYTES)
        if not is_dicom(data):
            raise InputError(f"{path} is not a DICOM file. Leave out --dicom, or that image.")
        try:
            return _take(data)
        except UnreadableDicomError:
            # A deflated file, or a header of unusual length.
            data += file.read(MAX_IMAGE_BYTES - len(data))
    try:
        return _take(data)
    except UnreadableDicomError as error:
        raise InputError(f"{path}: {error}. Leave that image out of the table.") from None


def _take(data: bytes) -> dict[str, str]:
    header = read_elements(data, tuple(_ELEMENTS.values()), stops_at_pixels=True)
    return {name: _text(element(header, keyword)) for name, keyword in _ELEMENTS.items()}


def _text(value: object) -> str:
    """A value as one line of text; several, as a damaged header may have, are joined by `/`."""
    if value is None:
        return ""
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return "/".join(" ".join(str(part).split()) for part in parts)
