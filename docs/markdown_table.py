"""Tables in Markdown, and the digits in them."""

from __future__ import annotations

from collections.abc import Sequence


def join_cells(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of these cells, which hold no upright bar."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def three_digits(value: float) -> str:
    """The value with three significant digits; whole, with separators, from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
