"""`xlite study run`: a study from its plan file, begun or gone on with on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.study_options import AcceptChange, Device, Workers, end_study_command
from xlite.errors import InputError
from xlite.own_process import keep_freed_memory
from xlite.signals import catch_stop_signals

PlannedJobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        max=1024,
        help="Agents on this machine; they share its cores. Default: the plan's, else 1.",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Agents on this Ray cluster: HOST:PORT of its head, auto, or local.",
    ),
]
RayAgents = Annotated[
    int | None,
    typer.Option(
        "--agents",
        min=1,
        max=10_000,
        help="--ray: how many. Default: one for each GPU, else for each processor.",
    ),
]

_EPILOG = "Example: xlite study run PLAN.toml --jobs 2"


def register(study: typer.Typer) -> None:
    """Add the command to the group."""
    study.command("run", epilog=_EPILOG)(expand_groups(run))


def run(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.toml", help="The plan.", show_default=False)
    ],
    jobs: PlannedJobs = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder for runs and tables. Default: the plan's."
        ),
    ] = None,
    device: Device = None,
    workers: Workers = None,
    ray: Ray = None,
    agents: RayAgents = None,
    accept_change: AcceptChange = False,
    json: options.Json = False,
) -> None:
    """Carry out the study of a plan file, from wherever it is, until it ends or asks a person.

    It lies in OUT/studies/NAME. Stopped by Ctrl-C, SIGTERM or a power cut, the same command goes
    on; others may work on it at the same time, here or with `xlite study work` on machines that
    see the folder. Exit code 1 says that items failed, 3 that it waits for a person.
    """
    has_own = any(value is not None for value in (jobs, device, workers))
    _refuse_mixture(ray, agents, has_own=has_own)
    changes: dict[str, Any] = {"accept_change": accept_change, "stopping": catch_stop_signals}
    if ray is not None:
        from xlite.workflows.study_ray import run_study_on_ray

        status = run_study_on_ray(plan, ray, out=out, agents=agents, **changes)
    else:
        from xlite.workflows.study import run_study_plan

        keep_freed_memory()
        status = run_study_plan(
            plan, out=out, jobs=jobs, device=device, num_workers=workers, **changes
        )
    end_study_command(status, json=json)


def _refuse_mixture(ray: str | None, agents: int | None, *, has_own: bool) -> None:
    """Raise InputError for options of this machine beside those of a cluster."""
    if ray is not None and has_own:
        raise InputError(
            "--jobs, --device and --workers are of this machine. Leave them out with --ray; "
            "[running] of the plan says them for all agents."
        )
    if ray is None and agents is not None:
        raise InputError("--agents is for --ray. Pass --jobs for agents on this machine.")
