"""What the experiment log tells of: finished runs, studies, the newest ablation and comparison."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from xlite import console
from xlite.places import TRAINING_PROGRESS
from xlite.records import Record
from xlite.reporting.begun_studies import find_studies
from xlite.reporting.external_sites import read_external
from xlite.reporting.judged_studies import read_studies, read_study
from xlite.reporting.log_begun_studies import describe_begun_study
from xlite.reporting.log_file import Name
from xlite.reporting.log_markdown import LogEntry
from xlite.reporting.log_runs import describe_environment, describe_run
from xlite.reporting.log_studies import describe_study
from xlite.results.ablation import Ablation
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import list_runs


def read_experiments(
    experiments_dir: Path, log_dir: Path, asked: Path | None
) -> tuple[dict[Name, LogEntry], Name | None]:
    """The experiments there are, in the order in which they get ids; and which one is `asked`."""
    times = _read_finish_times(experiments_dir / TRAINING_PROGRESS)
    entries: dict[Name, LogEntry] = {}
    asked_name: Name | None = None
    if asked is not None and asked.suffix != ".json":
        # A path as the shell completes it is as good as the folder's name.
        asked_name = ("run", asked.name)
    environments: dict[str, str] = {}
    elsewhere, faults = read_external(experiments_dir)
    for fault in faults:
        console.warn(fault)
    for run in _read_runs(experiments_dir, times):
        entry = describe_run(
            run,
            finished=_finish_time(run, times),
            log_dir=log_dir,
            elsewhere=[one for one in elsewhere if one.name == run.name],
        )
        if run.sittings:
            environments[entry.source] = describe_environment(run.sittings[-1].environment)
        entries[entry.kind, entry.source] = entry
    studies, faults = read_studies(experiments_dir)
    for fault in faults:
        console.warn(fault)
    if asked is not None and asked_name is None:
        studies = {**studies, asked: read_study(asked)}
    for path, study in studies.items():
        of_study = study.run_names if isinstance(study, Ablation) else ()
        ended = max((times.get(f"{RUNS}/{run}", "") for run in of_study), default="")
        entry = describe_study(
            study,
            path=path,
            log_dir=log_dir,
            finished=ended,
            environment=next((environments[run] for run in of_study if run in environments), ""),
        )
        # A copy elsewhere may be named beside the newest: it is the same study.
        entries.setdefault((entry.kind, entry.source), entry)
        if path == asked:
            asked_name = (entry.kind, entry.source)
    begun, faults = find_studies(experiments_dir)
    for fault in faults:
        console.warn(fault)
    for folder, files in begun.items():
        entry = describe_begun_study(files, folder=folder, log_dir=log_dir)
        entries[entry.kind, entry.source] = entry
    return entries, asked_name


def _read_runs(experiments_dir: Path, times: Mapping[str, str]) -> list[RunFolder]:
    """The finished runs in the order in which they ended; undated ones last."""
    runs, faults = list_runs(experiments_dir)
    for fault in faults:
        console.warn(fault)

    def rank(run: RunFolder) -> tuple[bool, str, str]:
        time = _finish_time(run, times)
        return time == "", time, run.name

    return sorted((run for run in runs if run.is_finished), key=rank)


def _finish_time(run: RunFolder, times: Mapping[str, str]) -> str:
    return times.get(f"{RUNS}/{run.name}", "")


class _Entry(BaseModel):
    run: str
    finished: str | None = None


class _Progress(Record):
    """`training_progress.json`, as far as the log needs it."""

    models: dict[str, _Entry]


def _read_finish_times(path: Path) -> dict[str, str]:
    if not os.path.lexists(path):
        return {}
    remedy = "Move it away; the run folders hold all that matters."
    times: dict[str, str] = {}
    for entry in _Progress.read(path, remedy=remedy).models.values():
        # An ablation may list a run that a training listed before.
        if entry.finished:
            times[entry.run] = min(entry.finished, times.get(entry.run, entry.finished))
    return times
