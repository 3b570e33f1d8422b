"""The end of a run, and its undoing: `scores.json` is written last, and is the first to go.

A run that is trained for more epochs than before keeps what it had reached, and is unfinished
until it is judged anew: nobody finds the scores of one state beside the predictions of another.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xlite.files import sha256_of_file, write_json
from xlite.places import VALIDATION
from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_PREVIOUS,
    RUN_SCORES,
    RUN_THRESHOLDS,
    RUN_TYPICAL_FILMS,
    predictions_name,
)
from xlite.run_folder.records import RunScores

_OF_VALIDATION = (predictions_name(VALIDATION), RUN_THRESHOLDS)
_ALWAYS = (predictions_name("test"), RUN_TYPICAL_FILMS)


def finish_run(run_dir: Path, scores: RunScores) -> RunScores:
    """What `scores.json` holds now: the scores, with the sums of the files that they are about.

    The checkpoint before the last is no longer needed, and goes.
    """
    of_validation = _OF_VALIDATION if scores.val is not None else ()
    return seal_run(run_dir, scores, [*of_validation, *_ALWAYS, RUN_BEST, RUN_CONFIG])


def seal_run(run_dir: Path, scores: RunScores, names: Iterable[str]) -> RunScores:
    """The same of files by name, all of which are there."""
    files = {name: sha256_of_file(run_dir / name) for name in names}
    finished = scores.model_copy(update={"files": files})
    write_json(run_dir / RUN_SCORES, finished.to_json())
    (run_dir / RUN_PREVIOUS).unlink(missing_ok=True)
    return finished


def set_aside_scores(run_dir: Path) -> None:
    """Move what a finished run has reached to `before_1`, `before_2`, …: it is to go on.

    The scores go first, since they are what says that the predictions belong to them.
    """
    if not (run_dir / RUN_SCORES).exists():
        return
    number = 1
    while (run_dir / f"before_{number}").exists():
        number += 1
    kept = run_dir / f"before_{number}"
    kept.mkdir()
    for name in (RUN_SCORES, *_OF_VALIDATION, *_ALWAYS):
        if (run_dir / name).exists():
            (run_dir / name).rename(kept / name)
