"""Where a run's files lie, for whoever has to name them and not to read them."""

from __future__ import annotations

from typing import Literal

from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_SCORES,
    RUN_SITTINGS,
    predictions_name,
)
from xlite.run_folder.folder import RunFolder

RunFile = Literal["config", "sittings", "history", "weights", "scores", "val", "test"]
"""A file of a run by what it holds; val and test: the predictions of that part."""

_NAMES = {
    "config": RUN_CONFIG,
    "sittings": RUN_SITTINGS,
    "history": RUN_HISTORY,
    "weights": RUN_BEST,
    "scores": RUN_SCORES,
}


def name_run_files(run: RunFolder, *files: RunFile) -> tuple[str, ...]:
    """The paths of some files of a run, whether they are there or not.

    >>> from pathlib import Path
    >>> name_run_files(RunFolder(Path("experiments/runs/a")), "history")
    ('experiments/runs/a/history.csv',)
    """
    return tuple(
        (run.path / (_NAMES.get(file) or predictions_name(file))).as_posix() for file in files
    )
