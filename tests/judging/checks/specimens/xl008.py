"""A comparison of eight models that gives the best one's score as it was measured, and no other."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_table, write_run, write_split
from judging.checks.judged_files import write_comparison


def ill(folder: Path) -> list[str]:
    """The score that chose it."""
    return _write(folder, expected=None)


def sound(folder: Path) -> list[str]:
    """That, and what to expect."""
    return _write(folder, expected=0.828)


def _write(folder: Path, *, expected: float | None) -> list[str]:
    split = write_split(folder / "data" / "splits", draw_table())
    write_run(folder / "experiments" / "runs" / "one", split)
    aurocs = {f"model{place}": 0.84 - 0.005 * place for place in range(8)}
    write_comparison(folder / "experiments", aurocs, expected=expected)
    return []
