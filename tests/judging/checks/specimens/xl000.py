"""A validation part that a spreadsheet has saved with semicolons and a quote that never ends."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import deal_by_patient, draw_table, write_parts


def ill(folder: Path) -> list[str]:
    """One part can't be read."""
    words = sound(folder)
    (folder / "splits" / "val.csv").write_text('Image Index;Finding Labels\n"a.png;Mass\n')
    return words


def sound(folder: Path) -> list[str]:
    """All parts can."""
    write_parts(folder / "splits", **deal_by_patient(draw_table(num_patients=60)))
    return ["--split", "splits"]
