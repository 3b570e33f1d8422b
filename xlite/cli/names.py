"""Lists of names in option values."""

from __future__ import annotations

import csv

from xlite.errors import InputError


def split_names(text: str) -> list[str]:
    """The names in a comma-separated option value.

    >>> split_names("bce, focal")
    ['bce', 'focal']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def split_quoted_names(text: str) -> tuple[str, ...]:
    """The names in a comma-separated option value, those that hold a comma in double quotes.

    >>> split_quoted_names('Edema, "Nodule, small"')
    ('Edema', 'Nodule, small')
    """
    rows = csv.reader([text], skipinitialspace=True)
    return tuple(name.strip() for row in rows for name in row if name.strip())


def require_one(option: str, text: str) -> str:
    """The only name in an option's value; InputError for several, which `ablate` is there for."""
    names = split_names(text)
    if len(names) != 1:
        many = f"{option}es" if option.endswith("s") else f"{option}s"
        raise InputError(
            f"{option} takes one name here, not {text!r}. Compare several with `xlite ablate "
            f"{many} {','.join(names) or 'A,B'}`."
        )
    return names[0]


def read_several(option: str, plural: str, one: str | None, many: str | None) -> tuple[str, ...]:
    """The names in the option of several, or in that of one where commas are in it; else none.

    Raises InputError when both are given, and for several that are none.
    """
    if many is not None and one is not None:
        raise InputError(f"{plural} varies what {option} would fix. Pass one.")
    if many is None and (one is None or "," not in one):
        return ()
    names = tuple(split_names(many or one or ""))
    if not names:
        raise InputError(f"{plural} is empty. Name at least two, separated by commas.")
    return names


def split_models(text: str) -> list[str]:
    """The models of a list; InputError for one that timm does not list."""
    from xlite.models.catalogue import require_listed

    names = split_names(text)
    for name in names:
        require_listed(name)
    return names
