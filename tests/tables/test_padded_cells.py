from __future__ import annotations

from pathlib import Path

import pytest

from xlite.tables.csv_table import parse_csv


@pytest.mark.parametrize("blank", [" ", "\t", "\x0b", "\x1f", "\u00a0", "\u3000"])
@pytest.mark.parametrize("row", ["{}x,y,z", "x{},y,z", "x,{}y{},z", "x,y,{}z", "x,y,z{}"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_blanks_around_a_cell_are_no_part_of_it(blank: str, row: str, quote: str) -> None:
    cells = [f"{quote}{cell}{quote}" for cell in row.format(*[blank] * 2).split(",")]
    content = f"a,b,c\n{','.join(cells)}\np,q r,s\n"
    table = parse_csv(content.encode(), Path("table.csv"))
    assert table.take(["a", "b", "c"]).values.tolist() == [["x", "y", "z"], ["p", "q r", "s"]]
