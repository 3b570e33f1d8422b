"""The folder that functions write to that train: what is said of it before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from xlite import places
from xlite.ownership import refuse_links, require_replaceable_file, require_writable_folder
from xlite.places import BASELINE_RESULTS
from xlite.run_folder.file_names import RUNS
from xlite.studies.folder import StudyFolder

_RESULTS_BEGIN = b"model_name,backbone,attention,"
"""The first columns of the table of results are X-Lite's."""


def check_out(out: Path) -> None:
    """Raise InputError when nothing can be written where runs, tables and log are to go."""
    require_writable_folder(out / RUNS)
    require_replaceable_file(
        out / BASELINE_RESULTS,
        is_ours=lambda head: head.startswith(_RESULTS_BEGIN),
        overwrite=None,
    )
    log = places.experiment_log_path(out)
    require_writable_folder(log.parent)
    refuse_links([log])


def find_experiments(folder: StudyFolder) -> Path:
    """The experiments folder, from the working folder where it lies below: runs note how it was
    named, and are the same whichever machine trained them.
    """
    experiments, here = folder.experiments.absolute(), Path.cwd()
    return experiments.relative_to(here) if experiments.is_relative_to(here) else experiments
