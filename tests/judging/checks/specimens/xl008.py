"""A comparison of eight models that gives the best one's score as it was measured, and no other."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_table, write_run, write_split
from judging.checks.judged_files import write_comparison

from xlite.judging.choices import record_choice
from xlite.splitting.split_folder import read_split


def ill(folder: Path) -> list[str]:
    """The score that chose it."""
    return _write(folder, expected=None)


def sound(folder: Path) -> list[str]:
    """That, and what to expect."""
    return _write(folder, expected=0.828)


def ill_by_the_ledger(folder: Path) -> list[str]:
    """Four more were compared before, and left out."""
    words = _write(folder, expected=0.828)
    _note(folder, 12)
    _note(folder, 8)
    return words


def sound_by_the_ledger(folder: Path) -> list[str]:
    """The same again, and fewer at first."""
    words = _write(folder, expected=0.828)
    for count in (5, 8, 8):
        _note(folder, count)
    return words


def _note(folder: Path, count: int) -> None:
    """A comparison of so many in the ledger of choices."""
    val = read_split(folder / "data" / "splits").require_part("val")
    names = [f"model{place}" for place in range(count)]
    record_choice(
        folder / "experiments",
        val,
        "xlite compare",
        kind="comparison",
        names=names,
        chosen="model0",
    )


def _write(folder: Path, *, expected: float | None) -> list[str]:
    split = write_split(folder / "data" / "splits", draw_table())
    write_run(folder / "experiments" / "runs" / "one", split)
    aurocs = {f"model{place}": 0.84 - 0.005 * place for place in range(8)}
    write_comparison(folder / "experiments", aurocs, expected=expected)
    return []
