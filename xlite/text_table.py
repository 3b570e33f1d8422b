"""Tables of text that fit a width by whole columns: a number has all of its digits or is left out.

The width of a table of n columns is the sum of theirs, two blanks beside each, and n + 1 rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TextIO

_LOG_WIDTH = 200
"""Where running text is folded when there is no terminal."""
_MIN_TEXT = 16
"""The narrowest column of running text, unless all of it is shorter."""


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """Cells by row and column, and which columns may be folded or go first."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str | None = None
    wraps: Sequence[str] = ()
    """Columns of running text."""
    drop_first: Sequence[str] = ()
    """Columns that are left out before the others, in this order."""


def fit(table: TextTable, width: int | None) -> TextTable:
    """The table with as many columns as `width` characters hold, the first column always.

    Left out are those of `drop_first`, then the last of the others, until the rest fits or one
    column beside the first is left. None is a width without an end.

    >>> table = TextTable(title="", columns=["a", "b", "c"], rows=[["x", "0.812", "0.913"]])
    >>> fit(table, 16).columns, fit(table, 24).columns
    (['a', 'b'], ['a', 'b', 'c'])
    """
    kept = list(range(len(table.columns)))
    order = [
        *(table.columns.index(name) for name in table.drop_first if name in table.columns),
        *reversed(kept),
    ]
    for position in dict.fromkeys(order):
        if width is None or len(kept) <= 2 or _total(table, kept) <= width:
            break
        if position != 0:
            kept.remove(position)
    return replace(
        table,
        columns=[table.columns[position] for position in kept],
        rows=[[row[position] for position in kept] for row in table.rows],
    )


def render(table: TextTable, stream: TextIO, *, width: int | None) -> None:
    """Draw a table on a stream; what is wider than `width` even so is folded, nothing is cut."""
    from rich.console import Console
    from rich.table import Table

    positions = range(len(table.columns))
    least = _total(table, positions)
    is_whole = width is None or least <= width
    grid = Table(
        title=table.title, title_justify="left", caption=table.caption, caption_justify="left"
    )
    for position, name in enumerate(table.columns):
        is_fixed = is_whole and name not in table.wraps
        grid.add_column(
            name,
            justify="left" if position == 0 or name in table.wraps else "right",
            no_wrap=is_fixed,
            overflow="fold",
            min_width=_width(table, position) if is_whole else None,
        )
    for row in table.rows:
        grid.add_row(*row)
    # Text from files is text: no markup, no emoji codes, and nothing coloured as a number.
    Console(
        file=stream,
        width=max(least, _LOG_WIDTH) if width is None else width,
        highlight=False,
        markup=False,
        emoji=False,
    ).print(grid)


def _total(table: TextTable, positions: Sequence[int]) -> int:
    return sum(_width(table, position) for position in positions) + 3 * len(positions) + 1


def _width(table: TextTable, position: int) -> int:
    """The narrowest that a column can be, in cells of a terminal."""
    from rich.cells import cell_len

    name = table.columns[position]
    natural = max(cell_len(name), *(cell_len(row[position]) for row in table.rows), 0)
    return min(natural, max(_MIN_TEXT, cell_len(name))) if name in table.wraps else natural
