"""Scores with their intervals, as tables and sentences show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results import Result


def bracket(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """The value with its interval, where it has one.

    >>> bracket(0.8, 0.75, 0.85), bracket(0.8, float("nan"), float("nan"))
    ('0.800 [0.750, 0.850]', '0.800')
    """
    number = decimal(value, sign=sign)
    if low != low:
        return number
    return f"{number} [{decimal(low, sign=sign)}, {decimal(high, sign=sign)}]"


def interval(row: Result, score: str, *, sign: bool = False) -> str:
    """A score of a result with its interval, which it has under the score's name."""
    value, low, high = (getattr(row, f"{score}{end}") for end in ("", "_low", "_high"))
    return bracket(value, low, high, sign=sign)


def p_value(p: float) -> str:
    """A p value, the smallest as a bound.

    >>> p_value(0.0004), p_value(0.04)
    ('<0.001', '0.040')
    """
    return "<0.001" if p < 0.001 else decimal(p)
