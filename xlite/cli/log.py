"""`xlite log`: the experiment log, brought up to date and commented."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups

_EPILOG = 'Example: xlite log add --ablation experiments/ablation.json --decision "keep pos-weight"'


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    log = typer.Typer(no_args_is_help=True)
    log.command("add", epilog=_EPILOG)(expand_groups(add))
    app.add_typer(
        log,
        name="log",
        help="Bring EXPERIMENT_LOG.md up to date, and say what an experiment was for.",
        epilog=_EPILOG,
        rich_help_panel="Judging",
    )


def add(
    focus: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it was about, for the index.")
    ] = None,
    objective: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it was to find out.")
    ] = None,
    decision: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What was decided, for the index.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Say it of this run: its folder or name.")
    ] = None,
    ablation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Say it of this ablation.json.")
    ] = None,
    comparison: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Say it of this comparison.json.")
    ] = None,
    record: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Say it of this record: EXP-007.")
    ] = None,
    experiments: Annotated[
        Path, typer.Option("--experiments", metavar="DIR", help="Folder of runs and tables.")
    ] = places.EXPERIMENTS_DIR,
    json: options.Json = False,
) -> None:
    """Add what has finished to the experiment log, and say what it was for and what follows.

    Training, ablate and compare do the first by themselves. Focus, objective and decision go into
    the notes of one record: the one that is named, else the newest. They can as well be written
    there by hand. Everything else that people write in the log stays as it is.
    """
    from xlite.workflows.log import add_to_log

    update = add_to_log(
        experiments,
        focus=focus,
        objective=objective,
        decision=decision,
        run=run,
        ablation=ablation,
        comparison=comparison,
        record=record,
    )
    if json:
        console.result_json(update.to_json())
    else:
        console.say(f"up to date: {update.log}" + (f", {update.id}" if update.id else ""))
