"""Durations as people read them."""

from __future__ import annotations


def format_duration(seconds: float | None) -> str:
    """A duration in its two largest units, or "–" when it is not known.

    >>> format_duration(42), format_duration(200), format_duration(7500), format_duration(None)
    ('42 s', '3 min 20 s', '2 h 05 min', '–')
    """
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
