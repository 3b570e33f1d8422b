"""Which folders hold runs, and whose a file of predictions is."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from xlite.errors import InputError
from xlite.run_folder.file_names import RUN_CONFIG, RUN_SCORES, RUNS, predictions_name
from xlite.run_folder.folder import RunFolder


def find_run_folders(runs_dir: Path, *, leave_out: Collection[str] = ()) -> list[RunFolder]:
    """The folders below `runs_dir` that say what they are, by name; nothing of them is read.

    leave_out: names of folders that are not looked at.
    """
    names = os.listdir(runs_dir) if runs_dir.is_dir() else []  # noqa: PTH208  # ten times as fast
    runs = [RunFolder(runs_dir / name) for name in sorted(set(names).difference(leave_out))]
    return [run for run in runs if run.is_begun]


def find_run_of(predictions: Path, part: str) -> RunFolder | None:
    """The run whose predictions of `part` a file is, links followed; None for anybody else's."""
    # Not Path.resolve, which calls a circle of links a mistake of the program's.
    real = Path(os.path.realpath(predictions))
    run = RunFolder(real.parent)
    return run if real.name == predictions_name(part) and run.is_begun else None


def list_runs(experiments_dir: Path) -> tuple[list[RunFolder], list[str]]:
    """The runs of an experiments folder by name, and a sentence for each that can't be read."""
    runs, faults = [], []
    folders = {
        path.parent
        for name in (RUN_CONFIG, RUN_SCORES)
        for path in (experiments_dir / RUNS).glob(f"*/{name}")
    }
    for folder in sorted(folders):
        run = RunFolder(folder)
        try:
            run.check()
        except InputError as error:
            faults.append(f"{folder.name} is left out: {error}")
        else:
            runs.append(run)
    return runs, faults
