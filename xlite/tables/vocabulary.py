"""The check of a vocabulary: label names that files, tables and figures can tell apart.

It is made once, where a table is read: two labels that only differ in case would otherwise train
for hours and then be refused by whatever judges them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from xlite import console
from xlite.errors import InputError
from xlite.labels import simplify_label
from xlite.tables.manifest import COLUMNS

_RESERVED = {simplify_label(name) for name in ("macro", "weighted", "micro")}
_COLUMN_NAMES = {simplify_label(name) for name in COLUMNS}
_PREDICTIONS = "prob_"
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "'")
_BOUNDS = ("[", "]", "{", "}", '"', "`")
_ENDS = (*_BOUNDS, "'")
_LONGEST_NAME = 100
_MOST_LABELS = 1000
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of line breaks, terminal escapes, reversals of the writing direction."""


def check_vocabulary(names: Sequence[str], *, source: object) -> None:
    """Raise InputError, which names `source`, unless every label can be told from all others.

    Refused are an empty vocabulary or one of more than 1,000 names; names that are the same but
    for case, blanks, hyphens and underscores, by which predictions are matched; names without a
    letter or digit, with a bracket or quote at an end, with line breaks or other control
    characters, or of more than 100 characters; names that a spreadsheet would run; and names that
    our own files give to something else.
    """
    if not names:
        raise InputError(f"{source} has no label. Pass a table in which something was found.")
    if len(names) > _MOST_LABELS:
        raise InputError(
            f"{source} has {len(names):,} different labels, more than {_MOST_LABELS:,}. Check that "
            "the label column holds labels and no reports."
        )
    seen: dict[str, str] = {}
    for name in names:
        fault = _find_fault(name)
        if fault:
            raise InputError(f"{source}: the label {name[:_LONGEST_NAME]!r} {fault}. Rename it.")
        simple = simplify_label(name)
        if simple in seen:
            other = seen[simple]
            what = (
                f"the label {name!r} is there twice"
                if other == name
                else f"the labels {other!r} and {name!r} differ only in case, blanks, hyphens or "
                "underscores"
            )
            raise InputError(f"{source}: {what}. Write each label in one way.")
        seen[simple] = name


def refuse_joined_labels(names: Sequence[str], *, separator: str, source: object) -> None:
    """Raise InputError when a name is other names of `names` with another separator between them.

    Such as "Edema;Mass" beside "Edema" and "Mass": it would become a label of its own, and its
    images would count as free of both.
    """
    known = set(names)
    for name in names:
        for sign in (";", ",", "|"):
            pieces = [piece.strip() for piece in name.split(sign)]
            if sign != separator and len(pieces) > 1 and known.issuperset(pieces):
                raise InputError(
                    f"{source}: {name!r} is not one label, but {len(pieces)} with {sign!r} between "
                    f"them. Pass --separator '{sign}', or write one separator in all cells."
                )


def warn_about_separators(names: Sequence[str], *, separator: str, source: object) -> None:
    """Warn of labels that may be several, with another separator than the table's between them."""
    for sign in (";", "|", ","):
        joined = [name for name in names if sign in name]
        if joined and sign != separator:
            console.warn(
                f"{source}: {joined[0]!r} is taken for one label. Pass --separator '{sign}' if it "
                f"is several ({len(joined)} of {len(names)} labels hold {sign!r})."
            )
            return


def _find_fault(name: str) -> str | None:
    simple = simplify_label(name)
    if name != name.strip():
        return "has blanks around it"
    if not any(sign.isalnum() for sign in name):
        return "has no letter and no digit"
    if any(unicodedata.category(sign) in _UNSEEN for sign in name):
        return "holds a line break or another control character"
    if len(name) > _LONGEST_NAME:
        return f"is longer than {_LONGEST_NAME} characters"
    if name.startswith(_RUN_BY_SPREADSHEETS):
        return f"begins with {name[0]!r}, so that a spreadsheet would take it for a formula"
    if name.startswith(_BOUNDS) or name.endswith(_ENDS):
        return "has a bracket or a quote at its end, as a piece of a list has"
    if simple in _RESERVED:
        return "is the name of a mean over labels"
    if simple in _COLUMN_NAMES:
        return "is the name of another column of our tables"
    if name.casefold().startswith(_PREDICTIONS):
        return f"begins with {_PREDICTIONS}, by which predictions are known"
    return None
