"""Lists of names in option values."""

from __future__ import annotations


def split_names(text: str) -> list[str]:
    """The names in a comma-separated option value.

    >>> split_names("bce, focal")
    ['bce', 'focal']
    """
    return [name.strip() for name in text.split(",") if name.strip()]
