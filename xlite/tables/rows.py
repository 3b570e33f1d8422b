"""Which rows of a table count: by view, by age, and one a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.errors import InputError
from xlite.settings import RowSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.tables.manifest import Manifest

_VIEWS = {"frontal": ("PA", "AP"), "PA": ("PA",), "AP": ("AP",)}


def choose_rows(manifest: Manifest, rows: RowSettings, *, what: str) -> NDArray[np.bool_]:
    """(N,) whether a row of the manifest counts; how many do is said where not all of them do.

    what: what messages call the table. Raises InputError where the table does not know views or
    ages that are asked for, and where no row is left.
    """
    mask = np.ones(len(manifest), dtype=np.bool_)
    if rows.views != "all":
        mask &= _has_view(manifest, rows.views, what)
    if rows.min_age is not None:
        mask &= _has_age(manifest, rows.min_age, what)
    if rows.one_per_patient:
        mask &= _is_first(manifest, mask)
    asked = _describe(rows)
    if not mask.any():
        raise InputError(f"{what} has no image left with {asked}. Ask for less.")
    if not mask.all():
        console.say(f"{what}: {int(mask.sum()):,} of {len(mask):,} images count with {asked}.")
    return mask


def _describe(rows: RowSettings) -> str:
    """The options that were given, as they are written on a command line."""
    given = {
        "--views": None if rows.views == "all" else rows.views,
        "--min-age": None if rows.min_age is None else f"{rows.min_age:g}",
        "--one-per-patient": "" if rows.one_per_patient else None,
    }
    return " ".join(f"{name} {value}".strip() for name, value in given.items() if value is not None)


def _has_view(manifest: Manifest, views: str, what: str) -> NDArray[np.bool_]:
    found = manifest.table["view"].str.upper().str.strip()
    if not (found != "").any():
        raise InputError(f"{what} does not say the view of a film. Leave out --views.")
    return found.isin(_VIEWS[views]).to_numpy(dtype=np.bool_)


def _has_age(manifest: Manifest, min_age: float, what: str) -> NDArray[np.bool_]:
    ages = manifest.table["age"].to_numpy(dtype=np.float64)
    if np.isnan(ages).all():
        raise InputError(f"{what} does not say the age of a patient. Leave out --min-age.")
    # A patient of unknown age may be a child.
    return np.asarray(ages >= min_age)


def _is_first(manifest: Manifest, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a row is its patient's first of those in `mask`; one without a date comes last."""
    table = manifest.table[mask]
    if "date" in table:
        table = table.assign(date=table["date"].replace("", "~")).sort_values("date", kind="stable")
    first = table.index[~table["patient_id"].duplicated()]
    found = np.zeros(len(mask), dtype=np.bool_)
    found[first] = True
    return found
