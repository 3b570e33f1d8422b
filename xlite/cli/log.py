"""`xlite log`: the experiment log, brought up to date and commented."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.errors import InputError
from xlite.ownership import refuse_links, require_writable_folder

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
    from xlite.reporting.experiment_log import Remarks, update_experiment_log
    from xlite.reporting.log_markdown import DECISION, FOCUS, OBJECTIVE

    named = {"--run": run, "--ablation": ablation, "--comparison": comparison, "--id": record}
    given = [option for option, value in named.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other. Pass one.")
    if not experiments.is_dir():
        raise InputError(f"{experiments} does not exist. Pass --experiments DIR.")
    path = places.experiment_log_path(experiments)
    require_writable_folder(path.parent, option="--experiments")
    refuse_links([path], option="--experiments")
    require_writable_folder(experiments, option="--experiments")
    texts = {FOCUS: focus, OBJECTIVE: objective, DECISION: decision}
    lines = {name: text for name, text in texts.items() if text is not None}
    source = Path(run) if run is not None else ablation or comparison
    remarks = Remarks(lines, key=record, source=source) if lines or given else None
    key = update_experiment_log(path, experiments, remarks=remarks)
    if json:
        console.result_json({"log": str(path), "id": key})
    else:
        console.say(f"up to date: {path}" + (f", {key}" if key else ""))
