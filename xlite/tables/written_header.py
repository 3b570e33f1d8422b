"""Which tables are ones that `write_manifest` wrote, with one column a label, by their header."""

from __future__ import annotations

from collections.abc import Sequence

from xlite.tables.manifest import (
    AGE_COL,
    FURTHER_COLS,
    IMAGE_COL,
    PATIENT_COL,
    SEX_COLS,
    VIEW_COL,
)

_FRONT = (IMAGE_COL, PATIENT_COL, AGE_COL, SEX_COLS[0], VIEW_COL)


def find_written_labels(header: Sequence[str]) -> tuple[str, ...]:
    """The labels of a table that we wrote; none for any other.

    >>> find_written_labels([*_FRONT, "Source", "Edema", "Mass"])
    ('Edema', 'Mass')
    >>> find_written_labels(["Image Index", "Edema", "Mass"])
    ()
    """
    if tuple(header[: len(_FRONT)]) != _FRONT:
        return ()
    rest = list(header[len(_FRONT) :])
    for column in FURTHER_COLS.values():
        if rest and rest[0] == column:
            del rest[0]
    return tuple(rest)
