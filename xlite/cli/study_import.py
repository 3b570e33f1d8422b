"""`xlite study import-wandb`: a plan from a sweep of Weights & Biases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups

_EPILOG = "Example: xlite study import-wandb sweep.yaml --out PLAN.toml"


def register(study: typer.Typer) -> None:
    """Add the command to the group."""
    study.command("import-wandb", epilog=_EPILOG)(expand_groups(import_wandb))


def import_wandb(
    sweep: Annotated[
        Path, typer.Argument(metavar="SWEEP.yaml", help="The sweep's file.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PLAN.toml", help="The plan to write. Default: standard output."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model, for a sweep that names none."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another file in PLAN.toml.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Write the plan of a study from a Weights & Biases sweep file.

    Method, metric, parameters with values and distributions, Hyperband and the cap of runs are
    read; trials are chosen by validation, whatever the metric is of. What a plan can't say is named
    in the plan's first lines and on standard error. No server is asked.
    """
    from xlite.workflows.study_import import import_wandb

    found = import_wandb(sweep, out=out, model=model, overwrite=overwrite)
    for note in found.notes:
        console.warn(note)
    if json:
        console.result_json(found.to_json())
    elif out is None:
        console.result_text(found.plan.rstrip("\n"))
    if out is not None:
        console.say(f"written: {out}")
