"""A comparison that ranks one model below another, with one seed of each."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_table, write_run, write_split
from judging.checks.judged_files import write_comparison


def ill(folder: Path) -> list[str]:
    """One training each."""
    return _write(folder, seeds=1)


def sound(folder: Path) -> list[str]:
    """Three trainings each."""
    return _write(folder, seeds=3)


def _write(folder: Path, *, seeds: int) -> list[str]:
    split = write_split(folder / "data" / "splits", draw_table())
    write_run(folder / "experiments" / "runs" / "one", split)
    aurocs = {"convnext": 0.84, "resnet": 0.81}
    write_comparison(folder / "experiments", aurocs, seeds=seeds, expected=0.837)
    return []
