"""A run whose weights of positives were scaled to a mean of N/3, as N/14 once was for 14 labels."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_table, write_run, write_split


def ill(folder: Path) -> list[str]:
    """Weights of the order of the number of images."""
    return _write(folder, [520.0, 410.0, 460.0])


def sound(folder: Path) -> list[str]:
    """Weights of the order of N⁻/N⁺."""
    return _write(folder, [2.4, 3.1, 2.2])


def _write(folder: Path, pos_weight: list[float]) -> list[str]:
    split = write_split(folder / "splits", draw_table())
    write_run(folder / "run", split, config={"pos_weight": pos_weight})
    return ["--run", "run"]
