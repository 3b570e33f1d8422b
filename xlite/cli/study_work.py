"""`xlite study work`: an agent of a study that has begun, on any machine that sees its folder."""

from __future__ import annotations

import typer

from xlite import places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.study_options import (
    Device,
    ExperimentsDir,
    Jobs,
    StudyName,
    Workers,
    end_study_command,
)
from xlite.own_process import keep_freed_memory
from xlite.signals import catch_stop_signals

_EPILOG = "Example: xlite study work experiments/studies/NAME"


def register(study: typer.Typer) -> None:
    """Add the command to the group."""
    study.command("work", epilog=_EPILOG)(expand_groups(work))


def work(
    study: StudyName,
    jobs: Jobs = 1,
    out: ExperimentsDir = places.EXPERIMENTS_DIR,
    device: Device = None,
    workers: Workers = None,
    json: options.Json = False,
) -> None:
    """Work on a study that has begun, beside any others, until it ends or asks a person.

    Any machine that sees the project's folder may, from any working folder. An agent that gives no
    sign of life for three minutes, or whose process is gone from this machine, is taken for dead,
    and others go on with its item. SIGTERM saves the item and sets it free.
    """
    from xlite.studies.find_study import find_study
    from xlite.workflows.study import work_on_study

    keep_freed_memory()
    status = work_on_study(
        find_study(study, out).path,
        jobs=jobs,
        device=device,
        num_workers=workers,
        stopping=catch_stop_signals,
    )
    end_study_command(status, json=json)
