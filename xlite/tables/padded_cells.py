"""Blanks around the cells of a table, taken off only where there may be any."""

from __future__ import annotations

import pandas as pd

_BLANKS = (b"\t", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
_BESIDE_CELLS = (b" ,", b", ", b" \n", b"\n ", b'" ', b' "')


def strip_cells(cells: pd.DataFrame, content: bytes) -> pd.DataFrame:
    """The cells, which were taken of the table in `content`, without blanks around them.

    Most tables have none, and looking at each cell took a fifth of the reading of CheXpert's.
    """
    return cells.apply(_strip) if _may_have_padding(content) else cells


def _may_have_padding(content: bytes) -> bool:
    body = content.find(b"\n")
    if not content.isascii() or any(content.find(sign, body) >= 0 for sign in _BLANKS):
        return True
    # A single byte is found ten times as fast as two.
    return content.find(b" ", body) >= 0 and any(sign in content for sign in _BESIDE_CELLS)


def _strip(column: pd.Series[str]) -> pd.Series[str]:
    # Not `.str.strip()`: it was two fifths of what reading a table took.
    cells = list(map(str.strip, column.tolist()))
    return pd.Series(cells, index=column.index, dtype=column.dtype)
