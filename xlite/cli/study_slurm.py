"""`xlite study slurm`: a study's agents as a job array of Slurm."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.study_options import AcceptChange

_EPILOG = "Example: xlite study slurm PLAN.toml --submit"


def register(study: typer.Typer) -> None:
    """Add the command to the group."""
    study.command("slurm", epilog=_EPILOG)(expand_groups(slurm))


def slurm(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.toml", help="The plan.", show_default=False)
    ],
    submit: Annotated[
        bool, typer.Option("--submit", help="Hand the script to sbatch as well.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder for runs and tables. Default: the plan's."
        ),
    ] = None,
    accept_change: AcceptChange = False,
    json: options.Json = False,
) -> None:
    """Write the batch script of a study's agents, as the plan's slurm table asks, or submit it.

    Each task of its job array is an agent. Near its time limit, and on `scancel --signal=TERM`, it
    saves, and Slurm starts it again; a lost or preempted node costs what was not saved. Submit as
    often as you like: every array is more agents for the same study.
    """
    from xlite.workflows.study_slurm import work_on_slurm

    array = work_on_slurm(plan, out=out, submit=submit, accept_change=accept_change)
    if json:
        console.result_json(array.to_json())
    elif array.job is None:
        console.say(f"written: {array.script}. Submit it with sbatch {shlex.quote(array.script)}")
    else:
        console.say(f"submitted: job {array.job}, {array.agents} agents of {array.study}")
