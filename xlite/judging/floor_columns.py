"""The columns of a table that may tell labels without the image: which, and what they say.

N images. Columns are known by what they are usually called; ids never are among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError, did_you_mean
from xlite.ids import canonical_patient_ids, match_image_names
from xlite.judging.labelled_predictions import AGE
from xlite.labels import MISSING_TEXTS
from xlite.tables.columns import ColumnTable
from xlite.tables.row_checks import parse_ages

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROLES: dict[str, tuple[str, ...]] = {
    "age": ("age", "patient age", "age at study", "age years"),
    "sex": ("sex", "gender", "patient sex", "patient gender"),
    "view": ("view", "view position", "projection", "ap pa", "frontal lateral"),
    "visit": ("visit", "follow up", "follow up number", "visit number", "study number"),
    "site": ("site", "hospital", "institution", "centre", "center", "source"),
    "scanner": ("scanner", "manufacturer", "device", "station name"),
    "width": ("width", "image width", "originalimage width", "original image width"),
    "height": ("height", "image height", "originalimage height", "original image height"),
}
"""What columns are taken for by what they are called, in small letters without signs."""

_NUMBERS = ("visit", "width", "height")
_MOSTLY = 0.95
_FEWEST_PATIENTS = 20
"""Of fewer it is no wonder that each has a value of its own."""


def find_roles(header: Iterable[str]) -> dict[str, str]:
    """The column of each role that a table has; of several that are called alike the first.

    >>> find_roles(["Image Index", "Follow-up #", "Patient Age", "OriginalImage[Width"])
    {'age': 'Patient Age', 'visit': 'Follow-up #', 'width': 'OriginalImage[Width'}
    """
    plain = {name: re.sub(r"[^a-z]+", " ", name.casefold()).strip() for name in header}
    found = {}
    for role, names in ROLES.items():
        called = [name for name, text in plain.items() if text in names]
        if called:
            found[role] = called[0]
    return found


def read_floor_columns(
    image_ids: NDArray[Any],
    known: Mapping[str, NDArray[Any]],
    table: ColumnTable | None,
    *,
    image_column: str,
    wanted: Sequence[str] = (),
    forbidden: Sequence[str] = (),
) -> dict[str, NDArray[Any]]:
    """The columns of N images by role or name: floats with NaN, or texts with "" where missing.

    known: view, sex and age as a manifest has them, or other columns by name. table: where more of
    them are. wanted: roles and names of columns, or none for all roles. forbidden: columns that
    name images and patients or hold labels. Raises InputError for a wanted column that is not there
    or is forbidden.
    """
    header = () if table is None else table.header
    roles = find_roles(name for name in header if name not in forbidden)
    sources = dict(roles)
    given = find_roles(known)
    for name in wanted:
        if name in forbidden:
            raise InputError(
                f"--floor-columns {name}: the column names images or patients, or holds a label. "
                "Leave it out."
            )
        if name not in (*roles, *given, *header, *known):
            names = (*dict.fromkeys([*given, *roles, *header]),)
            raise InputError(
                f"--floor-columns {name}: there is no such column.{did_you_mean(name, names)} "
                f"There are: {', '.join(names)}."
            )
        if name in header:
            sources.setdefault(name, name)
    columns = {}
    for role, name in given.items():
        cells = known[name]
        if any(str(cell) not in ("", "nan") for cell in cells):
            columns[role] = _read_cells(role, cells)
    if table is not None:
        further = {role: name for role, name in sources.items() if role not in columns}
        columns |= _take(table, image_ids, further, image_column)
    for name in wanted:
        if name in known and name not in columns:
            columns[name] = _read_cells(name, known[name])
    return {name: columns[name] for name in (wanted or ROLES) if name in columns}


def _take(
    table: ColumnTable, image_ids: NDArray[Any], sources: Mapping[str, str], image_column: str
) -> dict[str, NDArray[Any]]:
    """The cells of the images, matched by name; missing where the table does not have an image."""
    if image_column not in table.header or not sources:
        return {}
    names = list(dict.fromkeys([image_column, *sources.values()]))
    cells = table.take(names)
    rows = match_image_names(image_ids, cells[image_column])
    found = {}
    for role, name in sources.items():
        texts = np.append(cells[name].to_numpy(dtype=object), "")
        found[role] = _read_cells(role, np.where(rows >= 0, texts[rows], ""))
    return found


def _read_cells(role: str, cells: NDArray[Any]) -> NDArray[Any]:
    """(N,) cells as floats or texts, by the role, or else by what most of them are."""
    if cells.dtype.kind == "f":
        return cells.astype(np.float64)
    texts = pd.Series(["" if cell is None else str(cell).strip() for cell in cells], dtype=str)
    texts = texts.mask(texts.str.casefold().isin(MISSING_TEXTS), "")
    if role == AGE:
        return parse_ages(texts)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    is_text = role in ROLES and role not in _NUMBERS
    num_known = int((texts != "").sum())
    if not is_text and num_known and (~np.isnan(numbers)).sum() >= _MOSTLY * num_known:
        return np.asarray(numbers)
    return texts.to_numpy(dtype=object)


def drop_mute(
    columns: Mapping[str, NDArray[Any]], patients: NDArray[Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The columns that can tell one patient's images from another's, and why others can't.

    Raises InputError for a column without a role whose values each belong to one patient: an id.
    """
    kept, mute = {}, {}
    for name, values in columns.items():
        codes, distinct = pd.factorize(values)
        if (codes < 0).all() or [str(value) for value in distinct] == [""]:
            mute[name] = "empty for every image"
        elif len(distinct) < 2:
            mute[name] = "the same for every image"
        else:
            if name not in ROLES:
                _refuse_id(name, values, patients)
            kept[name] = values
    return kept, mute


def _refuse_id(name: str, values: NDArray[Any], patients: NDArray[Any]) -> None:
    frame = pd.DataFrame({"value": values, "patient": canonical_patient_ids(list(patients))})
    frame = frame[frame["value"].astype(str) != ""].dropna()
    owners = frame.groupby("value")["patient"].nunique()
    num_patients = frame["patient"].nunique()
    is_own = (owners == 1).sum() >= _MOSTLY * num_patients
    if is_own and num_patients >= _FEWEST_PATIENTS:
        raise InputError(
            f"--floor-columns {name}: nearly every patient has a value of its own, so that it "
            "names patients as an id does. Leave it out."
        )
