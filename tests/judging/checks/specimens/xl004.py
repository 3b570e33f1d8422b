"""A project in which a run was begun after the test score of another had been looked at."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_sitting, draw_table, write_run, write_split

from xlite.files import write_json
from xlite.judging.sealed_test import TEST_LOOKS, LooksAtTest
from xlite.results.evaluation import Look


def ill(folder: Path) -> list[str]:
    """The look came first."""
    return _write(folder, looked="2026-03-10T10:00:00+00:00")


def sound(folder: Path) -> list[str]:
    """The look came last."""
    return _write(folder, looked="2026-04-20T10:00:00+00:00")


def _write(folder: Path, *, looked: str) -> list[str]:
    split = write_split(folder / "data" / "splits", draw_table())
    runs = folder / "experiments" / "runs"
    write_run(runs / "baseline", split)
    later = draw_sitting().model_copy(update={"started": "2026-03-20T10:00:00+00:00"})
    write_run(runs / "focal", split, seed=1, sittings=[later])
    look = Look(
        time=looked,
        command="xlite evaluate baseline --part test",
        test_set="e" * 64,
        run="baseline",
    )
    write_json(folder / "experiments" / TEST_LOOKS, LooksAtTest(looks=(look,)).to_json())
    return []
