"""A test part that is said to be an official list, and is a random quarter of the table."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import deal_by_patient, draw_table, write_parts


def ill(folder: Path) -> list[str]:
    """The list is of other patients."""
    return _write(folder, list_seed=5)


def sound(folder: Path) -> list[str]:
    """The test part is the list."""
    return _write(folder, list_seed=0)


def _write(folder: Path, *, list_seed: int) -> list[str]:
    table = draw_table(num_patients=300)
    write_parts(folder / "theirs", **deal_by_patient(table))
    official = deal_by_patient(table, seed=list_seed)["test"]["Image Index"]
    (folder / "test_list.txt").write_text("\n".join(official) + "\n")
    return ["--split", "theirs", "--test-list", "test_list.txt"]
