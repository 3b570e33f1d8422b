"""Lists of names in option values."""

from __future__ import annotations

import csv


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
